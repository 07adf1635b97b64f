// SetAttribute: ONNX attributes in TensorFlow's words, one row each. What TensorFlow keeps in a constant
// operand (axes, orders) is written there.
#include <algorithm>

#include "formats/same_padding.h"
#include "formats/tensorflow/editor.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tensorflow {
namespace {

struct Request {
  Editor& editor;
  int op;
  wire::Node& native;
  const graph::Node& node;                       // as the view has it
  const std::optional<graph::Attribute>& value;  // nullopt: ONNX's default

  template <class T>
  T get(T fallback) const {
    const T* held = value ? std::get_if<T>(&*value) : nullptr;
    return held ? *held : fallback;
  }
  std::vector<int64_t> ints(int64_t fallback, size_t size) const {
    return get(std::vector<int64_t>(size, fallback));
  }
  bool has(const char* key) const { return wire::find_attribute(native, key) != nullptr; }
  bool is(std::initializer_list<const char*> ops) const {
    return std::any_of(ops.begin(), ops.end(), [&](const char* one) { return native.op() == one; });
  }
  bool channels_last() const {
    const wire::Attribute* format = wire::find_attribute(native, "data_format");
    return !format || !format->s().starts_with("NC");
  }
  size_t axes() const { return native.op().find("3D") != std::string::npos ? 3 : 2; }
};

Error not_here(const Request& r, const std::string& what) {
  return Editor::unsupported(r.native.op() + " has no " + what);
}

bool slides(const Request& r) {
  return r.has("padding") && r.has("strides");
}

// The attribute of one number an axis, with 1 for batch and channels.
void set_spatial(const Request& r, const char* key, const std::vector<int64_t>& values) {
  std::vector<int64_t> all(values.size() + 2, 1);
  std::ranges::copy(values, all.begin() + (r.channels_last() ? 1 : 2));
  set_integers(r.native, key, all);
}

std::vector<int64_t> view_ints(const Request& r, const char* name, int64_t fallback, size_t size) {
  return graph::attribute_or(r.node, name, std::vector<int64_t>(size, fallback));
}

Status set_pads(const Request& r) {
  if (!slides(r)) return not_here(r, "pads");
  if (r.node.type == "ConvTranspose") return not_here(r, "pads of its own: its output's size decides");
  const auto pads = r.ints(0, 2 * r.axes());
  if (pads.size() != 2 * r.axes())
    return Editor::unsupported("expected " + std::to_string(2 * r.axes()) + " pads");
  r.editor.pads[r.op] = pads;
  return {};
}

// The view's pads stay what they are when other geometry changes, and SAME would not.
Status set_geometry(const Request& r, const char* key) {
  const auto values = r.ints(1, r.axes());
  if (!slides(r) || values.size() != r.axes()) return not_here(r, key);
  if (std::ranges::any_of(values, [](int64_t v) { return v < 1; }))
    return Editor::unsupported(std::string(key) + " below 1");
  const bool all_one = std::ranges::count(values, 1) == static_cast<std::ptrdiff_t>(values.size());
  if (std::string(key) == "dilations" && all_one && !r.has("dilations")) return {};
  set_spatial(r, key, values);
  if (!r.node.attributes.contains("auto_pad") && r.node.type != "ConvTranspose")
    r.editor.pads.try_emplace(r.op, view_ints(r, "pads", 0, 2 * r.axes()));
  return {};
}

Status set_strides(const Request& r) {
  return set_geometry(r, "strides");
}

Status set_dilations(const Request& r) {
  return set_geometry(r, "dilations");
}

Status set_kernel_shape(const Request& r) {
  if (r.has("ksize")) return set_geometry(r, "ksize");
  const bool same = r.ints(0, 0) == view_ints(r, "kernel_shape", 0, 0);
  return same || !r.value ? Status() : not_here(r, "window other than its kernel's");
}

Status set_auto_pad(const Request& r) {
  const std::string v = r.get(std::string("NOTSET"));
  if (!slides(r)) return not_here(r, "padding");
  if (v == "NOTSET")
    return r.node.attributes.contains("auto_pad") ? Editor::unsupported("give the pads instead") : Status();
  if (v != "SAME_UPPER" && v != "VALID")
    return Editor::unsupported("auto_pad " + v + " can't be said; give the pads");
  r.editor.pads.erase(r.op);
  drop_attribute(r.native, "explicit_paddings");
  set_text(r.native, "padding", v == "VALID" ? "VALID" : "SAME");
  return {};
}

Status set_count_include_pad(const Request& r) {
  const bool counted = r.get(int64_t{0}) != 0;
  const auto pads = view_ints(r, "pads", 0, 2 * r.axes());
  if (!counted || std::ranges::count(pads, 0) == static_cast<std::ptrdiff_t>(pads.size())) return {};
  return not_here(r, "average that counts its pads");
}

Status write_ints(const Request& r, int slot, const std::vector<int64_t>& values) {
  const auto stored = static_cast<size_t>(slot) < r.editor.op(r.op).inputs.size()
                          ? r.editor.stored_type(r.editor.op(r.op).inputs[static_cast<size_t>(slot)])
                          : DType::unknown;
  if (stored == DType::unknown)
    return Editor::unsupported("operand " + std::to_string(slot) + " is computed");
  const Shape shape = r.editor.stored_shape(r.editor.op(r.op).inputs[static_cast<size_t>(slot)]);
  FETAFIX_TRY(Tensor out, cast(Tensor::vector(values), stored));
  if (element_count(shape) == out.size()) out = out.reshaped(shape);
  return r.editor.write_constant(r.op, slot, out);
}

Status set_axis(const Request& r) {
  const int64_t axis =
      r.get(int64_t{r.node.type == "Gather" || r.node.type == "ArgMax" || r.node.type == "Split" ? 0 : -1});
  if (r.is({"OneHot"})) return set_integer(r.native, "axis", axis), Status();
  if (r.is({"Pack", "Unpack"})) {
    // Its axis is that of the new dimension too, which the view keeps in operators of their own.
    const bool same = axis == graph::attribute_or(r.node, "axis", int64_t{0});
    return same
               ? Status()
               : Editor::unsupported(r.native.op() + " would move the dimension that it makes or takes away");
  }
  if (r.is({"ConcatV2"})) return write_ints(r, static_cast<int>(r.editor.op(r.op).inputs.size()) - 1, {axis});
  if (r.is({"Concat", "Split"})) return write_ints(r, 0, {axis});
  if (r.is({"GatherV2", "SplitV"})) return write_ints(r, 2, {axis});
  if (r.is({"ArgMax", "ArgMin"})) return write_ints(r, 1, {axis});
  if (r.is({"Softmax", "LogSoftmax", "TopKV2"})) {
    const auto& shape = r.editor.view().value(r.node.inputs[0]).shape;
    const bool last = axis == -1 || (shape && axis == static_cast<int64_t>(shape->size()) - 1);
    return last ? Status() : Editor::unsupported(r.native.op() + " works on the last axis");
  }
  return not_here(r, "axis");
}

Status set_perm(const Request& r) {
  if (!r.is({"Transpose"})) return not_here(r, "order of axes");
  std::vector<int64_t> reversed;
  for (size_t i = view_ints(r, "perm", 0, 0).size(); i-- > 0;) reversed.push_back(static_cast<int64_t>(i));
  return write_ints(r, 1, r.get(reversed));
}

Status set_keepdims(const Request& r) {
  if (r.is({"ArgMax", "ArgMin"}) && r.get(int64_t{1}) != 0) return not_here(r, "keepdims");
  if (!r.is({"ArgMax", "ArgMin"})) set_flag(r.native, "keep_dims", r.get(int64_t{1}) != 0);
  return {};
}

Status set_alpha(const Request& r) {
  if (r.is({"LeakyRelu"})) return set_number(r.native, "alpha", r.get(0.01f)), Status();
  if (r.is({"LRN"})) {
    const auto size = graph::attribute_or(r.node, "size", int64_t{1});
    return set_number(r.native, "alpha", r.get(1e-4f) / static_cast<float>(size)), Status();
  }
  return r.is({"Elu"}) && r.get(1.f) == 1.f ? Status() : not_here(r, "alpha of its own");
}

Status set_lrn(const Request& r, const char* key, float otherwise) {
  if (!r.is({"LRN"})) return not_here(r, key);
  return set_number(r.native, key, r.get(otherwise)), Status();
}

// TensorFlow scales a sum, ONNX a mean: alpha follows the size.
Status set_size(const Request& r) {
  const int64_t size = r.get(int64_t{0});
  if (!r.is({"LRN"}) || size < 1 || size % 2 == 0) return not_here(r, "size " + std::to_string(size));
  const float alpha = graph::attribute_or(r.node, "alpha", 1e-4f);
  set_integer(r.native, "depth_radius", (size - 1) / 2);
  set_number(r.native, "alpha", alpha / static_cast<float>(size));
  return {};
}

bool is_batch_norm(const Request& r) {
  return r.is({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"});
}

Status set_epsilon(const Request& r) {
  const auto& normalizations = r.editor.normalizations();
  if (const auto parts = normalizations.find(r.op); parts != normalizations.end())
    return r.editor.write_constant(parts->second.epsilon.op, parts->second.epsilon.slot,
                                   Tensor::scalar(r.get(1e-5f)));
  if (!is_batch_norm(r)) return not_here(r, "epsilon");
  return set_number(r.native, "epsilon", r.get(1e-5f)), Status();
}

Status set_training_mode(const Request& r) {
  if (!is_batch_norm(r)) return not_here(r, "training mode");
  return set_flag(r.native, "is_training", r.get(int64_t{0}) != 0), Status();
}

Status set_mode(const Request& r) {
  const std::string v = r.get(std::string("nearest"));
  if (r.is({"ResizeBilinear", "ResizeNearestNeighbor"})) {
    if (v != "linear" && v != "nearest") return not_here(r, "mode " + v);
    r.native.set_op(v == "linear" ? "ResizeBilinear" : "ResizeNearestNeighbor");
    return {};
  }
  if (r.is({"MirrorPad"}) && v == "reflect") return {};
  if (r.is({"DepthToSpace"}) && v == "DCR") return {};
  if (r.is({"Pad", "PadV2"}) && v == "constant") return {};
  return not_here(r, "mode " + v);
}

Status set_coordinates(const Request& r) {
  if (!r.is({"ResizeBilinear", "ResizeNearestNeighbor"})) return not_here(r, "coordinates");
  const std::string v = r.get(std::string("half_pixel"));
  if (v != "align_corners" && v != "half_pixel" && v != "asymmetric") return not_here(r, "coordinates " + v);
  set_flag(r.native, "align_corners", v == "align_corners");
  set_flag(r.native, "half_pixel_centers", v == "half_pixel");
  return {};
}

// Which way halves round follows from the coordinates there.
Status set_nearest_mode(const Request& r) {
  const wire::Attribute* aligned = wire::find_attribute(r.native, "align_corners");
  const wire::Attribute* half = wire::find_attribute(r.native, "half_pixel_centers");
  const bool floor = !(aligned && aligned->b()) && !(half && half->b());
  const std::string v = r.get(std::string("round_prefer_floor"));
  if (r.is({"ResizeBilinear"})) return {};  // it means nothing there
  if (r.is({"ResizeNearestNeighbor"}) && v == (floor ? "floor" : "round_prefer_ceil")) return {};
  return not_here(r, "nearest_mode " + v);
}

Status set_blocksize(const Request& r) {
  if (!r.is({"DepthToSpace", "SpaceToDepth"})) return not_here(r, "block size");
  return set_integer(r.native, "block_size", r.get(int64_t{2})), Status();
}

Status set_to(const Request& r) {
  if (!r.is({"Cast"})) return not_here(r, "type");
  if (!r.editor.all_readers_cast(r.op))
    return Editor::unsupported("what reads it takes the type that it gives now");
  for (DType dtype : {DType::float32, DType::float64, DType::float16, DType::int32, DType::int64,
                      DType::uint8, DType::int8, DType::boolean})
    if (graph::onnx_type(dtype) == r.get(int64_t{1})) return set_type(r.native, "DstT", dtype), Status();
  return not_here(r, "that type");
}

Status set_flag_of(const Request& r, const char* key) {
  if (!r.is({"Cumsum"})) return not_here(r, key);
  return set_flag(r.native, key, r.get(int64_t{0}) != 0), Status();
}

Status set_equation(const Request& r) {
  if (!r.is({"Einsum"})) return not_here(r, "equation");
  return set_text(r.native, "equation", r.get(std::string())), Status();
}

Status set_batch_dims(const Request& r) {
  if (!r.is({"GatherV2"})) return not_here(r, "batch dimensions");
  return set_integer(r.native, "batch_dims", r.get(int64_t{0})), Status();
}

Status set_noop_with_empty_axes(const Request& r) {
  return r.get(int64_t{0}) != 0 ? Status() : not_here(r, "reduction over all axes where none is named");
}

// What the native operator has no word for and what nothing hangs on: ONNX's defaults, and what operands say
// there.
Status unchanged(const Request& r) {
  const auto before = r.node.attributes.find("group");
  const auto now = r.get(int64_t{1});
  const int64_t was = before == r.node.attributes.end() ? 1 : std::get<int64_t>(before->second);
  return now == was ? Status() : not_here(r, "groups of its own: its kernel decides");
}

using Setter = Status (*)(const Request&);

// TensorFlow's pools leave out what does not fill a window, unless SAME pads for it: then the pads say so.
Status set_ceil_mode(const Request& r) {
  const bool ceil = r.value && std::holds_alternative<int64_t>(*r.value) && std::get<int64_t>(*r.value) != 0;
  return ceil ? Editor::unsupported("TensorFlow's pools have no ceil_mode") : Status();
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table{
      {"alpha", set_alpha},
      {"auto_pad", set_auto_pad},
      {"axis", set_axis},
      {"batch_dims", set_batch_dims},
      {"beta", [](const Request& r) { return set_lrn(r, "beta", 0.75f); }},
      {"bias", [](const Request& r) { return set_lrn(r, "bias", 1.f); }},
      {"blocksize", set_blocksize},
      {"ceil_mode", set_ceil_mode},
      {"coordinate_transformation_mode", set_coordinates},
      {"count_include_pad", set_count_include_pad},
      {"dilations", set_dilations},
      {"epsilon", set_epsilon},
      {"equation", set_equation},
      {"exclusive", [](const Request& r) { return set_flag_of(r, "exclusive"); }},
      {"group", unchanged},
      {"keepdims", set_keepdims},
      {"kernel_shape", set_kernel_shape},
      {"mode", set_mode},
      {"nearest_mode", set_nearest_mode},
      {"noop_with_empty_axes", set_noop_with_empty_axes},
      {"pads", set_pads},
      {"perm", set_perm},
      {"reverse", [](const Request& r) { return set_flag_of(r, "reverse"); }},
      {"size", set_size},
      {"strides", set_strides},
      {"to", set_to},
      {"training_mode", set_training_mode}};
  return table;
}

// The spatial part of an attribute of one number an axis; missing: all 1.
std::vector<int64_t> spatial_of(const wire::Node& node, const char* key, bool channels_last, size_t axes) {
  const wire::Attribute* found = wire::find_attribute(node, key);
  std::vector<int64_t> out(axes, 1);
  const int first = channels_last ? 1 : 2;
  if (found && found->list().i_size() == static_cast<int>(axes + 2))
    for (size_t i = 0; i < axes; ++i) out[i] = found->list().i(first + static_cast<int>(i));
  return out;
}

bool is_same(const Editor& editor, const Request& r, const std::vector<int64_t>& pads) {
  const size_t n = r.axes();
  const auto& shape = editor.view().value(r.node.inputs[0]).shape;
  if (!shape || shape->size() != n + 2) return false;
  const bool last = r.channels_last();
  const auto kernel =
      r.has("ksize") ? spatial_of(r.native, "ksize", last, n) : view_ints(r, "kernel_shape", 1, n);
  return same_pads(Shape(shape->begin() + 2, shape->end()), kernel, spatial_of(r.native, "strides", last, n),
                   spatial_of(r.native, "dilations", last, n)) == pads;
}

// An operator of their own, in front.
Status pad_before(const Request& r, const std::vector<int64_t>& pads) {
  std::vector<int32_t> rows(8, 0);
  const size_t first = r.channels_last() ? 1 : 2;
  for (size_t i = 0; i < 2; ++i) {
    rows[2 * (first + i)] = static_cast<int32_t>(pads[i]);
    rows[2 * (first + i) + 1] = static_cast<int32_t>(pads[i + 2]);
  }
  const int scope = r.editor.op(r.op).scope;
  FETAFIX_TRY(const std::string input, r.editor.operand(r.op, 0));
  const std::string constant = r.editor.add_constant(scope, r.native.name(), Tensor::of(rows, {4, 2}));
  wire::Node& pad = r.editor.add_node(scope, "Pad", r.native.name(), {input, constant});
  set_type(pad, "T", r.editor.dtype_of({-1, r.op, 0}));
  set_type(pad, "Tpaddings", DType::int32);
  set_text(r.native, "padding", "VALID");
  return r.editor.set_operand(r.op, 0, r.editor.output_of(scope, pad));
}

// In TensorFlow's words: VALID, SAME where that computes the same, else all of them.
Status write_pads(const Request& r, const std::vector<int64_t>& pads) {
  drop_attribute(r.native, "explicit_paddings");
  const bool none = std::ranges::count(pads, 0) == static_cast<std::ptrdiff_t>(pads.size());
  if (none || is_same(r.editor, r, pads)) {
    set_text(r.native, "padding", none ? "VALID" : "SAME");
    return {};
  }
  const size_t n = r.axes();
  // TensorFlow ends at a depthwise convolution with explicit pads and a bias behind it (2.21, oneDNN).
  if (r.is({"DepthwiseConv2dNative"})) return pad_before(r, pads);
  if (!r.is({"Conv2D", "MaxPool"})) return not_here(r, "pads but those of SAME and VALID");
  std::vector<int64_t> pairs(2 * (n + 2), 0);
  const size_t first = r.channels_last() ? 1 : 2;
  for (size_t i = 0; i < n; ++i) {
    pairs[2 * (first + i)] = pads[i];
    pairs[2 * (first + i) + 1] = pads[i + n];
  }
  set_text(r.native, "padding", "EXPLICIT");
  set_integers(r.native, "explicit_paddings", pairs);
  return {};
}

}  // namespace

Status resolve_pads(Editor& editor) {
  for (const auto& [op, pads] : editor.pads) {
    const auto& nodes = editor.view().nodes;
    const auto node = std::ranges::find_if(
        nodes, [&, op = op](const graph::Node& n) { return n.native.index == op && n.role == Role::core; });
    const std::optional<graph::Attribute> none;
    if (node != nodes.end())
      if (auto status = write_pads({editor, op, editor.node(op), *node, none}, pads); !status.ok())
        return in_context("set attribute pads of operator " + std::to_string(op), std::move(status).error());
  }
  return {};
}

Status apply_edit(Editor& editor, const graph::SetAttribute& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (edit.at.role != Role::core)
    return Editor::unsupported("a part of role " + std::string(graph::role_name(edit.at.role)) +
                               " has no attributes");
  const auto setter = setters().find(edit.name);
  wire::Node& native = editor.node(op);
  if (setter == setters().end())
    return Editor::unsupported(native.op() + " has no attribute like " + edit.name);
  editor.touch(op);
  return setter->second({editor, op, native, editor.view().node(id), edit.value});
}

}  // namespace fetafix::formats::tensorflow
