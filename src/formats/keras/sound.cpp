#include "formats/keras/sound.h"

#include <algorithm>

#include "base/near.h"
#include "formats/input_shape.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/document.h"
#include "graph/label.h"

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_defects = 64;  // of a file that has more, the rest is not a model

// "Conv #12 'stem'", as results name an operator.
std::string label(const Lift& lift, int op) {
  for (const graph::Node& node : lift.lifted.graph.nodes)
    if (node.native.index == op && node.role == Role::core)
      return graph::operator_label(node.type, op, node.name);
  return "'" + lift.places[static_cast<size_t>(op)].layer + "'";
}

void collect(const Json& model, const std::string& place, const std::string& path, std::vector<Entry>& out) {
  const Json& config = member(model, "config");
  const Json& layers = config.is_array() ? config : member(config, "layers");
  if (!layers.is_array()) return;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Json& layer = layers[i];
    if (!layer.is_object()) continue;
    const std::string at = place + (config.is_array() ? "/config/" : "/config/layers/") + std::to_string(i);
    const std::string own = (path.empty() ? "" : path + "/") + name_of(layer);
    out.push_back({&layer, at, own});
    if (is_model_class(text_of(layer, "class_name"))) collect(layer, at, own, out);
    // What a Bidirectional or a TimeDistributed wraps.
    for (const char* key : {"layer", "backward_layer"})
      if (const Json& inner = member(member(layer, "config"), key); member(inner, "config").is_object())
        out.push_back({&inner, at + "/config/" + key, own});
  }
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

std::string escaped(std::string key) {
  std::string out;
  for (char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

Defect DefectFinder::defect(std::string fault_class, std::string pattern, std::string explanation,
                            std::string advice) const {
  return {"", std::move(fault_class), std::move(pattern), std::move(explanation), std::move(advice), {}};
}

std::vector<Entry> DefectFinder::entries() const {
  std::vector<Entry> out;
  collect(now_.config, "", "", out);
  return out;
}

const Entry* DefectFinder::entry_of(const std::vector<Entry>& all, const std::string& path) const {
  const auto found = std::ranges::find(all, path, &Entry::path);
  return found == all.end() ? nullptr : &*found;
}

bool DefectFinder::add(const std::string& layer, Defect defect) {
  if (defect.ways.empty() || out_.size() >= most_defects) return false;
  if (!seen_.insert(layer + "\n" + defect.explanation).second) return false;
  graph::Patch patch;
  patch.groups.push_back({defect.ways[0], ""});
  auto settled = with_settings(now_, patch);
  if (!settled.ok()) return false;
  auto mended = with_places(*settled, patch);
  if (!mended.ok()) return false;
  now_ = std::move(mended).value();
  layers_.push_back(layer);
  out_.push_back(std::move(defect));
  return true;
}

void DefectFinder::check_inputs() {
  const auto tree = parse_tree(now_);
  if (!tree.ok()) return;
  const auto lift = lift_tree(now_, *tree);
  if (!lift.ok()) return;
  const auto& inputs = lift->lifted.graph.inputs;
  const auto keep = [&](std::optional<Defect> one) {
    if (!one) return;
    out_.push_back(std::move(*one));
    layers_.emplace_back();
  };
  for (size_t i = 0; i < inputs.size(); ++i) keep(foreign_input(now_, *tree, *lift, i));
  if (inputs.size() != source_.inputs.size()) return;
  for (size_t i = 0; i < inputs.size(); ++i) keep(other_input(*lift, source_, i));
}

std::vector<Defect> DefectFinder::run() {
  for (bool found = true; found && out_.size() < most_defects;) {
    const auto looked = guarded([&]() -> Result<bool> {
      return check_names() || check_classes() || check_wiring() || check_settings() || check_values() ||
             check_weights();
    });
    found = looked.ok() && *looked;
  }
  check_inputs();
  // Operators have their numbers when the file can be read.
  const auto tree = parse_tree(now_);
  const auto lift = tree.ok() ? lift_tree(now_, *tree) : Result<Lift>(tree.error());
  if (!lift.ok()) return std::move(out_);
  for (int op = 0; op < static_cast<int>(lift->places.size()); ++op)
    for (size_t i = 0; i < out_.size(); ++i)
      if (out_[i].place.empty() && layers_[i] == lift->places[static_cast<size_t>(op)].what->path)
        out_[i].place = label(*lift, op);
  return std::move(out_);
}

std::vector<Defect> defects_of(const File& file, const graph::Graph& source) {
  return DefectFinder(file, source).run();
}

}  // namespace fetafix::formats::keras
