// SetAttribute: ONNX attributes in PyTorch's words, one row each.
#include <algorithm>
#include <cmath>

#include "base/python_json.h"
#include "formats/torch/editor.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::torch {
namespace {

struct Request {
  Editor& editor;
  int op;
  const graph::Node& node;  // as the view has it
  const std::string& name;
  const std::optional<graph::Attribute>& value;  // nullopt: ONNX's default
  std::string now;                               // the operator, after edits before this one

  template <class T>
  T get(T otherwise) const {
    const T* held = value ? std::get_if<T>(&*value) : nullptr;
    return held ? *held : otherwise;
  }
  const std::string& target() const { return now; }
  bool is(const char* part) const { return target().find(part) != std::string::npos; }
  void set(const std::string& argument, Json content) const {
    editor.set_argument(op, argument, std::move(content));
  }
  bool has(const std::string& argument) const { return editor.op(op).argument(argument); }
};

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

Error not_here(const Request& r) {
  return cant(r.target() + " has no " + r.name);
}

size_t axes_of(const graph::Node& node) {
  return graph::attribute_or(node, "kernel_shape", std::vector<int64_t>{}).size();
}

Status set_list(const Request& r, const char* argument, int64_t otherwise) {
  if (axes_of(r.node) == 0) return not_here(r);
  const auto wanted = r.get(std::vector<int64_t>(axes_of(r.node), otherwise));
  if (std::ranges::any_of(wanted, [](int64_t v) { return v < 0; })) return cant("negative numbers");
  r.set(argument, as_ints(wanted));
  return {};
}

Status set_strides(const Request& r) {
  return set_list(r, "stride", 1);
}
// Average pools of PyTorch have none.
Status set_dilations(const Request& r) {
  return r.node.type == "AveragePool" ? not_here(r) : set_list(r, "dilation", 1);
}
// The kernel of a convolution has the shape of its weights.
Status set_kernel_shape(const Request& r) {
  if (r.is("pool")) return set_list(r, "kernel_size", 1);
  const bool same =
      r.get(std::vector<int64_t>{}) == graph::attribute_or(r.node, "kernel_shape", std::vector<int64_t>{});
  return same ? Status() : not_here(r);
}

// Pads that differ before and behind are a pad of its own, in front.
Status put_pad_before(const Request& r, const std::vector<int64_t>& pads, double value) {
  const size_t axes = pads.size() / 2;
  const std::string input = r.has("input") ? "input" : "self";
  const Argument* read = r.editor.op(r.op).argument(input);
  if (!read || read->kind != "as_tensor") return cant("its input is no tensor");
  const std::string name = (*read->value)["name"].get<std::string>();
  auto shape = r.editor.shape_of(name);
  for (size_t axis = 0; shape && shape->size() == axes + 2 && axis < axes; ++axis)
    if ((*shape)[axis + 2] >= 0) (*shape)[axis + 2] += pads[axis] + pads[axis + axes];
  const std::string padded = r.editor.add_call(
      r.op, "aten.constant_pad_nd.default",
      {{"self", as_tensor(name)}, {"pad", as_ints(pads_from_last(pads))}, {"value", as_float(value)}}, name,
      shape);
  r.set(input, as_tensor(padded));
  return {};
}

// "same" and "valid" are another operator than numbers.
void use_numbers(const Request& r) {
  const std::string& target = r.target();
  if (target.ends_with(".padding"))
    r.editor.set_target(r.op, target.substr(0, target.rfind('.')) + ".default");
}

Status set_pads(const Request& r) {
  const size_t axes = axes_of(r.node);
  const auto pads = r.get(std::vector<int64_t>(2 * axes, 0));
  if (axes == 0 || pads.size() != 2 * axes) return not_here(r);
  if (std::ranges::any_of(pads, [](int64_t p) { return p < 0; })) return cant("negative pads");
  use_numbers(r);
  const std::vector<int64_t> before(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  if (std::equal(before.begin(), before.end(), pads.begin() + static_cast<std::ptrdiff_t>(axes))) {
    r.set("padding", as_ints(before));
    return {};
  }
  if (r.node.type != "Conv") return cant("a " + r.node.type + " whose pads differ before and behind");
  r.set("padding", as_ints(std::vector<int64_t>(axes, 0)));
  return put_pad_before(r, pads, 0);
}

Status set_auto_pad(const Request& r) {
  const std::string wanted = r.get(std::string("NOTSET"));
  if (wanted == "NOTSET") return {};
  return cant("auto_pad " + wanted + ": pads are numbers in PyTorch");
}

Status set_flag(const Request& r, const char* argument, int64_t otherwise) {
  r.set(argument, as_bool(r.get(otherwise) != 0));
  return {};
}
Status set_ceil_mode(const Request& r) {
  return r.is("pool") ? set_flag(r, "ceil_mode", 0) : not_here(r);
}
Status set_count_include_pad(const Request& r) {
  return r.is("avg_pool") ? set_flag(r, "count_include_pad", 0) : not_here(r);
}
Status set_training_mode(const Request& r) {
  return r.has("training") ? set_flag(r, "training", 0) : not_here(r);
}
Status set_keepdims(const Request& r) {
  return set_flag(r, "keepdim", 1);
}

Status set_number(const Request& r, const char* argument, float otherwise) {
  r.set(argument, as_float(r.get(otherwise)));
  return {};
}
Status set_epsilon(const Request& r) {
  return set_number(r, "eps", 1e-5f);
}
Status set_momentum(const Request& r) {
  r.set("momentum", as_float(1 - shortest(r.get(0.9f))));
  return {};
}
Status set_alpha(const Request& r) {
  if (r.is("leaky_relu")) return set_number(r, "negative_slope", 0.01f);
  if (r.is("aten.elu") || r.is("aten.celu")) return set_number(r, "alpha", 1.f);
  if (r.is("addmm")) return set_number(r, "alpha", 1.f);
  // PyTorch's has one slope, and it is not ONNX's default.
  if (r.is("hardsigmoid") && std::fabs(r.get(0.2f) - 1.f / 6) < 1e-6f) return {};
  return not_here(r);
}
Status set_beta(const Request& r) {
  if (r.is("hardsigmoid") && r.get(0.5f) == 0.5f) return {};
  return r.is("addmm") ? set_number(r, "beta", 1.f) : not_here(r);
}

Status set_group(const Request& r) {
  const char* argument = r.is("native_group_norm") ? "group" : r.is("group_norm") ? "num_groups" : "groups";
  r.set(argument, as_int(r.get(int64_t{1})));
  return {};
}

Status set_axis(const Request& r) {
  static const std::vector<std::string> with_axis{
      "Softmax", "LogSoftmax", "Concat", "Gather", "ArgMax", "ArgMin", "Split", "TopK", "GatherElements"};
  if (r.node.type == "Flatten") {
    r.set("start_dim", as_int(r.get(int64_t{1})));
    return {};
  }
  if (!std::ranges::count(with_axis, r.node.type) || r.is("embedding")) return not_here(r);
  r.set("dim", as_int(r.get(int64_t{r.node.type == "Softmax" || r.node.type == "LogSoftmax" ? -1 : 0})));
  return {};
}

Status set_perm(const Request& r) {
  const auto order = r.get(std::vector<int64_t>{});
  if (r.target() == "aten.permute.default") {
    r.set("dims", as_ints(order));
    return {};
  }
  // Two axes that change places are PyTorch's transpose; any other order is a permute.
  r.editor.set_target(r.op, "aten.permute.default");
  r.editor.drop_argument(r.op, "dim0");
  r.editor.drop_argument(r.op, "dim1");
  r.set("dims", as_ints(order));
  return {};
}

Status set_approximate(const Request& r) {
  if (!r.is("gelu")) return not_here(r);
  r.set("approximate", as_string(r.get(std::string("none"))));
  return {};
}

Status set_equation(const Request& r) {
  if (!r.is("einsum")) return not_here(r);
  r.set("equation", as_string(r.get(std::string())));
  return {};
}

Status set_blocksize(const Request& r) {
  if (!r.is("pixel_shuffle")) return not_here(r);
  r.set("upscale_factor", as_int(r.get(int64_t{1})));
  return {};
}

Status set_output_padding(const Request& r) {
  return r.node.type == "ConvTranspose" ? set_list(r, "output_padding", 0) : not_here(r);
}

Status set_to(const Request& r) {
  const DType dtype = graph::dtype_of_onnx_type(r.get(int64_t{1}));
  if (dtype_code(dtype) == 0 || !r.has("dtype")) return not_here(r);
  r.set("dtype", Json{{"as_scalar_type", dtype_code(dtype)}});
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
                     {"blocksize", set_blocksize},
                     {"ceil_mode", set_ceil_mode},
                     {"count_include_pad", set_count_include_pad},
                     {"dilations", set_dilations},
                     {"epsilon", set_epsilon},
                     {"equation", set_equation},
                     {"group", set_group},
                     {"keepdims", set_keepdims},
                     {"kernel_shape", set_kernel_shape},
                     {"momentum", set_momentum},
                     {"num_groups", set_group},
                     {"output_padding", set_output_padding},
                     {"pads", set_pads},
                     {"perm", set_perm},
                     {"strides", set_strides},
                     {"to", set_to},
                     {"training_mode", set_training_mode}};

// An attribute that stands for an argument's number: constants of the view are named by it.
Result<bool> set_constant(Editor& editor, const graph::SetAttribute& edit, const graph::Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == graph::no_value || !editor.view().value(id).lens ||
        editor.view().value(id).lens->attribute != edit.name || !edit.value)
      continue;
    graph::SetTensor set{edit.at, i < node.slots.size() ? node.slots[i] : -1, {}};
    if (const auto* tensor = std::get_if<Tensor>(&*edit.value)) set.value = *tensor;
    if (const auto* number = std::get_if<float>(&*edit.value)) set.value = Tensor::scalar(*number);
    if (const auto* number = std::get_if<int64_t>(&*edit.value)) set.value = Tensor::scalar(*number);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&*edit.value)) set.value = Tensor::vector(*list);
    if (set.value.empty()) return false;
    FETAFIX_CHECK(apply_edit(editor, set));
    return true;
  }
  return false;
}

}  // namespace

Status set_attribute(Editor& editor, int op, const graph::Node& node, const std::string& name,
                     const std::optional<graph::Attribute>& value) {
  const auto row = std::ranges::find_if(rows, [&](const Row& one) { return name == one.name; });
  if (row == std::end(rows))
    return cant("attribute '" + name + "' of " + node.type + " has no counterpart in PyTorch");
  return row->set({editor, op, node, name, value, editor.target_of(op)});
}

Status apply_edit(Editor& editor, const graph::SetAttribute& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  if (is_of_resize(node, edit.name)) {
    graph::Attributes& all = editor.resizes().try_emplace(op, node.attributes).first->second;
    if (edit.value)
      all[edit.name] = *edit.value;
    else
      all.erase(edit.name);
    return {};
  }
  const auto written = node.attributes.find(edit.name);
  if (edit.value && written != node.attributes.end() &&
      graph::to_text(written->second) == graph::to_text(*edit.value))
    return {};
  FETAFIX_TRY(const bool done, set_constant(editor, edit, node));
  if (done) return {};
  FETAFIX_CHECK(editor.check_single(node));
  return set_attribute(editor, op, node, edit.name, edit.value);
}

// Further outputs of a normalization are for training alone, and PyTorch's has none.
Status apply_edit(Editor& editor, const graph::KeepOutputs& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  if (editor.op(op).outputs.size() <= static_cast<size_t>(std::max(edit.keep, 1))) return {};
  return cant("an output that would go is read");
}

}  // namespace fetafix::formats::torch
