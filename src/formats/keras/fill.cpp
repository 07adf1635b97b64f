#include "formats/keras/fill.h"

#include <algorithm>

namespace fetafix::formats::keras {
namespace {

constexpr int64_t most_numbers = int64_t{1} << 28;  // of one weight

std::string path_of(const Layer& layer, const WantedWeight& weight) {
  return layer.group + (weight.part.empty() ? "" : "/" + weight.part) + "/vars/" +
         std::to_string(weight.number);
}

// What a weight's path says that it is: "conv1/bias:0" a bias.
std::string role_in(const std::string& path) {
  const size_t from = path.rfind('/') + 1;
  return path.substr(from, path.find(':', from) - from);
}

// Of an .h5 file, which lists weights in order: each stored one is the next wanted one that it fits. Where
// some are missing, what it is called decides between those that it fits.
void assign_listed(const Tree& tree, const Layer& layer, Holding& out) {
  const size_t lacking = out.wanted.size() - std::min(out.wanted.size(), layer.weights.size());
  size_t next = 0, skipped = 0;
  for (size_t i = 0; i < layer.weights.size(); ++i) {
    const int dataset = layer.weights[i];
    if (next == out.wanted.size()) {
      out.more.push_back(dataset);
      continue;
    }
    if (dataset >= 0 && skipped < lacking) {
      const std::string role = role_in(tree.weights[static_cast<size_t>(dataset)].path);
      for (size_t k = next; k <= next + lacking - skipped && k < out.wanted.size(); ++k)
        if (out.wanted[k].role == role) {
          skipped += k - next;
          next = k;
          break;
        }
    }
    out.held[next++] = dataset;
  }
}

// The name of a weight that an .h5 file's list lacks, after those that it has.
std::string name_for(const std::vector<std::string>& names, const std::string& layer, const std::string& role,
                     int generation) {
  const std::string like = names.empty() ? layer + "/" + (generation == 2 ? ":0" : "") : names.front();
  std::string name = like.substr(0, like.rfind('/') + 1) + role + (like.ends_with(":0") ? ":0" : "");
  while (std::ranges::find(names, name) != names.end()) name = "p_" + name;
  return name;
}

// All outermost layers that have weights, in the order of the configuration.
Status list_layer(Store& store, const File& file, const std::string& layer) {
  auto listed = store.texts("model_weights", "layer_names");
  if (!listed || std::ranges::find(*listed, layer) != listed->end()) return {};
  std::vector<std::string> names;
  for (const Json& entry : member(member(file.config, "config"), "layers"))
    if (const std::string name = name_of(entry);
        name == layer || std::ranges::find(*listed, name) != listed->end())
      names.push_back(name);
  return store.set_texts("model_weights", "layer_names", names);
}

Result<std::string> listed_path(Store& store, const File& file, const Tree& tree, const Place& place,
                                const Holding& holding, size_t k) {
  if (!place.around.empty()) return cant("a weight that a nested model of an .h5 file lacks");
  const std::string group = "model_weights/" + place.layer;
  auto names = store.texts(group, "weight_names");
  if (!names && store.has_attribute(group, "weight_names"))
    return cant("the layer's weights are not listed in one piece");
  if (!names) names.emplace();
  const auto& own = place.what->weights;
  const bool listed = k < own.size() && own[k] < 0;  // a name without a dataset
  if (listed) return group + "/" + (*names)[k];
  const auto held_before =
      std::count_if(holding.held.begin(), holding.held.begin() + static_cast<ptrdiff_t>(k),
                    [](int dataset) { return dataset >= 0; });
  const std::string name = name_for(*names, place.layer, holding.wanted[k].role, file.generation());
  names->insert(names->begin() + std::min<ptrdiff_t>(held_before, static_cast<ptrdiff_t>(names->size())),
                name);
  const std::string path = group + "/" + name;
  (void)tree;
  FETAFIX_CHECK(store.write(path, *Tensor::zeros(DType::float32, {1})));  // makes the group
  FETAFIX_CHECK(store.set_texts(group, "weight_names", *names));
  FETAFIX_CHECK(list_layer(store, file, place.layer));
  return path;
}

// Numbers that a normalization works with, and nothing elsewhere.
Result<Tensor> placeholder(const WantedWeight& weight) {
  const auto count = element_count(weight.shape);
  if (!count || *count > most_numbers || std::ranges::any_of(weight.shape, [](int64_t d) { return d < 1; }))
    return cant("the shape of its " + weight.role + " is not known");
  const bool ones = weight.role == "gamma" || weight.role == "moving_variance";
  return Tensor::of(std::vector<float>(static_cast<size_t>(*count), ones ? 1.f : 0.f), weight.shape);
}

}  // namespace

std::vector<std::optional<Shape>> operand_shapes(const Lift& lift, int op) {
  std::vector<std::optional<Shape>> out;
  for (ValueId id : lift.operands[static_cast<size_t>(op)]) out.push_back(lift.lifted.graph.value(id).shape);
  return out;
}

std::optional<Holding> holding_of(const File& file, const Tree& tree, const Lift& lift, int op) {
  const Layer& layer = *lift.places[static_cast<size_t>(op)].what;
  if (layer.is_operation || !layer.config->is_object()) return std::nullopt;
  auto wanted = wanted_weights(layer.class_name, *layer.config, operand_shapes(lift, op), file.generation());
  if (!wanted) return std::nullopt;
  Holding out{std::move(*wanted), {}, {}};
  out.held.assign(out.wanted.size(), -1);
  if (file.container == Container::hdf5) {
    assign_listed(tree, layer, out);
    return out;
  }
  for (int dataset : layer.weights) {
    if (dataset < 0) continue;
    const std::string& path = tree.weights[static_cast<size_t>(dataset)].path;
    const auto is_it = [&](const WantedWeight& weight) { return path_of(layer, weight) == path; };
    const auto at = std::ranges::find_if(out.wanted, is_it);
    if (at == out.wanted.end())
      out.more.push_back(dataset);
    else
      out.held[static_cast<size_t>(at - out.wanted.begin())] = dataset;
  }
  return out;
}

Result<File> with_weight(const File& file, const Tree& tree, const Lift& lift, int op, size_t k,
                         const Tensor& tensor) {
  const Place& place = lift.places[static_cast<size_t>(op)];
  const auto holding = holding_of(file, tree, lift, op);
  if (!holding || k >= holding->wanted.size()) return cant("the layer has no such weight");
  FETAFIX_TRY(Store store, Store::open_for_writing(file.weights.view));
  std::string path;
  if (holding->held[k] >= 0) {
    path = tree.weights[static_cast<size_t>(holding->held[k])].path;
  } else if (file.container == Container::hdf5) {
    FETAFIX_TRY(path, listed_path(store, file, tree, place, *holding, k));
  } else {
    if (place.what->group.empty()) return cant("the layer has no group of weights");
    path = path_of(*place.what, holding->wanted[k]);
  }
  FETAFIX_CHECK(store.write(path, tensor));
  FETAFIX_TRY(Bytes image, store.image());
  File out = file;
  out.weights = SharedBytes(std::move(image));
  out.weights_changed = true;
  FETAFIX_TRY(Store opened, Store::open(out.weights, Origin::ours));
  out.store = std::make_shared<const Store>(std::move(opened));
  return out;
}

Result<File> with_places(const File& file, const graph::Patch& patch) {
  File out = file;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      const auto* one = std::get_if<graph::SetTensor>(&edit);
      if (!one || !one->retype || one->slot < weight_slot || one->slot >= setting_slot) continue;
      FETAFIX_TRY(const Tree tree, parse_tree(out));
      FETAFIX_TRY(const Lift lift, lift_tree(out, tree));
      const int op = one->at.op.index;
      const auto k = static_cast<size_t>(one->slot - weight_slot);
      if (op < 0 || static_cast<size_t>(op) >= lift.places.size()) return cant("there is no such operator");
      const auto holding = holding_of(out, tree, lift, op);
      if (!holding || k >= holding->wanted.size()) return cant("the layer has no such weight");
      if (const int held = holding->held[k]; held >= 0) {
        const Dataset& dataset = tree.weights[static_cast<size_t>(held)];
        if (dataset.dtype == DType::float32 && fits(dataset.shape, holding->wanted[k].shape)) continue;
      }
      FETAFIX_TRY(const Tensor tensor, placeholder(holding->wanted[k]));
      FETAFIX_TRY(out, with_weight(out, tree, lift, op, k, tensor));
    }
  return out;
}

}  // namespace fetafix::formats::keras
