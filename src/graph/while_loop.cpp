#include "graph/while_loop.h"

#include <algorithm>
#include <set>

namespace fetafix::graph {
namespace {

// Names that are taken neither in `graph` nor by each other.
void rename_for(const Graph& graph, Graph& nested) {
  std::set<std::string> taken;
  for (const Value& value : graph.values) taken.insert(value.name);
  for (Value& value : nested.values)
    while (!taken.insert(value.name).second) value.name += "/condition";
}

// What varies from one step to the next would be lifted for the sizes of the first.
bool may_be_same(const Value& a, const Value& b) {
  if (a.dtype != b.dtype) return false;
  if (!a.shape || !b.shape) return true;
  if (a.shape->size() != b.shape->size()) return false;
  for (size_t i = 0; i < a.shape->size(); ++i)
    if ((*a.shape)[i] >= 0 && (*b.shape)[i] >= 0 && (*a.shape)[i] != (*b.shape)[i]) return false;
  return true;
}

ValueId scalar_input(Graph& graph, const std::string& name, DType dtype) {
  Value value;
  value.name = name;
  const auto taken = [&](const Value& other) { return other.name == value.name; };
  while (std::any_of(graph.values.begin(), graph.values.end(), taken)) value.name += "/loop";
  value.dtype = dtype;
  value.shape = Shape{};
  return graph.add_value(std::move(value));
}

}  // namespace

std::string why_no_loop(const Graph& condition, const Graph& body, size_t variables) {
  if (variables == 0 || condition.inputs.size() != variables || body.inputs.size() != variables ||
      body.outputs.size() != variables)
    return "its subgraphs have other operands than it has";
  if (condition.outputs.size() != 1 || condition.value(condition.outputs[0]).dtype != DType::boolean)
    return "its condition is not one boolean";
  for (size_t i = 0; i < variables; ++i) {
    const Value& variable = body.value(body.inputs[i]);
    if (!may_be_same(variable, body.value(body.outputs[i])) ||
        !may_be_same(variable, condition.value(condition.inputs[i])))
      return "variable " + std::to_string(i) + " changes its form";
  }
  return "";
}

Graph loop_body(Graph& condition, Graph body, int native) {
  rename_for(body, condition);
  auto results = append(body, condition, body.outputs, {"body", native}, Role::core);
  results.insert(results.end(), body.outputs.begin(), body.outputs.end());
  body.outputs = std::move(results);
  body.inputs.insert(body.inputs.begin(), {scalar_input(body, "loop/step", DType::int64),
                                           scalar_input(body, "loop/condition", DType::boolean)});
  return body;
}

}  // namespace fetafix::graph
