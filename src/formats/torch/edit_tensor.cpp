// SetTensor: into the stored tensor, the number or the list of numbers that an argument is.
#include <algorithm>
#include <cmath>

#include "formats/torch/editor.h"
#include "formats/torch/gates.h"
#include "graph/lens.h"

namespace fetafix::formats::torch {
namespace {

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

// The name of the tensor that an argument, or an element of it, is; empty: it is none.
std::string tensor_at(const Op& op, const ArgumentPlace& place) {
  const Argument* found = op.argument(place.name);
  if (!found) return {};
  const Json* one = found->value;
  if (place.element >= 0) {
    if (found->kind != "as_tensors" || static_cast<size_t>(place.element) >= found->value->size()) return {};
    one = &(*found->value)[static_cast<size_t>(place.element)];
  } else if (found->kind != "as_tensor") {
    return {};
  }
  return one->is_object() && one->contains("name") ? (*one)["name"].get<std::string>() : std::string();
}

// As many numbers as the argument has: axes that the operator does not pad come last.
Result<std::vector<int64_t>> torch_pads(const std::vector<int64_t>& pads, size_t wanted) {
  std::vector<int64_t> out = pads_from_last(pads);
  while (out.size() > wanted && out[out.size() - 1] == 0 && out[out.size() - 2] == 0)
    out.resize(out.size() - 2);
  if (out.size() > wanted && wanted > 0) return cant("it would pad further axes");
  return out;
}

bool pads_axes(const std::string& target) {
  return target.find("pad") != std::string::npos && target.find("conv") == std::string::npos;
}

Result<Json> pads_content(const Op& op, const std::vector<int64_t>& pads) {
  const bool any_axis = op.target.starts_with("aten.constant_pad_nd") || op.target.starts_with("aten.pad.");
  const Argument* now = op.argument(op.argument("pad") ? "pad" : "padding");
  FETAFIX_TRY(const auto list, torch_pads(pads, any_axis || !now ? pads.size() : now->value->size()));
  return as_ints(list);
}

// Numbers in the kind that the argument has now, as far as they fit it.
Result<Json> content_of(const Op& op, const std::string& name, const Tensor& value) {
  if (name == "scale_factors" || name == "output_size") {
    FETAFIX_TRY(auto numbers, to_doubles(value));
    const Argument* now = op.argument(name);
    const size_t axes = now && now->value->is_array() ? now->value->size() : numbers.size();
    if (numbers.size() > axes)
      numbers.erase(numbers.begin(), numbers.end() - static_cast<std::ptrdiff_t>(axes));
    if (name == "output_size") return as_ints(std::vector<int64_t>(numbers.begin(), numbers.end()));
    return Json{{"as_floats", numbers}};
  }
  if (is_integer(value.dtype()) && value.rank() > 0) {
    FETAFIX_TRY(const auto numbers, to_int64s(value));
    if (pads_axes(op.target) && (name == "pad" || name == "padding")) return pads_content(op, numbers);
    const Argument* now = op.argument(name);
    const bool single = now ? now->kind == "as_int" : numbers.size() == 1 && name != "dim" && name != "size";
    if (single && numbers.size() != 1) return cant("'" + name + "' is one number");
    return single ? as_int(numbers[0]) : as_ints(numbers);
  }
  FETAFIX_TRY(const auto numbers, to_doubles(value));
  if (numbers.size() != 1) return cant("'" + name + "' is one number");
  if (value.dtype() == DType::boolean) return as_bool(numbers[0] != 0);
  const Argument* now = op.argument(name);
  const bool whole = std::trunc(numbers[0]) == numbers[0] && std::fabs(numbers[0]) < 1e15;
  const bool stays_whole = whole && (is_integer(value.dtype()) || (now && now->kind == "as_int"));
  if (stays_whole) return as_int(static_cast<int64_t>(numbers[0]));
  return value.dtype() == DType::float32 ? as_float(value.as<float>()[0]) : as_float(numbers[0]);
}

// Arguments that a tensor may take the place of None in.
bool may_be_weight(const std::string& name) {
  return name == "weight" || name == "bias";
}

}  // namespace

Result<Tensor> native_form(const Editor& editor, int op, const graph::SetTensor& edit) {
  const ArgumentPlace place = place_of(edit.slot);
  const Op& native = editor.op(op);
  const std::string type = recurrent_type(native.target);
  if (!type.empty() && place.name == "params") return gates_to_native(edit.value, type);
  const graph::Value* seen = constant_behind(editor.view(), op, edit.slot);
  if (!seen || !seen->lens || seen->lens->native_tensor < 0) return edit.value;
  FETAFIX_TRY(const Tensor stored, graph::to_native(edit.value, *seen->lens, seen->constant.shape()));
  return edit.retype ? stored : cast(stored, seen->dtype);
}

Status apply_edit(Editor& editor, const graph::SetTensor& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  if (auto node = graph::resolve(editor.view(), edit.at); !node.ok()) return std::move(node).error();
  const ArgumentPlace place = place_of(edit.slot);
  const Op& native = editor.op(op);
  if (place.name.empty()) return cant(native.target + " has no operand " + std::to_string(edit.slot));
  if (const std::string name = tensor_at(native, place); !name.empty()) {
    FETAFIX_TRY(const Tensor value, native_form(editor, op, edit));
    return editor.write_weight({op, place}, name, value);
  }
  if (place.element >= 0) return cant("'" + place.name + "' has no such element");
  if (may_be_weight(place.name)) {
    const std::string added = editor.add_weight(edit.value, place.name);
    editor.set_argument(op, place.name, as_tensor(added));
    return {};
  }
  FETAFIX_TRY(Json content, content_of(native, place.name, edit.value));
  editor.set_argument(op, place.name, std::move(content));
  return {};
}

}  // namespace fetafix::formats::torch
