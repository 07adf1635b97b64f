// Weights that are missing or that have not the shape that their layer makes; and settings that say another
// shape than all weights of the layer have.
#include <algorithm>
#include <numeric>

#include "base/near.h"
#include "formats/keras/defect_finder.h"

namespace fetafix::formats::keras {
namespace {

std::vector<std::optional<Shape>> stored_shapes(const Holding& holding, const Tree& tree) {
  std::vector<std::optional<Shape>> out;
  for (int dataset : holding.held)
    out.push_back(dataset < 0 ? std::nullopt
                              : std::optional(tree.weights[static_cast<size_t>(dataset)].shape));
  return out;
}

bool all_fit(const std::vector<std::optional<Shape>>& stored, const std::vector<WantedWeight>& wanted) {
  for (size_t k = 0; k < wanted.size(); ++k)
    if (k >= stored.size() || (stored[k] && !fits(*stored[k], wanted[k].shape))) return false;
  return true;
}

// Stored numbers in the shape that is wanted: all of them in another order, or as many as there are.
std::optional<Tensor> fitted(const Tensor& stored, const Shape& wanted) {
  const auto count = element_count(wanted);
  if (!count || *count < 1 || stored.dtype() != DType::float32) return std::nullopt;
  if (stored.shape().size() == wanted.size()) {
    std::vector<int> order(wanted.size());
    std::iota(order.begin(), order.end(), 0);
    do {
      Shape turned;
      for (int axis : order) turned.push_back(stored.shape()[static_cast<size_t>(axis)]);
      if (turned == wanted) return transpose(stored, order);
    } while (std::ranges::next_permutation(order).found);
  }
  if (static_cast<int64_t>(stored.size()) == *count) return stored.reshaped(wanted);
  if (wanted.size() != 1) return std::nullopt;
  std::vector<float> numbers(static_cast<size_t>(*count), 0.f);
  const auto held = stored.as<float>();
  std::copy_n(held.begin(), std::min(held.size(), numbers.size()), numbers.begin());
  return Tensor::of(numbers, wanted);
}

// Something to start from: what belongs there the source says.
Tensor some_numbers(const WantedWeight& weight) {
  const auto count = static_cast<size_t>(element_count(weight.shape).value_or(0));
  const bool ones = weight.role == "gamma" || weight.role == "moving_variance";
  std::vector<float> numbers(count, ones ? 1.f : 0.f);
  if (weight.role.ends_with("kernel"))
    for (size_t i = 0; i < count; ++i) numbers[i] = 0.01f * static_cast<float>(static_cast<int>(i % 7) - 3);
  return Tensor::of(numbers, weight.shape);
}

void collect_held(const Model& model, std::set<int>& out) {
  for (const Layer& layer : model.layers) {
    out.insert(layer.weights.begin(), layer.weights.end());
    if (layer.nested) collect_held(*layer.nested, out);
  }
}

// A dataset that no layer has and that may be the weight: of its shape, at the same place in a group, in the
// group with the likest name. -1: there is none.
int unclaimed(const Tree& tree, const Layer& layer, const WantedWeight& weight, const Shape& shape) {
  std::set<int> held;
  collect_held(tree.model, held);
  const std::string ending =
      (weight.part.empty() ? "" : "/" + weight.part) + "/vars/" + std::to_string(weight.number);
  int best = -1;
  size_t nearest = SIZE_MAX;
  for (int i = 0; i < static_cast<int>(tree.weights.size()); ++i) {
    const Dataset& one = tree.weights[static_cast<size_t>(i)];
    if (held.contains(i) || !one.path.ends_with(ending) || !fits(one.shape, shape)) continue;
    const std::string group = one.path.substr(0, one.path.size() - ending.size());
    if (const size_t distance = edit_distance(group, layer.group); distance < nearest) {
      nearest = distance;
      best = i;
    }
  }
  return best;
}

// Gives a settled file's weight the numbers that it has there.
Result<graph::Edit> set_as_seen(const File& file, int op, size_t k) {
  FETAFIX_TRY(const Tree tree, parse_tree(file));
  FETAFIX_TRY(const Lift lift, lift_tree(file, tree));
  const graph::Graph& view = lift.lifted.graph;
  const int slot = weight_slot + static_cast<int>(k);
  for (const graph::Node& node : view.nodes) {
    if (node.native.index != op) continue;
    for (size_t i = 0; i < node.slots.size() && i < node.inputs.size(); ++i)
      if (node.slots[i] == slot && node.inputs[i] != graph::no_value) {
        graph::SetTensor out;
        out.at.op = node.native;
        out.at.role = node.role;
        out.slot = slot;
        out.value = view.value(node.inputs[i]).constant;
        out.retype = true;
        return graph::Edit(std::move(out));
      }
  }
  return Error{ErrorKind::internal, "the view does not have this weight"};
}

// The numbers of a weight that is missing or of another shape, as far as the file has them.
struct Found {
  Tensor numbers;
  std::string words;    // what is wrong with it
  bool stored = false;  // all that the file has of it is kept
};

Found found_numbers(const File& file, const Tree& tree, const Layer& layer, const Holding& holding,
                    size_t k) {
  const WantedWeight& weight = holding.wanted[k];
  const int held = holding.held[k];
  const int dataset = held >= 0 ? held : unclaimed(tree, layer, weight, weight.shape);
  Found out;
  out.words = "the " + weight.role + " of layer '" + layer.path + "' (" + layer.class_name + ") ";
  if (dataset < 0) {
    out.words += "is not in the file";
  } else {
    const Dataset& one = tree.weights[static_cast<size_t>(dataset)];
    out.words +=
        held < 0 ? "is not in the file, where '" + one.path + "' belongs to no layer"
                 : "has shape " + to_string(one.shape) + ", and the layer makes " + to_string(weight.shape);
    if (const auto read = file.store->read(one); read.ok())
      if (auto numbers = fitted(*read, weight.shape)) {
        out.numbers = std::move(*numbers);
        out.stored = element_count(one.shape) == element_count(weight.shape);
      }
  }
  if (out.numbers.empty()) out.numbers = some_numbers(weight);
  return out;
}

// Whether a weight has as many numbers as what the layer reads tells; `own`: what the settings alone tell.
bool agrees_with_inputs(const std::vector<std::optional<Shape>>& stored, const std::vector<WantedWeight>& own,
                        const std::vector<WantedWeight>& wanted) {
  for (size_t k = 0; k < stored.size(); ++k)
    if (stored[k] && own[k].shape != wanted[k].shape && fits(*stored[k], wanted[k].shape)) return true;
  return false;
}

bool is_known(const Shape& shape) {
  return std::ranges::all_of(shape, [](int64_t d) { return d > 0; });
}

}  // namespace

// Where the weights agree with each other and with what the layer reads, the settings are wrong.
bool DefectFinder::mend_settings(const Place& place, const Holding& holding, const Tree& tree,
                                 const Lift& lift, int op) {
  const Layer& layer = *place.what;
  auto shapes = stored_shapes(holding, tree);
  for (int dataset : holding.more) shapes.push_back(tree.weights[static_cast<size_t>(dataset)].shape);
  Json config = *layer.config;
  const auto tells = settings_of_weights(layer.class_name, config, shapes);
  for (const auto& [key, value] : tells.items())
    if (!(config[key].is_number_integer() && value.is_array() &&
          std::ranges::count(value, config[key]) == static_cast<ptrdiff_t>(value.size())))
      config[key] = value;
  for (const char* flag : {"use_bias", "scale", "center"}) {
    if (holding.more.empty()) break;
    if (!config.contains(flag) || config[flag] != Json(false)) continue;
    config[flag] = true;
    break;
  }
  if (config == *layer.config) return false;
  const auto wanted = wanted_weights(layer.class_name, config, operand_shapes(lift, op), now_.generation());
  if (!wanted || shapes.size() > wanted->size() || !all_fit(shapes, *wanted)) return false;
  const auto all = entries();
  const Entry* entry = entry_of(all, layer.path);
  if (!entry) return false;
  std::string said;
  std::vector<graph::Edit> edits;
  for (const auto& [key, value] : config.items())
    if (value != (*layer.config)[key]) {
      said += (said.empty() ? "'" : ", '") + key + "' is " + dump_json((*layer.config)[key]) + " and not " +
              dump_json(value);
      edits.push_back(set(entry->place + "/config/" + escaped(key), value));
    }
  Defect out = defect("hyperparameters", "weights-shape",
                      "layer '" + layer.path + "' (" + layer.class_name +
                          ") has weights of other sizes than it says: " + said,
                      "check how the converter fills settings");
  out.ways.push_back(std::move(edits));
  return add(layer.path, std::move(out));
}

bool DefectFinder::mend_weights(const Place& place, const Holding& holding, const Tree& tree, int op,
                                const std::vector<size_t>& wrong) {
  File filled = now_;
  std::string words;
  bool all_stored = true, missing = false;
  for (size_t k : wrong) {
    if (!is_known(holding.wanted[k].shape)) return false;
    const Found found = found_numbers(now_, tree, *place.what, holding, k);
    words += (words.empty() ? "" : "; ") + found.words;
    all_stored = all_stored && found.stored;
    missing = missing || holding.held[k] < 0;
    const auto now = parse_tree(filled);
    const auto lift = now.ok() ? lift_tree(filled, *now) : Result<Lift>(now.error());
    auto next =
        lift.ok() ? with_weight(filled, *now, *lift, op, k, found.numbers) : Result<File>(lift.error());
    if (!next.ok()) return false;
    filled = std::move(next).value();
  }
  Defect out =
      defect(all_stored ? "tensor-structure" : "parameters", missing ? "missing-weight" : "weights-shape",
             words, "check how the converter stores weights");
  out.stopgap = true;  // what belongs there the source says
  out.ways.emplace_back();
  for (size_t k : wrong) {
    auto edit = set_as_seen(filled, op, k);
    if (!edit.ok()) return false;
    out.ways[0].push_back(std::move(edit).value());
  }
  return add(place.what->path, std::move(out));
}

bool DefectFinder::check_weights_of(const Tree& tree, const Lift& lift, int op) {
  const Place& place = lift.places[static_cast<size_t>(op)];
  const auto holding = holding_of(now_, tree, lift, op);
  if (!holding || !is_keras_module(place.what->module)) return false;
  // How many numbers a kernel has for each input is for the walk to judge, unless another weight agrees with
  // what the layer reads: that may be wrong.
  auto own = wanted_weights(place.what->class_name, *place.what->config, {}, now_.generation());
  const auto shapes = stored_shapes(*holding, tree);
  if (own && agrees_with_inputs(shapes, *own, holding->wanted)) own = holding->wanted;
  if (!own || (all_fit(shapes, *own) && holding->more.empty() &&
               std::ranges::none_of(shapes, [](const auto& shape) { return !shape; })))
    return false;
  if (mend_settings(place, *holding, tree, lift, op)) return true;
  std::vector<size_t> wrong;
  for (size_t k = 0; k < shapes.size(); ++k)
    if (!shapes[k] || !fits(*shapes[k], (*own)[k].shape)) wrong.push_back(k);
  return !wrong.empty() && mend_weights(place, *holding, tree, op, wrong);
}

bool DefectFinder::check_weights() {
  const auto tree = parse_tree(now_);
  const auto lift = tree.ok() ? lift_tree(now_, *tree) : Result<Lift>(tree.error());
  if (!lift.ok()) return false;
  for (int op = 0; op < static_cast<int>(lift->places.size()); ++op)
    if (check_weights_of(*tree, *lift, op)) return true;
  return false;
}

}  // namespace fetafix::formats::keras
