#include "formats/keras/sound.h"

#include <algorithm>

#include "base/near.h"
#include "formats/input_shape.h"

namespace fetafix::formats::keras {
namespace {

// "Conv #12 'stem'", as results name an operator.
std::string label(const Lift& lift, int op) {
  for (const graph::Node& node : lift.lifted.graph.nodes)
    if (node.native.index == op && node.role == Role::core)
      return node.type + " #" + std::to_string(op) + " '" + node.name + "'";
  return "'" + lift.places[static_cast<size_t>(op)].layer + "'";
}

graph::Address at(int op) {
  return {{"", op}, Role::core, 0};
}

template <class Edit>
std::vector<graph::Edit> just(Edit edit) {
  std::vector<graph::Edit> out;
  out.emplace_back(std::move(edit));
  return out;
}

// A class that is none: what stands there must be told by its name.
std::optional<Defect> unknown_class(const Lift& lift, int op) {
  const Layer& layer = *lift.places[static_cast<size_t>(op)].what;
  if (layer.is_operation || find_lift_rule(layer.class_name, false)) return std::nullopt;
  const auto meant = nearest_class(layer.class_name);
  if (!meant) return std::nullopt;
  Defect out{label(lift, op),
             "unsupported",
             "unknown-layer",
             "layer '" + layer.path + "' is of class '" + layer.class_name + "', which no Keras has; '" +
                 *meant + "' is the nearest",
             "check what wrote the file's configuration",
             {just(graph::ChangeType{at(op), *meant, {}})}};
  out.only_if_it_loads = true;  // it may be a layer of the user's own
  return out;
}

// Settings that the other generation of Keras writes, and this one does not take.
std::optional<Defect> foreign_setting(const File& file, const Lift& lift, int op) {
  const Layer& layer = *lift.places[static_cast<size_t>(op)].what;
  const bool grouped =
      layer.class_name.starts_with("DepthwiseConv") || layer.class_name.ends_with("Transpose");
  if (file.generation() != 3 || !grouped || !layer.config->contains("groups")) return std::nullopt;
  return Defect{label(lift, op),
                "unsupported",
                "foreign-setting",
                "layer '" + layer.path + "' (" + layer.class_name +
                    ") has the setting 'groups', which Keras 2 writes and Keras 3 does not take",
                "save the model with the Keras that is to load it",
                {just(graph::SetAttribute{at(op), "group", std::nullopt})}};
}

// An input whose shape stands under the other generation's key.
std::optional<Defect> foreign_input(const File& file, const Tree& tree, const Lift& lift, size_t input) {
  const Layer* layer = tree.model.find(tree.model.inputs[input].layer);
  const char* foreign = file.generation() == 2 ? "batch_shape" : "batch_input_shape";
  if (!layer || layer->calls.size() > 0 || !layer->config->contains(foreign)) return std::nullopt;
  const graph::Value& value = lift.lifted.graph.value(lift.lifted.graph.inputs[input]);
  graph::Redeclare edit;
  edit.value.graph_input = static_cast<int>(input);
  edit.dtype = value.dtype;
  edit.shape = value.shape;
  Defect out{"",
             "unsupported",
             "foreign-setting",
             "input '" + layer->name + "' says its shape as '" + foreign +
                 "', which the other generation of Keras writes",
             "save the model with the Keras that is to load it",
             {just(std::move(edit))}};
  out.only_if_it_loads = true;  // some versions take both
  return out;
}

std::optional<Defect> other_input(const Lift& lift, const graph::Graph& source, size_t input) {
  const graph::Value& declared = lift.lifted.graph.value(lift.lifted.graph.inputs[input]);
  const graph::Value& wanted = source.value(source.inputs[input]);
  if (!declared.shape || !wanted.shape || *declared.shape == *wanted.shape) return std::nullopt;
  return other_input_shape(static_cast<int>(input), declared.name, declared.dtype, *declared.shape,
                           *wanted.shape);
}

}  // namespace

std::optional<std::string> nearest_class(const std::string& class_name) {
  std::vector<std::string> known;
  for (const LiftRule& rule : lift_rules())
    if (!rule.operation) known.emplace_back(rule.class_name);
  const auto near = near_names(class_name, known, 1);
  return near.empty() ? std::nullopt : std::optional(near[0]);
}

std::vector<Defect> defects_of(const File& file, const Tree& tree, const Lift& lift,
                               const graph::Graph& source) {
  std::vector<Defect> out;
  const auto add = [&](std::optional<Defect> one) {
    if (one) out.push_back(std::move(*one));
  };
  for (int op = 0; op < static_cast<int>(lift.places.size()); ++op) {
    add(unknown_class(lift, op));
    add(foreign_setting(file, lift, op));
  }
  const auto& inputs = lift.lifted.graph.inputs;
  for (size_t i = 0; i < inputs.size(); ++i) add(foreign_input(file, tree, lift, i));
  if (inputs.size() != source.inputs.size()) return out;
  for (size_t i = 0; i < inputs.size(); ++i) add(other_input(lift, source, i));
  return out;
}

}  // namespace fetafix::formats::keras
