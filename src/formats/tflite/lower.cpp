// The closed list of what can be inserted: ONNX operators in TFLite's words, from one tensor into another of
// the same element type. The view may see the edge permuted (channels first); constants, axes and pads turn
// with it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "formats/tflite/editor.h"
#include "formats/tflite/tensors.h"
#include "graph/edit_stored.h"

namespace fetafix::formats::tflite {
namespace {

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

class Lowerer {
 public:
  Lowerer(Editor& editor, const Lowering& what)
      : editor_(editor), what_(what), node_(what.node), position_(what.position) {}

  Status run() {
    const std::string& type = node_.type;
    if (!what_.others.empty() && type != "Concat" && type != "MatMul" && !plain_builtin(type))
      return cant("a new " + type + " of several values");
    const bool counts = graph::counts_output(node_);
    if (editor_.quantized(what_.input) && !moves_values(type) && !counts)
      return cant("a new " + type + " between quantized tensors would need a scale for its output");
    if (counts && type != "Clip" && reads_constants())
      return cant("a new " + type + " of a constant between quantized tensors");
    if (counts) FETAFIX_CHECK(count_output());
    if (type == "Clip") return clip();
    if (type == "LeakyRelu")
      return with_options(Builtin::LEAKY_RELU,
                          [&](auto& o) { o.AsLeakyReluOptions()->alpha = number("alpha", 0.01f); });
    if (type == "Gelu")
      return with_options(Builtin::GELU, [&](auto& o) {
        o.AsGeluOptions()->approximate = text("approximate", "none") == "tanh";
      });
    if (type == "Softmax") return softmax();
    if (type == "Transpose") return transpose_axes();
    if (type == "Reshape") return reshape();
    if (type == "Pad") return pad();
    if (type == "MaxPool" || type == "AveragePool") return pool();
    if (type == "Conv") return conv();
    if (type == "MatMul") return what_.others.empty() ? matmul() : batch_matmul();
    if (type == "Concat") return concat();
    if (type == "ReduceMean") return mean();
    if (type == "BatchNormalization") return batch_normalization();
    if (type == "Reciprocal")
      return emit(Builtin::DIV, {editor_.add_constant(Tensor::scalar(1.f)), what_.input}), Status();
    if (type == "Identity" || type == "Dropout")
      return emit(Builtin::RESHAPE, {what_.input, shape_constant(editor_.shape(what_.input))}), Status();
    if (auto kind = plain_builtin(type)) return plain(*kind);
    return cant(type + " is not among the operators that can be inserted into a TFLite file");
  }

 private:
  static bool moves_values(const std::string& type) {
    return type == "Relu" || type == "Clip" || type == "Transpose" || type == "Reshape" ||
           type == "MaxPool" || type == "AveragePool" || type == "Identity";
  }

  bool reads_constants() const {
    return std::ranges::any_of(node_.operands, [](const auto& operand) { return operand.has_value(); });
  }

  Status count_output() {
    auto& about = editor_.tensor(what_.output).quantization;
    if (!editor_.quantized(what_.input) || !about || about->scale.size() != 1)
      return cant("an output that counts on an edge that does not");
    about->scale = {number("output_scale", 0.f)};
    about->zero_point = {integer("output_zero_point", 0)};
    if (!(about->scale[0] > 0)) return cant("a scale has to be positive");
    return {};
  }

  float number(const char* name, float fallback) const {
    return graph::attribute_or(as_node(), name, fallback);
  }
  int64_t integer(const char* name, int64_t fallback) const {
    return graph::attribute_or(as_node(), name, fallback);
  }
  std::string text(const char* name, const char* fallback) const {
    return graph::attribute_or(as_node(), name, std::string(fallback));
  }
  std::vector<int64_t> integers(const char* name, std::vector<int64_t> fallback) const {
    return graph::attribute_or(as_node(), name, std::move(fallback));
  }
  graph::Node as_node() const {
    graph::Node out;
    out.attributes = node_.attributes;
    return out;
  }
  const Tensor* constant(size_t operand) const {
    return operand < node_.operands.size() && node_.operands[operand] && !node_.operands[operand]->empty()
               ? &*node_.operands[operand]
               : nullptr;
  }
  bool reads_edge_only_first() const {
    for (size_t i = 0; i < node_.operands.size(); ++i)
      if (!node_.operands[i] != (i == 0)) return false;
    return !node_.operands.empty();
  }
  size_t rank() const { return editor_.shape(what_.input).size(); }
  bool channels_first() const { return what_.permutation == std::vector<int>{0, 3, 1, 2}; }
  int64_t native_axis(int64_t axis) const {
    const int64_t positive = axis < 0 ? axis + static_cast<int64_t>(rank()) : axis;
    return what_.permutation.empty() ? positive : what_.permutation[static_cast<size_t>(positive)];
  }

  schema::OperatorT& emit(Builtin kind, std::vector<int> inputs, int output = -1) {
    schema::OperatorT& op =
        editor_.add_operator(kind, std::move(inputs), {output < 0 ? what_.output : output}, position_++);
    return op;
  }

  template <class F>
  Status with_options(Builtin kind, F&& set) {
    set(emit(kind, {what_.input}).builtin_options);
    return {};
  }

  int shape_constant(const Shape& shape) {
    return editor_.add_constant(Tensor::vector(std::vector<int32_t>(shape.begin(), shape.end())));
  }

  // A constant of the view, broadcast from the last axis of the edge, in the native order of axes.
  Result<int> native_constant(const Tensor& given) {
    FETAFIX_TRY(Tensor data, convert_exactly(given, dtype_of_wire(editor_.tensor(what_.input).type)));
    if (what_.permutation.empty() || data.size() == 1) return editor_.add_constant(data);
    Shape full = data.shape();
    if (full.size() > rank()) return cant("a constant of more dimensions than the edge");
    full.insert(full.begin(), rank() - full.size(), 1);
    return editor_.add_constant(transpose(data.reshaped(full), inverse_permutation(what_.permutation)));
  }

  // Tensors of all operands, in order: the edge, other values of the model, constants.
  Result<std::vector<int>> operands() {
    std::vector<int> inputs;
    for (size_t i = 0; i < node_.operands.size(); ++i) {
      const auto other = what_.others.find(static_cast<int>(i));
      if (other != what_.others.end()) {
        inputs.push_back(other->second);
      } else if (!node_.operands[i]) {
        inputs.push_back(what_.input);
      } else {
        FETAFIX_TRY(int made, native_constant(*node_.operands[i]));
        inputs.push_back(made);
      }
    }
    if (inputs.empty()) inputs.push_back(what_.input);
    return inputs;
  }

  Status concat() {
    FETAFIX_TRY(std::vector<int> inputs, operands());
    schema::OperatorT& op = emit(Builtin::CONCATENATION, inputs);
    op.builtin_options.AsConcatenationOptions()->axis = static_cast<int32_t>(native_axis(integer("axis", 0)));
    return {};
  }

  Status batch_matmul() {
    FETAFIX_TRY(std::vector<int> inputs, operands());
    if (!what_.permutation.empty() || inputs.size() != 2) return cant("a MatMul of this form");
    emit(Builtin::BATCH_MATMUL, inputs);
    return {};
  }

  Status plain(Builtin kind) {
    FETAFIX_TRY(std::vector<int> inputs, operands());
    if (kind == Builtin::ELU && number("alpha", 1.f) != 1.f) return cant("TFLite's ELU has alpha 1");
    emit(kind, inputs);
    return {};
  }

  Status clip() {
    const auto bound = [&](size_t i, float otherwise) {
      auto values =
          constant(i) ? to_doubles(*constant(i)) : Result<std::vector<double>>(std::vector<double>{});
      return values.ok() && values->size() == 1 ? static_cast<float>((*values)[0]) : otherwise;
    };
    const float low = bound(1, std::numeric_limits<float>::lowest());
    const float high = bound(2, std::numeric_limits<float>::max());
    if (low == 0.f && high == 6.f) return emit(Builtin::RELU6, {what_.input}), Status();
    if (low == -1.f && high == 1.f) return emit(Builtin::RELU_N1_TO_1, {what_.input}), Status();
    if (low == 0.f && high >= std::numeric_limits<float>::max())
      return emit(Builtin::RELU, {what_.input}), Status();
    if (editor_.quantized(what_.input))
      return cant("between quantized tensors only the bounds of Relu, Relu6 and -1..1 can be inserted");
    const int between = editor_.add_like(what_.input);
    emit(Builtin::MAXIMUM, {what_.input, editor_.add_constant(Tensor::scalar(low))}, between);
    emit(Builtin::MINIMUM, {between, editor_.add_constant(Tensor::scalar(high))});
    return {};
  }

  Status softmax() {
    if (native_axis(integer("axis", -1)) != static_cast<int64_t>(rank()) - 1)
      return cant("TFLite's SOFTMAX works on the last axis");
    return with_options(Builtin::SOFTMAX, [](auto& o) { o.AsSoftmaxOptions()->beta = 1.f; });
  }

  Status transpose_axes() {
    if (!what_.permutation.empty()) return cant("a Transpose of an edge that the view sees permuted");
    std::vector<int64_t> reversed;
    for (size_t i = rank(); i-- > 0;) reversed.push_back(static_cast<int64_t>(i));
    const auto perm = integers("perm", reversed);
    if (perm.size() != rank()) return cant("a Transpose of another rank than the edge");
    emit(Builtin::TRANSPOSE, {what_.input, shape_constant(perm)});
    return {};
  }

  Status reshape() {
    if (!what_.permutation.empty()) return cant("a Reshape of an edge that the view sees permuted");
    if (!constant(1)) return cant("a Reshape to a computed shape");
    FETAFIX_TRY(auto shape, to_int64s(*constant(1)));
    const Shape input = editor_.shape(what_.input);
    for (size_t i = 0; i < shape.size() && integer("allowzero", 0) == 0; ++i)
      if (shape[i] == 0 && i < input.size()) shape[i] = input[i];
    emit(Builtin::RESHAPE, {what_.input, shape_constant(shape)});
    return {};
  }

  Status pad() {
    if (!constant(1)) return cant("a Pad of computed size");
    FETAFIX_TRY(auto pads, to_int64s(*constant(1)));
    if (pads.size() != 2 * rank()) return cant("pads for another rank than the edge");
    std::vector<int32_t> rows(pads.size());
    for (size_t i = 0; i < rank(); ++i) {
      const auto axis = static_cast<size_t>(native_axis(static_cast<int64_t>(i)));
      rows[2 * axis] = static_cast<int32_t>(pads[i]);
      rows[2 * axis + 1] = static_cast<int32_t>(pads[i + rank()]);
    }
    std::vector<int> inputs{what_.input,
                            editor_.add_constant(Tensor::of(rows, {static_cast<int64_t>(rank()), 2}))};
    const std::string mode = text("mode", "constant");
    if (mode == "reflect") return emit(Builtin::MIRROR_PAD, inputs), Status();
    if (mode != "constant") return cant("Pad mode " + mode);
    if (!constant(2)) return emit(Builtin::PAD, inputs), Status();
    FETAFIX_TRY(int value, native_constant(constant(2)->reshaped({})));
    inputs.push_back(value);
    emit(Builtin::PADV2, inputs);
    return {};
  }

  Status pool() {
    if (!channels_first()) return cant("a pool on an edge that the view does not see channels first");
    const bool max = node_.type == "MaxPool";
    const auto kernel = integers("kernel_shape", {}), strides = integers("strides", {1, 1}),
               dilations = integers("dilations", {1, 1});
    if (kernel.size() != 2 || strides.size() != 2 || dilations != std::vector<int64_t>{1, 1} ||
        integer("ceil_mode", 0) != 0)
      return cant("a pool of this form");
    schema::OperatorT& op = emit(max ? Builtin::MAX_POOL_2D : Builtin::AVERAGE_POOL_2D, {what_.input});
    auto& o = *op.builtin_options.AsPool2DOptions();
    o.filter_height = static_cast<int32_t>(kernel[0]), o.filter_width = static_cast<int32_t>(kernel[1]);
    o.stride_h = static_cast<int32_t>(strides[0]), o.stride_w = static_cast<int32_t>(strides[1]);
    return window_pads(op, o.padding, !max && integer("count_include_pad", 0) != 0);
  }

  Status window_pads(schema::OperatorT& op, schema::Padding& padding, bool counted) {
    const std::string automatic = text("auto_pad", "NOTSET");
    if (automatic == "SAME_LOWER") return cant("auto_pad SAME_LOWER");
    padding = automatic == "SAME_UPPER" ? schema::Padding::SAME : schema::Padding::VALID;
    if (automatic == "NOTSET") editor_.pads[&op] = {integers("pads", {0, 0, 0, 0}), counted};
    return {};
  }

  Status conv() {
    if (!channels_first() || !reads_edge_only_first() || !constant(1) || constant(1)->rank() != 4)
      return cant("a Conv on an edge that the view does not see channels first, or with computed weights");
    const Tensor& w = *constant(1);
    const int64_t group = integer("group", 1), channels = editor_.shape(what_.input)[3];
    const bool depthwise = group > 1 && group == channels && w.shape()[1] == 1;
    if (group != 1 && !depthwise) return cant("a grouped Conv");
    const std::vector<int> turn = depthwise ? std::vector<int>{1, 2, 3, 0} : std::vector<int>{0, 2, 3, 1};
    std::vector<int> inputs{what_.input, editor_.add_constant(transpose(w, turn))};
    inputs.push_back(
        editor_.add_constant(constant(2) ? *constant(2) : *Tensor::zeros(DType::float32, {w.shape()[0]})));
    const auto strides = integers("strides", {1, 1}), dilations = integers("dilations", {1, 1});
    if (strides.size() != 2 || dilations.size() != 2) return cant("a Conv of other than 2 spatial axes");
    schema::OperatorT& op = emit(depthwise ? Builtin::DEPTHWISE_CONV_2D : Builtin::CONV_2D, inputs);
    const auto set = [&](auto& o) {
      o.stride_h = static_cast<int32_t>(strides[0]), o.stride_w = static_cast<int32_t>(strides[1]);
      o.dilation_h_factor = static_cast<int32_t>(dilations[0]),
      o.dilation_w_factor = static_cast<int32_t>(dilations[1]);
      return window_pads(op, o.padding, false);
    };
    if (!depthwise) return set(*op.builtin_options.AsConv2DOptions());
    op.builtin_options.AsDepthwiseConv2DOptions()->depth_multiplier =
        static_cast<int32_t>(w.shape()[0] / channels);
    return set(*op.builtin_options.AsDepthwiseConv2DOptions());
  }

  Status matmul() {
    if (!what_.permutation.empty() || !reads_edge_only_first() || !constant(1) || constant(1)->rank() != 2 ||
        rank() < 2)
      return cant("a MatMul other than by a constant matrix from the right");
    const std::vector<int> turn{1, 0};
    schema::OperatorT& op = emit(Builtin::FULLY_CONNECTED,
                                 {what_.input, editor_.add_constant(transpose(*constant(1), turn)), -1});
    op.builtin_options.AsFullyConnectedOptions()->keep_num_dims = rank() > 2;
    return {};
  }

  Status mean() {
    std::vector<int32_t> axes;
    if (constant(1)) {
      FETAFIX_TRY(auto given, to_int64s(*constant(1)));
      for (int64_t axis : given) axes.push_back(static_cast<int32_t>(native_axis(axis)));
    } else {
      for (size_t i = 0; i < rank(); ++i) axes.push_back(static_cast<int32_t>(i));
    }
    if (!what_.permutation.empty() && integer("keepdims", 1) == 0)
      return cant("a reduction of an edge that the view sees permuted");
    schema::OperatorT& op = emit(Builtin::MEAN, {what_.input, editor_.add_constant(Tensor::vector(axes))});
    op.builtin_options.AsReducerOptions()->keep_dims = integer("keepdims", 1) != 0;
    return {};
  }

  // y = x * scale / sqrt(variance + epsilon) + (bias - mean * the same).
  Status batch_normalization() {
    std::vector<std::vector<double>> p;
    for (size_t i = 1; i <= 4; ++i) {
      if (!constant(i)) return cant("a BatchNormalization with computed parameters");
      FETAFIX_TRY(auto values, to_doubles(*constant(i)));
      p.push_back(std::move(values));
    }
    const double epsilon = static_cast<double>(number("epsilon", 1e-5f));
    std::vector<float> gain(p[0].size()), shift(p[0].size());
    for (size_t c = 0; c < gain.size(); ++c) {
      if (p[1].size() != gain.size() || p[2].size() != gain.size() || p[3].size() != gain.size())
        return cant("parameters of different sizes");
      const double g = p[0][c] / std::sqrt(p[3][c] + epsilon);
      gain[c] = static_cast<float>(g);
      shift[c] = static_cast<float>(p[1][c] - p[2][c] * g);
    }
    Shape along(rank(), 1);
    along[static_cast<size_t>(native_axis(1))] = static_cast<int64_t>(gain.size());
    const int between = editor_.add_like(what_.input);
    emit(Builtin::MUL, {what_.input, editor_.add_constant(Tensor::of(gain, along))}, between);
    emit(Builtin::ADD, {between, editor_.add_constant(Tensor::of(shift, along))});
    return {};
  }

  Editor& editor_;
  const Lowering& what_;
  const graph::InsertNode& node_;
  size_t position_;
};

}  // namespace

Status lower(Editor& editor, const Lowering& lowering) {
  return Lowerer(editor, lowering).run();
}

}  // namespace fetafix::formats::tflite
