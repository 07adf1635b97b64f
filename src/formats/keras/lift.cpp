#include "formats/keras/lift.h"

#include <algorithm>

#include "graph/lens.h"

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_calls = 100000;   // nested models that are called often multiply
constexpr int64_t most_outputs = 1000;  // of one call

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// A shape as a configuration says it, null for what is open.
std::optional<Shape> shape_of(const Json& listed) {
  if (!listed.is_array()) return std::nullopt;
  Shape out;
  for (const Json& d : listed) {
    if (!d.is_null() && !d.is_number_integer()) return std::nullopt;
    out.push_back(d.is_null() ? -1 : std::clamp<int64_t>(d.get<int64_t>(), -1, int64_t{1} << 32));
  }
  return out;
}

const Json& either(const Json& config, const char* one, const char* other) {
  static const Json none;
  return config.contains(one) ? config[one] : config.contains(other) ? config[other] : none;
}

// The name of a dtype policy, which is a text or a serialized object.
std::string policy_of(const Json& config) {
  const Json& dtype = member(config, "dtype");
  const std::string name =
      dtype.is_string() ? dtype.get<std::string>() : text_of(member(dtype, "config"), "name");
  return name.empty() ? "float32" : name;
}

}  // namespace

std::string Lifter::unique(const std::string& base) {
  std::string name = base;
  int& next = next_[base];
  while (!names_.insert(name).second) name = base + "#" + std::to_string(++next + 1);
  return name;
}

Result<ValueId> Lifter::weight(int index, const std::vector<int>& permutation, const Shape& shape) {
  std::string key = std::to_string(index) + to_string(shape);
  for (int axis : permutation) key += "," + std::to_string(axis);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  const Dataset& dataset = tree_.weights[static_cast<size_t>(index)];
  FETAFIX_TRY(Tensor data, file_.store->read(dataset));
  graph::Lens lens;
  lens.native_tensor = index;
  lens.permutation = permutation;
  lens.native_shape = data.shape();
  const ValueId id =
      out_.lifted.graph.add_constant(unique(dataset.path), graph::to_view(data, permutation, shape), lens);
  out_.lifted.graph.value(id).native_name = dataset.path;
  return constants_[key] = id;
}

Status Lifter::input(const Layer& layer) {
  graph::Value value;
  value.name = unique(layer.name);
  value.native_name = layer.name;
  value.dtype = dtype_from_name(policy_of(*layer.config));
  value.shape = shape_of(either(*layer.config, "batch_shape", "batch_input_shape"));
  if (value.dtype == DType::unknown || value.dtype == DType::string)
    return Error{ErrorKind::unsupported, "input '" + layer.name + "' is of type " + policy_of(*layer.config)};
  if (!value.shape) return broken("input '" + layer.name + "' has no shape");
  out_.lifted.graph.inputs.push_back(out_.lifted.graph.add_value(std::move(value)));
  return {};
}

// In the order in which operands become known, those of one moment in the file's order. Not recursive along
// the chain of layers, only into nested models.
Result<std::vector<ValueId>> Lifter::model(const Model& model, const std::vector<ValueId>& inputs,
                                           const Around& around) {
  using Key = std::pair<std::string, int64_t>;
  std::map<Key, std::vector<ValueId>> known;
  for (size_t i = 0; i < model.inputs.size(); ++i)
    known[{model.inputs[i].layer, model.inputs[i].node}] = {inputs[i]};
  struct Waiting {
    const Layer* layer;
    const Call* call;
    int64_t number;
    std::vector<Reference> tensors;
    std::set<Key> missing;
  };
  std::vector<Waiting> waiting;
  std::map<Key, std::vector<size_t>> readers;
  std::map<Key, int64_t> outputs;  // how many are read
  const auto note_read = [&](const Reference& tensor) {
    int64_t& count = outputs[{tensor.layer, tensor.node}];
    count = std::max(count, std::min(tensor.tensor, most_outputs) + 1);
  };
  std::ranges::for_each(model.outputs, note_read);
  std::set<size_t> ready;
  for (const Layer& layer : model.layers)
    for (size_t i = 0; i < layer.calls.size(); ++i) {
      Waiting one{
          &layer, &layer.calls[i], layer.first_call + static_cast<int64_t>(i), layer.calls[i].tensors(), {}};
      if (known.contains({layer.name, one.number})) continue;
      std::ranges::for_each(one.tensors, note_read);
      for (const Reference& tensor : one.tensors)
        if (!known.contains({tensor.layer, tensor.node})) one.missing.insert({tensor.layer, tensor.node});
      for (const Key& key : one.missing) readers[key].push_back(waiting.size());
      if (one.missing.empty()) ready.insert(waiting.size());
      waiting.push_back(std::move(one));
    }
  const auto value_of = [&](const Reference& tensor) -> Result<ValueId> {
    const auto at = known.find({tensor.layer, tensor.node});
    if (at == known.end() || tensor.tensor >= static_cast<int64_t>(at->second.size()))
      return broken("output " + std::to_string(tensor.tensor) + " of layer '" + tensor.layer +
                    "' is read before it is there");
    return at->second[static_cast<size_t>(tensor.tensor)];
  };
  while (!ready.empty()) {
    const Waiting& one = waiting[*ready.begin()];
    ready.erase(ready.begin());
    std::vector<ValueId> operands;
    const auto stated = one.call->shapes();
    for (size_t i = 0; i < one.tensors.size(); ++i) {
      FETAFIX_TRY(const ValueId value, value_of(one.tensors[i]));
      operands.push_back(value);
      // Of what an opaque layer answers nothing else is known.
      auto& shape = out_.lifted.graph.value(value).shape;
      if (!shape && stated[i]) shape = shape_of(*stated[i]);
    }
    const Key key{one.layer->name, one.number};
    FETAFIX_TRY(auto results, call(*one.layer, *one.call, one.number, operands, around,
                                   std::max<int64_t>(outputs[key], 1)));
    known[key] = std::move(results);
    for (size_t reader : readers[key])
      if (waiting[reader].missing.erase(key) && waiting[reader].missing.empty()) ready.insert(reader);
  }
  std::vector<ValueId> out;
  for (const Reference& output : model.outputs) {
    FETAFIX_TRY(const ValueId value, value_of(output));
    out.push_back(value);
  }
  return out;
}

bool Lifter::heeds_mask(const Layer& layer, const Call& call, const std::vector<ValueId>& operands) const {
  static const std::set<std::string> heeding{
      "Bidirectional", "GRU", "GlobalAveragePooling1D", "LSTM", "MultiHeadAttention", "SimpleRNN", "Softmax"};
  for (const auto& [name, argument] : call.keyword)
    if (argument.tensor && (name == "mask" || name.ends_with("_mask"))) return true;
  return heeding.contains(layer.class_name) &&
         std::ranges::any_of(operands, [&](ValueId id) { return masked_.contains(id); });
}

void Lifter::hand_on_masks(const Layer& layer, const std::vector<ValueId>& operands,
                           const std::vector<ValueId>& results) {
  const Json& config = *layer.config;
  const bool makes =
      layer.class_name == "Masking" ||
      (layer.class_name == "Embedding" && config.contains("mask_zero") && config["mask_zero"] == Json(true));
  if (!makes && std::ranges::none_of(operands, [&](ValueId id) { return masked_.contains(id); })) return;
  for (ValueId id : results)
    if (const auto& shape = out_.lifted.graph.value(id).shape; !shape || shape->size() > 2)
      masked_.insert(id);
}

Result<std::vector<ValueId>> Lifter::call(const Layer& layer, const Call& call, int64_t number,
                                          const std::vector<ValueId>& operands, const Around& around,
                                          int64_t read) {
  if (read > most_outputs)
    return broken("more than " + std::to_string(most_outputs) + " outputs of layer '" + layer.path +
                  "' are read");
  if (layer.nested) {
    if (operands.size() != layer.nested->inputs.size())
      return broken("model '" + layer.path + "' has " + std::to_string(layer.nested->inputs.size()) +
                    " inputs and is called with " + std::to_string(operands.size()));
    Around inside = around;
    inside.emplace_back(layer.name, number);
    return model(*layer.nested, operands, inside);
  }
  if (out_.places.size() >= most_calls)
    return broken("layers are called more than " + std::to_string(most_calls) + " times");
  out_.places.push_back({around, layer.name, number, &layer});
  out_.operands.push_back(operands);
  auto& graph = out_.lifted.graph;
  const size_t nodes = graph.nodes.size(), notes = out_.lifted.notes.size(), computed = out_.computed.size();
  Operation op(*this, layer, call, operands, static_cast<int>(out_.places.size()) - 1);
  const LiftRule* rule = find_lift_rule(layer.class_name, layer.is_operation);
  const std::string policy = policy_of(*layer.config);
  Status status =
      !is_keras_module(layer.module)
          ? Operation::unsupported("its class is of the module '" + layer.module + "', not of Keras")
      : !rule                                      ? Operation::unsupported("its class is not known here")
      : policy != "float32" && !layer.is_operation ? Operation::unsupported("it computes in " + policy)
      : heeds_mask(layer, call, operands)          ? Operation::unsupported("it is called with a mask")
                                                   : rule->lift(op);
  if (status.ok()) {
    hand_on_masks(layer, operands, op.results_);
    return op.results_;
  }
  if (status.error().kind != ErrorKind::unsupported)
    return in_context("layer '" + layer.path + "'", std::move(status).error());
  graph.nodes.resize(nodes);
  out_.lifted.notes.resize(notes);
  out_.computed.resize(computed);
  for (ValueId dropped : op.results_) {
    graph.value(dropped).native_tensor = -1;
    graph.value(dropped).native_name.clear();
  }
  op.results_.clear();
  FETAFIX_CHECK(opaque(op, read, status.error().message));
  hand_on_masks(layer, operands, op.results_);
  return op.results_;
}

Status Lifter::opaque(Operation& op, int64_t outputs, const std::string& why) {
  graph::Node node;
  node.type = op.layer_.class_name;
  node.domain = "keras";
  node.opaque = true;
  node.native = {"", op.index_};
  node.name = op.layer_.path;
  for (size_t i = 0; i < op.operands_.size(); ++i) {
    node.inputs.push_back(op.operands_[i]);
    node.slots.push_back(static_cast<int>(i));
  }
  for (int64_t output = 0; output < outputs; ++output) {
    graph::Value value;
    value.native_name = op.layer_.path + (output == 0 ? "" : ":" + std::to_string(output));
    value.name = unique(value.native_name);
    value.dtype = DType::float32;
    value.native_tensor = static_cast<int>(tree_.weights.size() + out_.computed.size());
    out_.computed.push_back({op.index_, static_cast<int>(output)});
    node.outputs.push_back(out_.lifted.graph.add_value(std::move(value)));
  }
  op.results_ = node.outputs;
  out_.lifted.graph.add_node(std::move(node));
  out_.lifted.notes.push_back("layer '" + op.layer_.path + "' (" + op.layer_.class_name +
                              ") is opaque: " + why);
  return {};
}

Result<Lift> Lifter::run() {
  std::vector<ValueId> inputs;
  for (const Reference& reference : tree_.model.inputs) {
    const Layer* layer = tree_.model.find(reference.layer);
    if (!layer || layer->class_name != "InputLayer")
      return broken("model input '" + reference.layer + "' is no InputLayer");
    FETAFIX_CHECK(input(*layer));
    inputs.push_back(out_.lifted.graph.inputs.back());
  }
  FETAFIX_TRY(out_.lifted.graph.outputs, model(tree_.model, inputs, {}));
  FETAFIX_CHECK(graph::verify(out_.lifted.graph));
  return std::move(out_);
}

Result<Lift> lift_tree(const File& file, const Tree& tree) {
  return Lifter(file, tree).run();
}

}  // namespace fetafix::formats::keras
