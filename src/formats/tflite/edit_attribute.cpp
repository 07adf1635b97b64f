// SetAttribute: ONNX attributes in TFLite's words, one row each. What TFLite keeps in a constant operand
// (axes, orders) is written there.
#include "formats/tflite/editor.h"

namespace fetafix::formats::tflite {
namespace {

struct Request {
  Editor& editor;
  schema::OperatorT& op;
  const graph::Node& node;                       // as the view has it
  const std::optional<graph::Attribute>& value;  // nullopt: ONNX's default

  Builtin kind() const { return editor.builtin(op); }
  template <class T>
  T get(T fallback) const {
    const T* held = value ? std::get_if<T>(&*value) : nullptr;
    return held ? *held : fallback;
  }
  std::vector<int64_t> ints(int64_t fallback, size_t size) const {
    return get(std::vector<int64_t>(size, fallback));
  }
};

Error not_here(const Request& r, const std::string& what) {
  return Editor::unsupported(builtin_name(r.kind()) + " has no " + what);
}

// The view's pads stay what they are when other geometry changes, and SAME would not.
void keep_pads(const Request& r) {
  auto pads = graph::attribute_or(r.node, "pads", std::vector<int64_t>{});
  if (!pads.empty() && r.node.type != "Pad") r.editor.pads.try_emplace(&r.op, Editor::Pads{pads, false});
  r.editor.touch(r.op);
}

// Calls `set` with the options of a convolution or pool; false: it is neither.
template <class F>
bool with_convolution(schema::OperatorT& op, F&& set) {
  if (auto* conv = op.builtin_options.AsConv2DOptions()) return set(*conv), true;
  if (auto* depthwise = op.builtin_options.AsDepthwiseConv2DOptions()) return set(*depthwise), true;
  return false;
}
template <class F>
bool with_window(schema::OperatorT& op, F&& set) {
  if (auto* pool = op.builtin_options.AsPool2DOptions()) return set(*pool), true;
  return with_convolution(op, set);
}

Status set_strides(const Request& r) {
  const auto v = r.ints(1, 2);
  if (v.size() != 2 || v[0] < 1 || v[1] < 1) return Editor::unsupported("expected 2 strides of at least 1");
  const auto set = [&](auto& t) {
    t.stride_h = static_cast<int32_t>(v[0]), t.stride_w = static_cast<int32_t>(v[1]);
  };
  if (!with_window(r.op, set)) return not_here(r, "strides of its own");
  keep_pads(r);
  return {};
}

Status set_dilations(const Request& r) {
  const auto v = r.ints(1, 2);
  if (v.size() != 2 || v[0] < 1 || v[1] < 1) return Editor::unsupported("expected 2 dilations of at least 1");
  const auto set = [&](auto& t) {
    t.dilation_h_factor = static_cast<int32_t>(v[0]), t.dilation_w_factor = static_cast<int32_t>(v[1]);
  };
  if (!with_convolution(r.op, set) && v != std::vector<int64_t>{1, 1}) return not_here(r, "dilations");
  keep_pads(r);
  return {};
}

Status set_kernel_shape(const Request& r) {
  const auto v = r.ints(1, 2);
  if (auto* t = r.op.builtin_options.AsPool2DOptions(); t && v.size() == 2 && v[0] > 0 && v[1] > 0) {
    t->filter_height = static_cast<int32_t>(v[0]);
    t->filter_width = static_cast<int32_t>(v[1]);
    keep_pads(r);
    return {};
  }
  const bool same = v == graph::attribute_or(r.node, "kernel_shape", std::vector<int64_t>{});
  return same || !r.value ? Status() : not_here(r, "window other than its weights'");
}

Status set_pads(const Request& r) {
  if (!r.op.builtin_options.AsConv2DOptions() && !r.op.builtin_options.AsDepthwiseConv2DOptions() &&
      !r.op.builtin_options.AsPool2DOptions())
    return not_here(r, "pads");
  const auto v = r.ints(0, 4);
  if (v.size() != 4) return Editor::unsupported("expected 4 pads");
  auto& wanted = r.editor.pads[&r.op];
  wanted.pads = v;
  r.editor.touch(r.op);
  return {};
}

Status set_auto_pad(const Request& r) {
  const std::string v = r.get(std::string("NOTSET"));
  if (v == "NOTSET")
    return r.node.attributes.contains("auto_pad") ? Editor::unsupported("give the pads instead") : Status();
  if (v != "SAME_UPPER" && v != "VALID")
    return Editor::unsupported("auto_pad " + v + " can't be said; give the pads instead");
  const auto padding = v == "VALID" ? schema::Padding::VALID : schema::Padding::SAME;
  if (!with_window(r.op, [&](auto& t) { t.padding = padding; })) return not_here(r, "padding");
  r.editor.pads.erase(&r.op);
  r.editor.touch(r.op);
  return {};
}

Status set_count_include_pad(const Request& r) {
  if (r.kind() != Builtin::AVERAGE_POOL_2D) return not_here(r, "average");
  auto pads = graph::attribute_or(r.node, "pads", std::vector<int64_t>(4, 0));
  auto& wanted = r.editor.pads.try_emplace(&r.op, Editor::Pads{pads, false}).first->second;
  wanted.counted = r.get(int64_t{0}) != 0;
  return {};
}

Status write_ints(const Request& r, int slot, const std::vector<int64_t>& values) {
  const int index = r.editor.operand(r.op, slot);
  if (!r.editor.is_constant(index))
    return Editor::unsupported("operand " + std::to_string(slot) + " is computed");
  const Shape stored = r.editor.shape(index);
  Tensor out = Tensor::vector(std::vector<int32_t>(values.begin(), values.end()));
  if (element_count(stored) == out.size()) out = out.reshaped(stored);
  if (r.editor.tensor(index).type != schema::TensorType::INT32)
    return Editor::unsupported("the operand is not int32");
  return r.editor.write_constant(r.op, slot, out);
}

Status set_axis(const Request& r) {
  auto& o = r.op.builtin_options;
  const int64_t v = r.get(int64_t{r.node.type == "Gather" ? 0 : -1});
  const auto axis = static_cast<int32_t>(v);
  r.editor.touch(r.op);
  if (auto* t = o.AsConcatenationOptions()) return t->axis = axis, Status();
  if (auto* t = o.AsGatherOptions()) return t->axis = axis, Status();
  if (auto* t = o.AsPackOptions()) return t->axis = axis, Status();
  if (auto* t = o.AsUnpackOptions()) return t->axis = axis, Status();
  if (auto* t = o.AsOneHotOptions()) return t->axis = axis, Status();
  switch (r.kind()) {
    case Builtin::ARG_MAX:
    case Builtin::ARG_MIN:
      return write_ints(r, 1, {r.get(int64_t{0})});
    case Builtin::SPLIT:
      return write_ints(r, 0, {r.get(int64_t{0})});
    case Builtin::SPLIT_V:
      return write_ints(r, 2, {r.get(int64_t{0})});
    case Builtin::SOFTMAX:
    case Builtin::LOG_SOFTMAX:
    case Builtin::TOPK_V2: {
      const auto rank = static_cast<int64_t>(r.editor.shape(r.op.inputs[0]).size());
      return v == -1 || v == rank - 1
                 ? Status()
                 : Editor::unsupported(builtin_name(r.kind()) + " works on the last axis");
    }
    default:
      return not_here(r, "axis");
  }
}

Status set_perm(const Request& r) {
  if (r.kind() != Builtin::TRANSPOSE) return not_here(r, "order of axes");
  std::vector<int64_t> reversed;
  for (size_t i = r.editor.shape(r.op.inputs[0]).size(); i-- > 0;)
    reversed.push_back(static_cast<int64_t>(i));
  return write_ints(r, 1, r.get(reversed));
}

Status set_keepdims(const Request& r) {
  auto* t = r.op.builtin_options.AsReducerOptions();
  if (!t) return not_here(r, "keepdims");
  t->keep_dims = r.get(int64_t{1}) != 0;
  r.editor.touch(r.op);
  return {};
}

Status set_alpha(const Request& r) {
  if (auto* t = r.op.builtin_options.AsLeakyReluOptions()) return t->alpha = r.get(0.01f), Status();
  if (auto* t = r.op.builtin_options.AsLocalResponseNormalizationOptions())
    return t->alpha = r.get(1e-4f) / static_cast<float>(2 * t->radius + 1), Status();
  if (r.kind() == Builtin::ELU && r.get(1.f) == 1.f) return {};
  return not_here(r, "alpha of its own");
}

Status set_beta(const Request& r) {
  if (auto* t = r.op.builtin_options.AsLocalResponseNormalizationOptions())
    return t->beta = r.get(0.75f), Status();
  return not_here(r, "beta");
}

Status set_bias(const Request& r) {
  if (auto* t = r.op.builtin_options.AsLocalResponseNormalizationOptions())
    return t->bias = r.get(1.f), Status();
  return not_here(r, "bias attribute");
}

// TFLite scales a sum, ONNX a mean: alpha follows the size.
Status set_size(const Request& r) {
  auto* t = r.op.builtin_options.AsLocalResponseNormalizationOptions();
  const int64_t size = r.get(int64_t{0});
  if (!t || size < 1 || size % 2 == 0) return not_here(r, "size " + std::to_string(size));
  const float mean_alpha = t->alpha * static_cast<float>(2 * t->radius + 1);
  t->radius = static_cast<int32_t>(size / 2);
  t->alpha = mean_alpha / static_cast<float>(size);
  return {};
}

Status set_approximate(const Request& r) {
  auto* t = r.op.builtin_options.AsGeluOptions();
  if (!t) return not_here(r, "approximation");
  t->approximate = r.get(std::string("none")) == "tanh";
  return {};
}

Status set_blocksize(const Request& r) {
  const auto v = static_cast<int32_t>(r.get(int64_t{0}));
  r.editor.touch(r.op);
  if (auto* t = r.op.builtin_options.AsDepthToSpaceOptions(); t && v > 0) return t->block_size = v, Status();
  if (auto* t = r.op.builtin_options.AsSpaceToDepthOptions(); t && v > 0) return t->block_size = v, Status();
  return not_here(r, "block size " + std::to_string(v));
}

Status set_cumsum(const Request& r, bool schema::CumsumOptionsT::*flag) {
  auto* t = r.op.builtin_options.AsCumsumOptions();
  if (!t) return not_here(r, "such flag");
  t->*flag = r.get(int64_t{0}) != 0;
  return {};
}
Status set_exclusive(const Request& r) {
  return set_cumsum(r, &schema::CumsumOptionsT::exclusive);
}
Status set_reverse(const Request& r) {
  return set_cumsum(r, &schema::CumsumOptionsT::reverse);
}

Status set_coordinates(const Request& r) {
  const std::string v = r.get(std::string("half_pixel"));
  const bool half = v == "half_pixel" || v == "pytorch_half_pixel";
  if (!half && v != "align_corners" && v != "asymmetric")
    return Editor::unsupported("coordinates " + v + " can't be said");
  const auto set = [&](auto* t) { t->half_pixel_centers = half, t->align_corners = v == "align_corners"; };
  if (auto* t = r.op.builtin_options.AsResizeBilinearOptions()) return set(t), Status();
  auto* t = r.op.builtin_options.AsResizeNearestNeighborOptions();
  if (!t) return not_here(r, "coordinates");
  r.editor.nearest_mode.try_emplace(
      &r.op, graph::attribute_or(r.node, "nearest_mode", std::string("round_prefer_floor")));
  return set(t), Status();
}

Status set_nearest_mode(const Request& r) {
  r.editor.nearest_mode[&r.op] = r.get(std::string("round_prefer_floor"));
  return {};
}

Status set_mode(const Request& r) {
  const std::string v = r.get(std::string(r.node.type == "Resize" ? "nearest" : "constant"));
  if (r.node.type == "Resize" && (v == "linear" || v == "nearest")) {
    const auto flags = [](const auto& t) { return std::pair(t.align_corners, t.half_pixel_centers); };
    auto* bilinear = r.op.builtin_options.AsResizeBilinearOptions();
    auto* nearest = r.op.builtin_options.AsResizeNearestNeighborOptions();
    const auto had = bilinear ? flags(*bilinear) : nearest ? flags(*nearest) : std::pair(false, false);
    r.editor.set_builtin(r.op, v == "linear" ? Builtin::RESIZE_BILINEAR : Builtin::RESIZE_NEAREST_NEIGHBOR);
    const auto set = [&](auto* t) { std::tie(t->align_corners, t->half_pixel_centers) = had; };
    if (v == "linear") return set(r.op.builtin_options.AsResizeBilinearOptions()), Status();
    return set(r.op.builtin_options.AsResizeNearestNeighborOptions()), Status();
  }
  if (r.node.type == "Pad" && v == "reflect")
    return r.editor.set_builtin(r.op, Builtin::MIRROR_PAD), Status();
  if (r.node.type == "Pad" && v == "constant") return r.editor.set_builtin(r.op, Builtin::PAD), Status();
  if (r.node.type == "DepthToSpace" && v == "DCR") return {};
  return not_here(r, "mode " + v);
}

// TFLite's pools leave out what does not fill a window; where every window is filled both mean the same.
Status set_ceil_mode(const Request& r) {
  if (r.get(int64_t{0}) == 0) return {};
  const auto* t = r.op.builtin_options.AsPool2DOptions();
  const Shape shape = r.editor.shape(r.op.inputs[0]);
  const bool filled = t && shape.size() == 4 && t->padding == schema::Padding::VALID && t->stride_h > 0 &&
                      t->stride_w > 0 && (shape[1] - t->filter_height) % t->stride_h == 0 &&
                      (shape[2] - t->filter_width) % t->stride_w == 0;
  return filled ? Status() : Editor::unsupported("windows that are not filled are left out in TFLite");
}

Status set_cell_clip(const Request& r) {
  auto* t = r.op.builtin_options.AsUnidirectionalSequenceLSTMOptions();
  if (!t) return not_here(r, "cell");
  t->cell_clip = r.get(0.f);
  return {};
}

struct Row {
  const char* name;
  Status (*set)(const Request&);
};

constexpr Row rows[]{{"alpha", set_alpha},
                     {"approximate", set_approximate},
                     {"auto_pad", set_auto_pad},
                     {"axis", set_axis},
                     {"beta", set_beta},
                     {"bias", set_bias},
                     {"blocksize", set_blocksize},
                     {"ceil_mode", set_ceil_mode},
                     {"cell_clip", set_cell_clip},
                     {"coordinate_transformation_mode", set_coordinates},
                     {"count_include_pad", set_count_include_pad},
                     {"dilations", set_dilations},
                     {"exclusive", set_exclusive},
                     {"keepdims", set_keepdims},
                     {"kernel_shape", set_kernel_shape},
                     {"mode", set_mode},
                     {"nearest_mode", set_nearest_mode},
                     {"pads", set_pads},
                     {"perm", set_perm},
                     {"reverse", set_reverse},
                     {"size", set_size},
                     {"strides", set_strides}};

}  // namespace

Status apply_edit(Editor& editor, const graph::SetAttribute& edit) {
  FETAFIX_TRY(schema::OperatorT * op, editor.original(edit.at.op));
  FETAFIX_TRY(graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  if (node.role != graph::Role::core)
    return Editor::unsupported("a part of role " + std::string(graph::role_name(node.role)) +
                               " has no attributes");
  FETAFIX_CHECK(editor.check_single(node));
  const auto written = node.attributes.find(edit.name);
  if (edit.value && written != node.attributes.end() &&
      graph::to_text(written->second) == graph::to_text(*edit.value))
    return {};
  for (const Row& row : rows)
    if (edit.name == row.name) return row.set({editor, *op, node, edit.value});
  return Editor::unsupported("attribute '" + edit.name + "' of " + node.type +
                             " has no counterpart in TFLite");
}

}  // namespace fetafix::formats::tflite
