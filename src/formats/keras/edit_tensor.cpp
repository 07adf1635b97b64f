// SetTensor: weights into the weights' file, and constants that stand for a setting into the settings.
#include "formats/keras/edit_parts.h"
#include "formats/keras/gates.h"
#include "graph/lens.h"

namespace fetafix::formats::keras {

Result<Json> padding_of(const std::vector<int64_t>& pads, bool channels_last) {
  const size_t rank = pads.size() / 2, first = channels_last ? 1 : 2;
  Json out = Json::array();
  for (size_t i = 0; i < rank; ++i) {
    const bool spatial = i >= first && i < first + rank - 2;
    if (!spatial && (pads[i] != 0 || pads[i + rank] != 0)) return cant("batch or channels can't be padded");
    if (pads[i] < 0 || pads[i + rank] < 0) return cant("negative pads");
    if (spatial) out.push_back(Json::array({pads[i], pads[i + rank]}));
  }
  return rank == 3 ? Json(out[0]) : out;
}

namespace {

// Of the nodes with this address, the one that has the slot.
Result<std::pair<const graph::Node*, size_t>> find_slot(const graph::Graph& view, const graph::Address& at,
                                                        int slot) {
  for (graph::NodeId n = 0; n < static_cast<graph::NodeId>(view.nodes.size()); ++n) {
    const graph::Node& node = view.node(n);
    if (node.native != at.op || node.role != at.role) continue;
    for (size_t i = 0; i < node.slots.size(); ++i)
      if (node.slots[i] == slot) return std::pair(&node, i);
  }
  return cant("the layer has nothing in slot " + std::to_string(slot));
}

// What a weight of a recurrent layer is, also within a Bidirectional; nullopt: another layer.
std::optional<std::pair<std::string, Gated>> gated(const Layer& layer, size_t k) {
  std::string class_name = layer.class_name;
  if (class_name == "Bidirectional") class_name = text_of(member(*layer.config, "layer"), "class_name");
  if (gates_of(class_name) == 0) return std::nullopt;
  const size_t each = layer.class_name == "Bidirectional" ? layer.weights.size() / 2 : layer.weights.size();
  return std::pair(class_name, static_cast<Gated>(each == 0 ? 0 : k % each));
}

// A kernel of another size changes what the settings say of it.
void follow_shape(Json& settings, const Shape& shape) {
  const size_t axes = shape.size() >= 2 ? shape.size() - 2 : 0;
  if (settings.contains("kernel_size") && axes > 0)
    settings["kernel_size"] = Json(Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axes)));
  if (settings.contains("filters") && settings.contains("kernel_size") &&
      !settings.contains("depth_multiplier"))
    settings["filters"] = shape.back();
  if (settings.contains("units")) settings["units"] = shape.back();
}

// A bias where there was none.
Status add_bias(Editor& editor, const Place& place, const Tensor& value) {
  FETAFIX_TRY(Json * settings, editor.settings(place));
  const Layer& layer = *place.what;
  if (!settings->contains("use_bias") || layer.weights.empty() || value.rank() != 1)
    return cant("the layer can't have a bias");
  const std::string kernel = editor.dataset(layer.weights.back());
  const size_t cut = kernel.rfind('/');
  std::string path = kernel.substr(0, cut + 1) + std::to_string(layer.weights.size());
  if (editor.file().container == Container::hdf5) {
    if (!place.around.empty()) return cant("a new weight in a nested model of an .h5 file");
    const std::string ending = kernel.ends_with(":0") ? ":0" : "";
    path = kernel.substr(0, cut + 1) + "bias" + ending;
    const std::string group = "model_weights/" + layer.name;
    auto names = editor.file().store->texts(group, "weight_names");
    if (!names) return cant("the layer's weights are not listed in one piece");
    names->push_back(path.substr(group.size() + 1));
    editor.document().weight_names[layer.name] = *names;
  }
  (*settings)["use_bias"] = true;
  editor.document().weights[path] = value;
  return {};
}

Status set_weight(Editor& editor, const Place& place, const graph::SetTensor& edit) {
  const Layer& layer = *place.what;
  const auto k = static_cast<size_t>(edit.slot - weight_slot);
  if (k == layer.weights.size()) return add_bias(editor, place, edit.value);
  if (k > layer.weights.size() || layer.weights[k] < 0)
    return cant("the layer has no weight " + std::to_string(k));
  FETAFIX_TRY(const auto found, find_slot(editor.view(), edit.at, edit.slot));
  const graph::Value& held = editor.view().value(found.first->inputs[found.second]);
  FETAFIX_TRY(const Tensor stored, editor.read(layer.weights[k]));
  Tensor native;
  if (const auto part = gated(layer, k)) {
    FETAFIX_TRY(native, gates_to_native(edit.value, stored, part->first, part->second));
  } else {
    if (!held.lens) return cant("the weight is not stored");
    FETAFIX_TRY(native, graph::to_native(edit.value, *held.lens, held.constant.shape()));
  }
  if (native.dtype() != stored.dtype()) {
    FETAFIX_TRY(native, cast(native, stored.dtype()));
  }
  if (native.shape() != stored.shape()) {
    FETAFIX_TRY(Json * settings, editor.settings(place));
    follow_shape(*settings, native.shape());
  }
  editor.document().weights[editor.dataset(layer.weights[k])] = native;
  return {};
}

Result<Json> number_or_list(const Tensor& value) {
  const bool one = value.size() == 1 && (is_floating(value.dtype()) || value.rank() == 0);
  return literal_of(one ? value.reshaped({}) : value.reshaped({value.size()}));
}

Status set_setting(Editor& editor, const Place& place, const graph::SetTensor& edit) {
  FETAFIX_TRY(const auto found, find_slot(editor.view(), edit.at, edit.slot));
  const graph::Value& held = editor.view().value(found.first->inputs[found.second]);
  const std::string name = held.lens ? held.lens->attribute : "";
  if (is_function(place)) return set_argument(editor, place, held, edit.value);
  FETAFIX_TRY(Json * settings, editor.settings(place));
  const bool channels_last =
      !settings->contains("data_format") || (*settings)["data_format"] != "channels_first";
  if (name == "padding") {
    FETAFIX_TRY(const auto pads, to_int64s(edit.value));
    FETAFIX_TRY((*settings)[name], padding_of(pads, channels_last));
    return {};
  }
  if (name == "target_shape") {
    FETAFIX_TRY(auto shape, to_int64s(edit.value));
    if (shape.empty()) return cant("a shape without a batch");
    (*settings)[name] = Json(std::vector<int64_t>(shape.begin() + 1, shape.end()));
    return {};
  }
  if (!settings->contains(name) || (*settings)[name].is_object())
    return cant("'" + name + "' is no setting of a " + place.what->class_name);
  FETAFIX_TRY((*settings)[name], number_or_list(edit.value));
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::SetTensor& edit) {
  FETAFIX_TRY(const Place* place, editor.place(edit.at.op));
  if (edit.slot >= setting_slot) return set_setting(editor, *place, edit);
  if (edit.slot >= weight_slot) return set_weight(editor, *place, edit);
  return cant("operand " + std::to_string(edit.slot) + " is a tensor that the layer is called with");
}

}  // namespace fetafix::formats::keras
