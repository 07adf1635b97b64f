// Pads as TFLite can say them: SAME or VALID where they mean the same, else a PAD before a VALID window.
#include <algorithm>
#include <limits>

#include "formats/tflite/editor.h"
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

struct Geometry {
  schema::Padding* padding = nullptr;
  int64_t kernel[2];
  int64_t stride[2];
  int64_t dilation[2];
};

Geometry geometry_of(const Editor& editor, schema::OperatorT& op) {
  auto& o = op.builtin_options;
  if (auto* t = o.AsPool2DOptions())
    return {&t->padding, {t->filter_height, t->filter_width}, {t->stride_h, t->stride_w}, {1, 1}};
  const Shape weights = editor.shape(op.inputs[1]);
  const auto of = [&](auto* t) {
    return Geometry{&t->padding,
                    {weights[1], weights[2]},
                    {t->stride_h, t->stride_w},
                    {t->dilation_h_factor, t->dilation_w_factor}};
  };
  if (auto* t = o.AsConv2DOptions()) return of(t);
  return of(o.AsDepthwiseConv2DOptions());
}

// What a MaxPool must not see as its largest value.
Tensor lowest(const Editor& editor, int tensor) {
  switch (editor.tensor(tensor).type) {
    case schema::TensorType::INT8:
      return Tensor::scalar<int8_t>(std::numeric_limits<int8_t>::min());
    case schema::TensorType::UINT8:
      return Tensor::zeros(DType::uint8, {}).value();
    default:
      return Tensor::scalar(std::numeric_limits<float>::lowest());
  }
}

void insert_pad(Editor& editor, schema::OperatorT& op, const std::vector<int64_t>& pads) {
  const int input = op.inputs[0];
  const int padded = editor.add_like(input);
  const std::vector<int32_t> rows{0,
                                  0,
                                  static_cast<int32_t>(pads[0]),
                                  static_cast<int32_t>(pads[2]),
                                  static_cast<int32_t>(pads[1]),
                                  static_cast<int32_t>(pads[3]),
                                  0,
                                  0};
  std::vector<int> inputs{input, editor.add_constant(Tensor::of(rows, {4, 2}))};
  const bool max = editor.builtin(op) == Builtin::MAX_POOL_2D;
  if (max) {
    inputs.push_back(editor.add_constant(lowest(editor, input)));
    if (editor.quantized(input))
      editor.tensor(inputs[2]).quantization =
          std::make_unique<schema::QuantizationParametersT>(*editor.tensor(input).quantization);
  }
  editor.add_operator(max ? Builtin::PADV2 : Builtin::PAD, inputs, {padded}, editor.position(op));
  op.inputs[0] = padded;
}

}  // namespace

Status Editor::resolve_pads() {
  for (auto& [op, wanted] : pads) {
    if (removed_.contains(op)) continue;
    const Geometry g = geometry_of(*this, *op);
    const Shape input = shape(op->inputs[0]);
    if (input.size() != 4) return unsupported("pads of an input without 4 dimensions");
    const bool none = std::all_of(wanted.pads.begin(), wanted.pads.end(), [](int64_t p) { return p == 0; });
    const Window h =
        resolve_padding(schema::Padding::SAME, input[1], g.kernel[0], g.stride[0], g.dilation[0]);
    const Window w =
        resolve_padding(schema::Padding::SAME, input[2], g.kernel[1], g.stride[1], g.dilation[1]);
    const bool same = input[1] >= 0 && input[2] >= 0 && !wanted.counted &&
                      wanted.pads == std::vector<int64_t>{h.before, w.before, h.after, w.after};
    // Where SAME pads nothing either, what the file says may stay.
    if (same && (none || *g.padding == schema::Padding::SAME)) continue;
    *g.padding = same ? schema::Padding::SAME : schema::Padding::VALID;
    if (same || none) continue;
    if (std::any_of(wanted.pads.begin(), wanted.pads.end(), [](int64_t p) { return p < 0; }))
      return unsupported("negative pads");
    if (builtin(*op) == Builtin::AVERAGE_POOL_2D && !wanted.counted)
      return unsupported("TFLite's average leaves out padding only where it is SAME; these pads are not");
    insert_pad(*this, *op, wanted.pads);
  }
  return {};
}

Status Editor::check_nearest() const {
  for (const auto& [op, mode] : nearest_mode) {
    const auto* t = op->builtin_options.AsResizeNearestNeighborOptions();
    if (!t) continue;
    const bool floor = !t->align_corners && !t->half_pixel_centers;
    const std::string means = floor ? "floor" : "round_prefer_ceil";
    if (mode != means)
      return unsupported("with these coordinates TFLite's nearest_mode is " + means + ", not " + mode);
  }
  return {};
}

}  // namespace fetafix::formats::tflite
