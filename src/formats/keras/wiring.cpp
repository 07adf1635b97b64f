#include "formats/keras/wiring.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/near.h"
#include "formats/keras/lift.h"

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_likely = 5;  // each is tried in the runtime

// How many tensors a call gives. Functions, and layers that are not known here, give any number.
int64_t outputs_of(const Json& entry, int generation) {
  const std::string class_name = text_of(entry, "class_name");
  const Json& config = member(entry, "config");
  if (class_name == "Sequential") return 1;
  if (is_model_class(class_name))
    return static_cast<int64_t>(references_of(member(config, "output_layers")).size());
  const bool several = member(config, "return_state") == Json(true) || class_name == "MultiHeadAttention" ||
                       class_name == "TFOpLambda" || class_name == "Bidirectional";
  return several || is_operation(entry, generation) || !find_lift_rule(class_name, false) ? -1 : 1;
}

void collect(const Json& json, const std::string& place, std::vector<Naming>& out) {
  if (auto one = as_reference(json)) {
    out.push_back({place, std::move(*one)});
  } else if (json.is_array() || json.is_object()) {
    for (const auto& [key, value] : json.items()) collect(value, place + "/" + key, out);
  }
}

// Keyword arguments stand in an object of their own, in Keras 2 behind a tensor.
bool by_name(const std::string& place) {
  const size_t node = place.rfind("/inbound_nodes/");
  return place.find("/kwargs/", node) != std::string::npos ||
         place.find("/3/", node + 17) != std::string::npos;
}

// How far a name is from another that may be meant; the most: it is no spelling of it.
size_t unlikeness(const std::string& name, const std::string& other) {
  const size_t distance = edit_distance(name, other);
  return other != name && 3 * distance <= name.size() ? distance : SIZE_MAX;
}

// Those with the lowest ranks, in the order of the ranks.
template <class Rank>
std::vector<Reference> best_of(std::vector<std::pair<Rank, Reference>> ranked) {
  std::ranges::stable_sort(ranked, {}, [](const auto& one) { return one.first; });
  std::vector<Reference> out;
  for (const auto& one : ranked)
    if (out.size() < most_likely) out.push_back(one.second);
  return out;
}

}  // namespace

Wiring::Wiring(const Json& model, const std::string& place, int generation) {
  const Json& config = member(model, "config");
  const Json& layers = member(config, "layers");
  if (layers.is_array())
    for (size_t i = 0; i < layers.size(); ++i)
      add_layer(layers[i], place + "/config/layers/" + std::to_string(i), generation);
  collect(member(config, "input_layers"), place + "/config/input_layers", inputs_);
  collect(member(config, "output_layers"), place + "/config/output_layers", outputs_);
}

void Wiring::add_layer(const Json& entry, const std::string& place, int generation) {
  if (!entry.is_object()) return;
  WiredLayer out{name_of(entry), text_of(entry, "class_name"), &entry, place};
  out.first_call = is_model_class(out.class_name) ? first_call_of(entry, generation) : 0;
  const Json& calls = member(entry, "inbound_nodes");
  out.calls = calls.is_array() ? static_cast<int64_t>(calls.size()) : 0;
  if (out.class_name == "InputLayer") out.calls = 1;
  out.outputs = outputs_of(entry, generation);
  const size_t reader = layers_.size();
  layers_.push_back(std::move(out));
  if (!calls.is_array()) return;
  for (size_t i = 0; i < calls.size(); ++i)
    add_names(calls[i], place + "/inbound_nodes/" + std::to_string(i), nullptr, reader, i);
}

// As argument_of reads them (calls.cpp), wherever they stand.
void Wiring::add_names(const Json& json, const std::string& place, const Json* shape, size_t reader,
                       size_t call) {
  if (const auto one = as_reference(json)) {
    read_.push_back({place, *one, shape, reader, call, by_name(place)});
    if (json.size() == 4) add_names(json[3], place + "/3", nullptr, reader, call);
  } else if (json.is_object() && text_of(json, "class_name") == "__keras_tensor__") {
    const Json& config = member(json, "config");
    add_names(member(config, "keras_history"), place + "/config/keras_history", &member(config, "shape"),
              reader, call);
  } else if (json.is_array() || json.is_object()) {
    for (const auto& [key, value] : json.items())
      if (key.find_first_of("~/") == std::string::npos)
        add_names(value, place + "/" + key, nullptr, reader, call);
  }
}

std::optional<size_t> Wiring::find(const std::string& name) const {
  const auto found = std::ranges::find(layers_, name, &WiredLayer::name);
  if (found == layers_.end()) return std::nullopt;
  return static_cast<size_t>(found - layers_.begin());
}

bool Wiring::has(const Reference& tensor) const {
  const auto at = find(tensor.layer);
  if (!at) return false;
  const WiredLayer& layer = layers_[*at];
  return tensor.node >= layer.first_call && tensor.node < layer.first_call + layer.calls &&
         (layer.outputs < 0 || tensor.tensor < layer.outputs);
}

bool Wiring::depends_on(const Reference& tensor, size_t from, size_t call) const {
  std::set<std::pair<size_t, size_t>> seen;
  std::vector<Reference> open{tensor};
  while (!open.empty()) {
    const Reference at = open.back();
    open.pop_back();
    const auto layer = find(at.layer);
    if (!layer) continue;
    const auto number = static_cast<size_t>(std::max<int64_t>(at.node - layers_[*layer].first_call, 0));
    if (*layer == from && number == call) return true;
    if (!seen.insert({*layer, number}).second) continue;
    for (const Naming& one : read_)
      if (one.reader == *layer && one.call == number) open.push_back(one.tensor);
  }
  return false;
}

bool Wiring::is_read(const std::string& layer) const {
  const auto names = [&](const Naming& one) { return one.tensor.layer == layer; };
  return std::ranges::any_of(read_, names) || std::ranges::any_of(outputs_, names);
}

const Json* Wiring::shape_of(const std::string& layer) const {
  for (const Naming& one : read_)
    if (one.tensor.layer == layer && one.tensor.tensor == 0 && one.shape && one.shape->is_array())
      return one.shape;
  const auto at = find(layer);
  const Json& input = at ? member(member(*layers_[*at].entry, "config"), "batch_shape") : member({}, "");
  return input.is_array() ? &input : nullptr;
}

std::vector<Reference> Wiring::likely(const Naming& instead) const {
  using Rank = std::tuple<bool, size_t, bool, size_t, size_t>;
  std::vector<std::pair<Rank, Reference>> ranked;
  const std::string& name = instead.tensor.layer;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const WiredLayer& layer = layers_[i];
    if (layer.calls < 1 || depends_on({layer.name, layer.first_call, 0}, instead.reader, instead.call))
      continue;
    const auto read_there = [&](const Naming& one) {
      return one.reader == instead.reader && one.call == instead.call && one.tensor.layer == layer.name &&
             &one != &instead && one.place != instead.place;
    };
    const Json* shape = shape_of(layer.name);
    const bool other_shape = shape && instead.shape && instead.shape->is_array() && *shape != *instead.shape;
    ranked.push_back(
        {{other_shape || std::ranges::any_of(read_, read_there), unlikeness(name, layer.name),
          is_read(layer.name), i < instead.reader ? 0 : 1, i < instead.reader ? instead.reader - i : i},
         {layer.name, layer.first_call, 0}});
  }
  return best_of(std::move(ranked));
}

std::vector<Reference> Wiring::likely_outputs(const Naming& instead) const {
  std::vector<std::pair<std::tuple<bool, size_t, size_t>, Reference>> ranked;
  const std::string& name = instead.tensor.layer;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const WiredLayer& layer = layers_[i];
    if (layer.calls < 1 || layer.class_name == "InputLayer") continue;
    ranked.push_back({{is_read(layer.name), unlikeness(name, layer.name), layers_.size() - i},
                      {layer.name, layer.first_call, 0}});
  }
  return best_of(std::move(ranked));
}

}  // namespace fetafix::formats::keras
