// WHILE.
#include "formats/tflite/lift_families.h"
#include "graph/while_loop.h"

namespace fetafix::formats::tflite {
namespace {

constexpr int most_depth = 2;  // a damaged file may nest subgraphs in themselves

}  // namespace

Result<graph::Graph> Lifter::lift_nested(int32_t subgraph) {
  const auto index = static_cast<uint32_t>(subgraph);
  if (subgraph < 0 || index >= file_.model->subgraphs()->size())
    return Operation::unsupported("there is no subgraph " + std::to_string(subgraph));
  const std::string where = subgraph_name(index);
  if (depth_ >= most_depth) return Operation::unsupported(where + " lies too deep");
  const auto* tensors = file_.model->subgraphs()->Get(index)->tensors();
  for (uint32_t i = 0; i < count_of(tensors); ++i)
    if (tensors->Get(i)->is_variable()) return Operation::unsupported(where + " has variables of its own");
  Lifter nested(file_, index, depth_ + 1);
  nested.memory_ = memory_;  // many loops may run one subgraph
  auto lifted = nested.run();
  memory_ = nested.memory_;
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
  body = graph::loop_body(condition, std::move(body), index_);
  auto& graph = lifter_.out_.graph;
  for (graph::Value& value : condition.values) value.name = lifter_.unique(label() + "/" + value.name);
  operands[1].id = graph::append(graph, condition, first, {"", index_}, Role::bridge)[0];
  const auto made = nodes("Loop", operands, {}, outputs(), DType::float32);
  graph.nodes.back().bodies["body"] = {std::make_shared<graph::Graph>(std::move(body)), {}};
  for (int i = 0; i < outputs(); ++i) {
    graph.value(made[static_cast<size_t>(i)].id).dtype = out_info(i).dtype;
    FETAFIX_CHECK(out(i, made[static_cast<size_t>(i)]));
  }
  note(
      "judged as a whole: of what lies inside, the parameters of an LSTM or GRU alone can be told apart and "
      "repaired");
  return {};
}

Status lift_while(Operation& op) {
  const auto options = op.options<schema::WhileOptions>();
  FETAFIX_TRY(graph::Graph condition, op.nested(options.cond_subgraph_index));
  FETAFIX_TRY(graph::Graph body, op.nested(options.body_subgraph_index));
  if (op.outputs() != op.operands()) return Operation::unsupported("it gives other values than it takes");
  const auto why = graph::why_no_loop(condition, body, static_cast<size_t>(op.operands()));
  if (!why.empty()) return Operation::unsupported(why);
  return op.loop(std::move(condition), std::move(body));
}

}  // namespace fetafix::formats::tflite
