// Output shapes after an edit, for the kinds that carry a network's sizes. Runtimes infer shapes themselves;
// the stored ones serve readers, and the lift resolves SAME by them.
#include <algorithm>

#include "formats/tflite/editor.h"
#include "formats/tflite/lift_families.h"
#include "formats/tflite/tensors.h"

namespace fetafix::formats::tflite {
namespace {

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1 && x >= 0 && y >= 0) return std::nullopt;
    out[out.size() - 1 - i] = x == 1 ? y : y == 1 ? x : std::max(x, y);
  }
  return out;
}

int64_t window(schema::Padding padding, int64_t input, int64_t kernel, int64_t stride, int64_t dilation) {
  return input < 0 ? -1 : resolve_padding(padding, input, kernel, stride, dilation).output;
}

template <class T>
std::optional<Shape> convolved(const Shape& in, const Shape& w, const T& o, int64_t channels) {
  if (in.size() != 4 || w.size() != 4) return std::nullopt;
  return Shape{in[0], window(o.padding, in[1], w[1], o.stride_h, o.dilation_h_factor),
               window(o.padding, in[2], w[2], o.stride_w, o.dilation_w_factor), channels};
}

class Inference {
 public:
  Inference(const Editor& editor, const schema::OperatorT& op) : editor_(editor), op_(op) {}

  std::optional<Shape> run() const {
    const Builtin kind = editor_.builtin(op_);
    const auto& o = op_.builtin_options;
    const Shape in = of(0);
    if (const auto* t = o.AsConv2DOptions()) return convolved(in, of(1), *t, of(1).empty() ? -1 : of(1)[0]);
    if (const auto* t = o.AsDepthwiseConv2DOptions())
      return convolved(in, of(1), *t, of(1).empty() ? -1 : of(1).back());
    if (const auto* t = o.AsPool2DOptions()) {
      if (in.size() != 4) return std::nullopt;
      return Shape{in[0], window(t->padding, in[1], t->filter_height, t->stride_h, 1),
                   window(t->padding, in[2], t->filter_width, t->stride_w, 1), in[3]};
    }
    if (kind == Builtin::PAD || kind == Builtin::PADV2 || kind == Builtin::MIRROR_PAD) return padded(in);
    if (kind == Builtin::TRANSPOSE) return transposed(in);
    if (kind == Builtin::RESHAPE) return reshaped(in);
    if (const auto* t = o.AsReducerOptions()) return reduced(in, t->keep_dims);
    if (const auto* t = o.AsConcatenationOptions()) return joined(t->axis);
    if (const auto* t = o.AsFullyConnectedOptions()) return dense(in, t->keep_num_dims);
    if (is_elementwise(kind)) {
      std::optional<Shape> out = in;
      for (size_t i = 1; i < op_.inputs.size() && out; ++i) out = broadcast(*out, of(static_cast<int>(i)));
      return out;
    }
    return std::nullopt;
  }

 private:
  Shape of(int slot) const {
    const int index = editor_.operand(op_, slot);
    return index < 0 ? Shape{} : editor_.shape(index);
  }

  std::optional<std::vector<int64_t>> numbers(int slot) const {
    return editor_.int32s(editor_.operand(op_, slot));
  }

  static bool is_elementwise(Builtin kind) {
    switch (kind) {
      case Builtin::ADD:
      case Builtin::SUB:
      case Builtin::MUL:
      case Builtin::DIV:
      case Builtin::MAXIMUM:
      case Builtin::MINIMUM:
      case Builtin::POW:
      case Builtin::PRELU:
      case Builtin::SQUARED_DIFFERENCE:
      case Builtin::RELU:
      case Builtin::RELU6:
      case Builtin::RELU_N1_TO_1:
      case Builtin::TANH:
      case Builtin::LOGISTIC:
      case Builtin::HARD_SWISH:
      case Builtin::GELU:
      case Builtin::ELU:
      case Builtin::LEAKY_RELU:
      case Builtin::SOFTMAX:
      case Builtin::EXP:
      case Builtin::SQRT:
      case Builtin::RSQRT:
      case Builtin::NEG:
      case Builtin::ABS:
      case Builtin::LOG:
      case Builtin::FLOOR:
      case Builtin::CEIL:
      case Builtin::ROUND:
      case Builtin::SIN:
      case Builtin::COS:
      case Builtin::SIGN:
      case Builtin::CAST:
      case Builtin::QUANTIZE:
      case Builtin::DEQUANTIZE:
        return true;
      default:
        return false;
    }
  }

  std::optional<Shape> padded(Shape shape) const {
    const auto rows = numbers(1);
    if (!rows || rows->size() != 2 * shape.size()) return std::nullopt;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] >= 0) shape[i] += (*rows)[2 * i] + (*rows)[2 * i + 1];
    return shape;
  }

  std::optional<Shape> transposed(const Shape& in) const {
    const auto order = numbers(1);
    if (!order || order->size() != in.size()) return std::nullopt;
    Shape out;
    for (int64_t axis : *order) {
      if (axis < 0 || axis >= static_cast<int64_t>(in.size())) return std::nullopt;
      out.push_back(in[static_cast<size_t>(axis)]);
    }
    return out;
  }

  std::optional<Shape> reshaped(const Shape& in) const {
    auto shape = numbers(1);
    if (!shape && editor_.operand(op_, 1) < 0) {
      const auto* o = op_.builtin_options.AsReshapeOptions();
      if (o) shape = std::vector<int64_t>(o->new_shape.begin(), o->new_shape.end());
    }
    if (!shape) return std::nullopt;
    const auto total = element_count(in);
    int64_t known = 1;
    for (int64_t d : *shape) known *= d < 0 ? 1 : d;
    for (int64_t& d : *shape)
      if (d < 0 && total && known > 0 && *total % known == 0) d = *total / known;
    return shape;
  }

  std::optional<Shape> reduced(const Shape& in, bool keep) const {
    auto axes = numbers(1);
    if (!axes) return std::nullopt;
    Shape out;
    for (size_t i = 0; i < in.size(); ++i) {
      const bool gone = std::any_of(axes->begin(), axes->end(), [&](int64_t a) {
        return (a < 0 ? a + static_cast<int64_t>(in.size()) : a) == static_cast<int64_t>(i);
      });
      if (!gone)
        out.push_back(in[i]);
      else if (keep)
        out.push_back(1);
    }
    return out;
  }

  std::optional<Shape> joined(int64_t axis) const {
    Shape out = of(0);
    const int64_t at = axis < 0 ? axis + static_cast<int64_t>(out.size()) : axis;
    if (at < 0 || at >= static_cast<int64_t>(out.size())) return std::nullopt;
    int64_t& size = out[static_cast<size_t>(at)];
    for (size_t i = 1; i < op_.inputs.size(); ++i) {
      const Shape next = of(static_cast<int>(i));
      if (next.size() != out.size()) return std::nullopt;
      size = size < 0 || next[static_cast<size_t>(at)] < 0 ? -1 : size + next[static_cast<size_t>(at)];
    }
    return out;
  }

  std::optional<Shape> dense(Shape in, bool keep) const {
    const Shape w = of(1);
    if (w.size() != 2 || w[1] < 1) return std::nullopt;
    if (keep && !in.empty()) {
      in.back() = w[0];
      return in;
    }
    const auto total = element_count(in);
    return Shape{total ? *total / w[1] : -1, w[0]};
  }

  const Editor& editor_;
  const schema::OperatorT& op_;
};

}  // namespace

std::optional<Shape> infer_shape(const Editor& editor, const schema::OperatorT& op) {
  return Inference(editor, op).run();
}

}  // namespace fetafix::formats::tflite
