#include "evaluate/second_opinion.h"

#include <set>
#include <utility>

#include "evaluate/wide.h"

namespace fetafix::evaluate {
namespace {

using graph::ValueId;
using wide::Wide;

// Null: not known.
const wide::Function* function_for(const graph::Node& node) {
  if (!node.domain.empty() || node.opaque || !node.bodies.empty() || node.outputs.size() != 1) return nullptr;
  for (const auto* table : {&wide::elementwise(), &wide::layout(), &wide::linear(), &wide::windows(),
                            &wide::reductions(), &wide::stored()})
    if (auto found = table->find(node.type); found != table->end()) return &found->second;
  return nullptr;
}

Result<Wide> widened(const Tensor& tensor) {
  FETAFIX_TRY(auto values, to_doubles(tensor));
  return Wide{tensor.shape(), std::move(values), tensor.dtype()};
}

class Computation {
 public:
  Computation(const graph::Graph& graph, const Feeds& feeds) : graph_(graph), feeds_(feeds) {}

  Status add(const graph::Node& node) {
    const auto* function = function_for(node);
    if (!function) return Error{ErrorKind::unsupported, "the float64 evaluation does not know " + node.type};
    wide::Call call{node, {}};
    for (ValueId in : node.inputs) {
      FETAFIX_TRY(const Wide* operand, value_of(in));
      call.operands.push_back(operand);
    }
    if (feeds_.contains(node.outputs[0])) return {};
    static const std::set<std::string> of_two{"Conv", "MatMul", "Gemm", "QuantizeLinear", "DequantizeLinear"};
    if (!call.has(0) || (of_two.contains(node.type) && !call.has(1))) return call.unknown("without operands");
    FETAFIX_TRY(values_[node.outputs[0]], (*function)(call));
    return {};
  }

  // Null for no value.
  Result<const Wide*> value_of(ValueId id) {
    if (id == graph::no_value) return static_cast<const Wide*>(nullptr);
    if (auto found = values_.find(id); found != values_.end()) return &std::as_const(found->second);
    const auto fed = feeds_.find(id);
    const Tensor& tensor = fed != feeds_.end() ? fed->second : graph_.value(id).constant;
    if (tensor.empty())
      return Error{ErrorKind::internal, "'" + graph_.value(id).name + "' is neither given nor computed here"};
    FETAFIX_TRY(values_[id], widened(tensor));
    return &std::as_const(values_[id]);
  }

 private:
  const graph::Graph& graph_;
  const Feeds& feeds_;
  std::map<ValueId, Wide> values_;
};

}  // namespace

Result<std::vector<Tensor>> second_opinion(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                           const Feeds& feeds, std::span<const ValueId> wanted) {
  Computation computation(graph, feeds);
  for (graph::NodeId id : nodes) FETAFIX_CHECK(computation.add(graph.node(id)));
  std::vector<Tensor> out;
  for (ValueId id : wanted) {
    FETAFIX_TRY(const Wide* value, computation.value_of(id));
    out.push_back(Tensor::of(value->values, value->shape));
  }
  return out;
}

}  // namespace fetafix::evaluate
