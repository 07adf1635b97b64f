// WHILE. One ONNX Loop whose body is the body's subgraph followed by the condition's; the condition before
// the first step is computed in front of it. The nested graphs are carried, not analyzed (graph::Body).
#include <algorithm>
#include <set>

#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

constexpr int most_depth = 2;  // a damaged file may nest subgraphs in themselves

// Names that are taken neither in `graph` nor by each other.
void rename_for(const graph::Graph& graph, graph::Graph& nested) {
  std::set<std::string> taken;
  for (const graph::Value& value : graph.values) taken.insert(value.name);
  for (graph::Value& value : nested.values)
    while (!taken.insert(value.name).second) value.name += "/condition";
}

// What varies from one step to the next would be lifted for the sizes of the first.
bool may_be_same(const graph::Value& a, const graph::Value& b) {
  if (a.dtype != b.dtype) return false;
  if (!a.shape || !b.shape) return true;
  if (a.shape->size() != b.shape->size()) return false;
  for (size_t i = 0; i < a.shape->size(); ++i)
    if ((*a.shape)[i] >= 0 && (*b.shape)[i] >= 0 && (*a.shape)[i] != (*b.shape)[i]) return false;
  return true;
}

Status check_form(const Operation& op, const graph::Graph& condition, const graph::Graph& body) {
  const auto count = static_cast<size_t>(op.operands());
  if (count == 0 || condition.inputs.size() != count || body.inputs.size() != count ||
      body.outputs.size() != count || static_cast<size_t>(op.outputs()) != count)
    return Operation::unsupported("its subgraphs have other operands than it has");
  if (condition.outputs.size() != 1 || condition.value(condition.outputs[0]).dtype != DType::boolean)
    return Operation::unsupported("its condition is not one boolean");
  for (size_t i = 0; i < count; ++i) {
    const graph::Value& variable = body.value(body.inputs[i]);
    if (!may_be_same(variable, body.value(body.outputs[i])) ||
        !may_be_same(variable, condition.value(condition.inputs[i])))
      return Operation::unsupported("variable " + std::to_string(i) + " changes its form");
  }
  return {};
}

ValueId scalar_input(graph::Graph& graph, const std::string& name, DType dtype) {
  graph::Value value;
  value.name = name;
  const auto taken = [&](const graph::Value& other) { return other.name == value.name; };
  while (std::any_of(graph.values.begin(), graph.values.end(), taken)) value.name += "/loop";
  value.dtype = dtype;
  value.shape = Shape{};
  return graph.add_value(std::move(value));
}

}  // namespace

Result<graph::Graph> Lifter::lift_nested(int32_t subgraph) {
  const auto index = static_cast<uint32_t>(subgraph);
  if (subgraph < 0 || index >= file_.model->subgraphs()->size())
    return Operation::unsupported("there is no subgraph " + std::to_string(subgraph));
  const std::string where = "subgraph " + std::to_string(subgraph);
  if (depth_ >= most_depth) return Operation::unsupported(where + " lies too deep");
  const auto* tensors = file_.model->subgraphs()->Get(index)->tensors();
  for (uint32_t i = 0; i < count_of(tensors); ++i)
    if (tensors->Get(i)->is_variable()) return Operation::unsupported(where + " has variables of its own");
  Lifter nested(file_, index, depth_ + 1);
  nested.memory_left_ = memory_left_;  // many loops may run one subgraph
  auto lifted = nested.run();
  memory_left_ = nested.memory_left_;
  exhausted_ = exhausted_ || nested.exhausted_;
  if (!lifted.ok()) return Operation::unsupported(where + ": " + lifted.error().message);
  for (graph::Node& node : lifted->graph.nodes) {
    if (node.opaque) return Operation::unsupported(where + ": " + lifted->notes.front());
    node.native.graph = where;
  }
  for (const std::string& note : lifted->notes) out_.notes.push_back(where + ": " + note);
  read_.insert(nested.read_.begin(), nested.read_.end());
  return std::move(lifted->graph);
}

Status Operation::loop(graph::Graph condition, graph::Graph body) {
  std::vector<Operand> operands{{}, {}};
  std::vector<ValueId> first;
  for (int slot = 0; slot < this->operands(); ++slot) {
    FETAFIX_TRY(Operand operand, raw(slot));
    operands.push_back(operand);
    first.push_back(operand.id);
  }
  rename_for(body, condition);
  const graph::NativeOperator inside{"body", index_};
  auto results = graph::append(body, condition, body.outputs, inside, Role::core);
  results.insert(results.end(), body.outputs.begin(), body.outputs.end());
  body.outputs = std::move(results);
  body.inputs.insert(body.inputs.begin(), {scalar_input(body, "loop/step", DType::int64),
                                           scalar_input(body, "loop/condition", DType::boolean)});

  auto& graph = lifter_.out_.graph;
  for (graph::Value& value : condition.values) value.name = lifter_.unique(label() + "/" + value.name);
  operands[1].id = graph::append(graph, condition, first, {"", index_}, Role::bridge)[0];
  const auto made = nodes("Loop", operands, {}, outputs(), DType::float32);
  graph.nodes.back().bodies["body"] = {std::make_shared<graph::Graph>(std::move(body)), {}};
  for (int i = 0; i < outputs(); ++i) {
    graph.value(made[static_cast<size_t>(i)].id).dtype = out_info(i).dtype;
    FETAFIX_CHECK(out(i, made[static_cast<size_t>(i)]));
  }
  note("judged as a whole: what lies inside can't be told apart or repaired");
  return {};
}

Status lift_while(Operation& op) {
  const auto options = op.options<schema::WhileOptions>();
  FETAFIX_TRY(graph::Graph condition, op.nested(options.cond_subgraph_index));
  FETAFIX_TRY(graph::Graph body, op.nested(options.body_subgraph_index));
  FETAFIX_CHECK(check_form(op, condition, body));
  return op.loop(std::move(condition), std::move(body));
}

}  // namespace fetafix::formats::tflite
