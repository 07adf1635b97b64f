// SetAttribute: ONNX attributes in Keras' words, one row each.
#include <algorithm>

#include "formats/keras/edit_parts.h"
#include "formats/same_padding.h"

namespace fetafix::formats::keras {
namespace {

struct Request {
  Editor& editor;
  const Place& place;
  const graph::Node& node;  // as the view has it
  const std::string& name;
  const std::optional<graph::Attribute>& value;  // nullopt: ONNX's default
  Json& settings;

  template <class T>
  T get(T otherwise) const {
    const T* held = value ? std::get_if<T>(&*value) : nullptr;
    return held ? *held : otherwise;
  }
  bool has(const char* key) const { return settings.contains(key); }
};

Error not_here(const Request& r) {
  return cant("a " + r.place.what->class_name + " has no " + r.name);
}

Status set_list(const Request& r, const char* key) {
  if (!r.has(key)) return not_here(r);
  const auto kernel = graph::attribute_or(r.node, "kernel_shape", std::vector<int64_t>{});
  const auto wanted = r.get(std::vector<int64_t>(kernel.size(), 1));
  if (std::ranges::any_of(wanted, [](int64_t v) { return v < 1; })) return cant("numbers of at least 1");
  r.settings[key] = Json(wanted);
  return {};
}

// "same" and "causal" mean other pads with another stride or dilation: those of the view stay.
Status set_geometry(const Request& r, const char* key) {
  const Json padding = r.has("padding") ? r.settings["padding"] : Json();
  FETAFIX_CHECK(set_list(r, key));
  if (padding != "same" && padding != "causal") return {};
  const auto pads = graph::attribute_or(r.node, "pads", std::vector<int64_t>{});
  return pads.empty() ? Status() : set_pads(r.editor, r.place, r.node, pads);
}

Status set_strides(const Request& r) {
  return set_geometry(r, "strides");
}
Status set_dilations(const Request& r) {
  return set_geometry(r, "dilation_rate");
}
Status set_kernel_shape(const Request& r) {
  if (r.has("pool_size")) return set_geometry(r, "pool_size");
  const bool same =
      r.get(std::vector<int64_t>{}) == graph::attribute_or(r.node, "kernel_shape", std::vector<int64_t>{});
  return same ? Status() : not_here(r);
}

Status set_pads_row(const Request& r) {
  const auto kernel = graph::attribute_or(r.node, "kernel_shape", std::vector<int64_t>{});
  const auto pads = r.get(std::vector<int64_t>(2 * kernel.size(), 0));
  if (!r.has("padding") || kernel.empty() || pads.size() != 2 * kernel.size()) return not_here(r);
  return set_pads(r.editor, r.place, r.node, pads);
}

Status set_auto_pad(const Request& r) {
  const std::string wanted = r.get(std::string("NOTSET"));
  if (!r.has("padding")) return not_here(r);
  if (wanted == "SAME_UPPER") return r.settings["padding"] = "same", Status();
  if (wanted == "VALID" || wanted == "NOTSET") return r.settings["padding"] = "valid", Status();
  return cant("auto_pad " + wanted + " can't be said");
}

// Where a layer's class has no such setting, leaving it out is all that can be said.
Status set_group(const Request& r) {
  if (!r.has("groups")) return not_here(r);
  const std::string& kind = r.place.what->class_name;
  const bool foreign =
      r.editor.file().generation() == 3 && (kind.starts_with("DepthwiseConv") || kind.ends_with("Transpose"));
  if (foreign) return r.value ? not_here(r) : (r.settings.erase("groups"), Status());
  r.settings["groups"] = r.get(int64_t{1});
  return {};
}

Status set_number(const Request& r, std::initializer_list<const char*> keys, float otherwise) {
  for (const char* key : keys)
    if (r.has(key)) return r.settings[key] = shortest(r.get(otherwise)), Status();
  return not_here(r);
}
Status set_epsilon(const Request& r) {
  return set_number(r, {"epsilon"}, 1e-5f);
}
Status set_momentum(const Request& r) {
  return set_number(r, {"momentum"}, 0.9f);
}
Status set_alpha(const Request& r) {
  const float otherwise = r.node.type == "LeakyRelu" ? 0.01f : 1.f;
  return set_number(r, {"negative_slope", "alpha"}, otherwise);
}

Status set_axis(const Request& r) {
  const bool said = r.node.type == "Concat" || r.node.type == "Softmax";
  if (!said || !r.has("axis")) return not_here(r);
  r.settings["axis"] = r.get(int64_t{-1});
  return {};
}

Status set_keepdims(const Request& r) {
  if (!r.has("keepdims")) return not_here(r);
  r.settings["keepdims"] = r.get(int64_t{1}) != 0;
  return {};
}

Status set_perm(const Request& r) {
  const auto order = r.get(std::vector<int64_t>{});
  if (!r.has("dims") || order.empty() || order[0] != 0) return not_here(r);
  r.settings["dims"] = Json(std::vector<int64_t>(order.begin() + 1, order.end()));
  return {};
}

Status set_mode(const Request& r) {
  const std::string mode = r.get(std::string("nearest"));
  if (!r.has("interpolation") || (mode != "nearest" && mode != "linear")) return not_here(r);
  r.settings["interpolation"] = mode == "nearest" ? "nearest" : "bilinear";
  return {};
}

// Follows from the interpolation.
Status set_with_mode(const Request& r) {
  return r.has("interpolation") ? Status() : not_here(r);
}

Status set_reset(const Request& r) {
  if (!r.has("reset_after")) return not_here(r);
  // With it the bias has two rows, without it one.
  if (r.place.what->weights.size() > 2) return cant("the layer's bias would need another shape");
  r.settings["reset_after"] = r.get(int64_t{0}) != 0;
  return {};
}

Status set_direction(const Request& r) {
  if (!r.has("go_backwards")) return not_here(r);
  r.settings["go_backwards"] = r.get(std::string("forward")) == "reverse";
  return {};
}

Status set_equation(const Request& r) {
  if (!r.has("equation")) return not_here(r);
  r.settings["equation"] = r.get(std::string());
  return {};
}

// ONNX's names of functions, as Keras'.
Status set_activations(const Request& r) {
  const auto functions = r.get(std::vector<std::string>{});
  const auto named = [](const std::string& name) {
    if (name == "HardSigmoid") return std::string("hard_sigmoid");
    return lower_case(name);
  };
  if (!r.has("recurrent_activation") && !r.has("activation")) return not_here(r);
  const bool gates = r.has("recurrent_activation");
  r.settings["activation"] = functions.size() > (gates ? 1u : 0u) ? named(functions[gates ? 1 : 0]) : "tanh";
  if (gates) r.settings["recurrent_activation"] = functions.empty() ? "sigmoid" : named(functions[0]);
  return {};
}

Status set_training_mode(const Request& r) {
  if (r.get(int64_t{0}) != 0) return cant("a layer is not set to training");
  FETAFIX_TRY(Json * entry, r.editor.entry(r.place));
  Json& call = (*entry)["inbound_nodes"][static_cast<size_t>(r.place.call - r.place.what->first_call)];
  Json* keywords = nullptr;
  if (call.is_object() && call.contains("kwargs")) keywords = &call["kwargs"];
  if (call.is_array() && !call.empty() && call[0].is_array() && call[0].size() == 4) keywords = &call[0][3];
  if (!keywords || !keywords->contains("training")) return cant("the call does not say training");
  (*keywords)["training"] = false;
  return {};
}

struct Row {
  const char* name;
  Status (*set)(const Request&);
};

// Follow from the functions' names.
Status set_with_activations(const Request& r) {
  return r.has("activation") ? Status() : not_here(r);
}

constexpr Row rows[]{{"activation_alpha", set_with_activations},
                     {"activation_beta", set_with_activations},
                     {"activations", set_activations},
                     {"alpha", set_alpha},
                     {"auto_pad", set_auto_pad},
                     {"axis", set_axis},
                     {"coordinate_transformation_mode", set_with_mode},
                     {"dilations", set_dilations},
                     {"direction", set_direction},
                     {"epsilon", set_epsilon},
                     {"equation", set_equation},
                     {"group", set_group},
                     {"keepdims", set_keepdims},
                     {"kernel_shape", set_kernel_shape},
                     {"linear_before_reset", set_reset},
                     {"mode", set_mode},
                     {"momentum", set_momentum},
                     {"nearest_mode", set_with_mode},
                     {"num_groups", set_group},
                     {"pads", set_pads_row},
                     {"perm", set_perm},
                     {"strides", set_strides},
                     {"training_mode", set_training_mode}};

std::vector<int64_t> numbers(const Json& settings, const char* key, size_t count, int64_t otherwise) {
  std::vector<int64_t> out(count, otherwise);
  if (!settings.contains(key)) return out;
  const Json& value = settings[key];
  for (size_t i = 0; i < count; ++i) {
    const Json& one = value.is_array() && i < value.size() ? value[i] : value;
    if (one.is_number_integer()) out[i] = one.get<int64_t>();
  }
  return out;
}

}  // namespace

Status set_pads(Editor& editor, const Place& place, const graph::Node& node,
                const std::vector<int64_t>& pads) {
  FETAFIX_TRY(Json * settings, editor.settings(place));
  const size_t axes = pads.size() / 2;
  if (std::ranges::all_of(pads, [](int64_t p) { return p == 0; }))
    return (*settings)["padding"] = "valid", Status();
  const bool causal = place.what->class_name == "Conv1D" && axes == 1 && pads[1] == 0 &&
                      pads[0] == (numbers(*settings, "kernel_size", 1, 1)[0] - 1) *
                                     numbers(*settings, "dilation_rate", 1, 1)[0];
  if (causal) return (*settings)["padding"] = "causal", Status();
  const auto& shape = editor.view().value(node.inputs[0]).shape;
  if (node.type != "ConvTranspose" && shape && shape->size() == axes + 2) {
    const bool pool = settings->contains("pool_size");
    const auto kernel =
        pool ? numbers(*settings, "pool_size", axes, 1) : numbers(*settings, "kernel_size", axes, 1);
    const auto strides =
        pool && (*settings)["strides"].is_null() ? kernel : numbers(*settings, "strides", axes, 1);
    const auto same = same_pads(Shape(shape->begin() + 2, shape->end()), kernel, strides,
                                numbers(*settings, "dilation_rate", axes, 1));
    if (same && *same == pads) return (*settings)["padding"] = "same", Status();
  }
  if (node.type != "Conv")
    return cant("a " + place.what->class_name +
                " with pads of its own can't be said: Keras pads with 'same' alone");
  const bool channels_last =
      !settings->contains("data_format") || (*settings)["data_format"] != "channels_first";
  (*settings)["padding"] = "valid";
  return put_padding_before(editor, place, pads, channels_last);
}

Status put_padding_before(Editor& editor, const Place& place, const std::vector<int64_t>& pads,
                          bool channels_last) {
  const size_t axes = pads.size() / 2;
  std::vector<int64_t> all(2 * (axes + 2), 0);  // batch and channels too
  const size_t first = channels_last ? 1 : 2;
  for (size_t i = 0; i < axes; ++i) {
    all[first + i] = pads[i];
    all[first + i + axes + 2] = pads[i + axes];
  }
  FETAFIX_TRY(const Json padding, padding_of(all, channels_last));
  const Layer& layer = *place.what;
  const auto tensors = layer.calls[static_cast<size_t>(place.call - layer.first_call)].tensors();
  if (layer.calls.size() != 1 || tensors.size() != 1) return cant("the layer is called in several places");
  Way way;
  for (const auto& [name, call] : place.around) way.push_back(name);
  FETAFIX_TRY(Json * around, editor.functional(way));
  Document& document = editor.document();
  const std::string name = document.free_name(*around, "pad");
  Json more = {{"padding", padding}};
  if (axes > 1) more["data_format"] = channels_last ? "channels_last" : "channels_first";
  Json entry = document.new_layer("ZeroPadding" + std::to_string(axes) + "D", name, std::move(more), tensors);
  FETAFIX_CHECK(document.redirect(*around, tensors[0], {name, 0, 0}, Document::Reader{layer.name, 0, 0}));
  document.add_layer(*around, std::move(entry));
  return {};
}

namespace {

const Row* row_of(const std::string& name) {
  const auto found = std::ranges::find_if(rows, [&](const Row& row) { return name == row.name; });
  return found == std::end(rows) ? nullptr : found;
}

// The functions of a layer that runs in both directions are settings of the layers that it wraps.
bool is_of_both(const Place& place, const graph::SetAttribute& edit) {
  return place.what->class_name == "Bidirectional" && edit.name.starts_with("activation");
}

Status set_of_both(Editor& editor, const Place& place, const graph::Node& node,
                   const graph::SetAttribute& edit) {
  FETAFIX_TRY(Json * settings, editor.settings(place));
  for (const char* wrapped : {"layer", "backward_layer"})
    if (settings->contains(wrapped) && (*settings)[wrapped].is_object())
      FETAFIX_CHECK(row_of(edit.name)->set(
          {editor, place, node, edit.name, edit.value, (*settings)[wrapped]["config"]}));
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::SetAttribute& edit) {
  FETAFIX_TRY(const Place* place, editor.place(edit.at.op));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  if (node.role != graph::Role::core)
    return cant("a part of role " + std::string(graph::role_name(node.role)) + " has no attributes");
  const auto written = node.attributes.find(edit.name);
  if (edit.value && written != node.attributes.end() &&
      graph::to_text(written->second) == graph::to_text(*edit.value))
    return {};
  const Row* row = row_of(edit.name);
  if (row && is_of_both(*place, edit)) return set_of_both(editor, *place, node, edit);
  FETAFIX_CHECK(editor.check_single(node));
  if (is_function(*place)) return set_function_attribute(editor, *place, node, edit);
  FETAFIX_TRY(Json * settings, editor.settings(*place));
  if (row) return row->set({editor, *place, node, edit.name, edit.value, *settings});
  return cant("attribute '" + edit.name + "' of " + node.type + " has no counterpart in Keras");
}

Status apply_edit(Editor& editor, const graph::KeepOutputs& edit) {
  graph::SetAttribute off{edit.at, "training_mode", {}};
  off.value.emplace(int64_t{0});
  return apply_edit(editor, off);
}

}  // namespace fetafix::formats::keras
