#include "workers/tensorflow_state.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fetafix::tensorflow {
namespace {

using tensorflow_wire::Attribute;
using tensorflow_wire::Function;
using tensorflow_wire::Node;

// Beginnings of operator names. One too many costs time (a session is made anew), one too few a run that
// depends on those before it.
constexpr std::array<std::string_view, 24> changing{"Apply",
                                                    "Assign",
                                                    "Barrier",
                                                    "Iterator",
                                                    "LookupTableInsert",
                                                    "LookupTableRem",
                                                    "Multinomial",
                                                    "OrderedMap",
                                                    "Parameterized",
                                                    "Queue",
                                                    "Random",
                                                    "ResourceApply",
                                                    "ResourceScatter",
                                                    "ResourceSparse",
                                                    "ResourceStridedSliceAssign",
                                                    "Rng",
                                                    "Scatter",
                                                    "SparseApply",
                                                    "Stack",
                                                    "Stage",
                                                    "Stateful",
                                                    "StridedSliceAssign",
                                                    "TruncatedNormal",
                                                    "Unstage"};

// ... which begin so and only compute.
constexpr std::array<std::string_view, 2> harmless{"ScatterNd", "StatefulPartitionedCall"};

bool changes_state(std::string_view op) {
  return std::find(harmless.begin(), harmless.end(), op) == harmless.end() &&
         std::any_of(changing.begin(), changing.end(),
                     [&](std::string_view begin) { return op.starts_with(begin); });
}

class Search {
 public:
  explicit Search(const tensorflow_wire::Graph& graph) {
    for (const Node& node : graph.node()) nodes_[node.name()] = &node;
    for (const Function& function : graph.library().function())
      functions_[function.signature().name()] = &function;
  }

  bool finds_change(std::span<const tensorflow_wire::Port> outputs) {
    for (const auto& port : outputs) want(tensorflow_wire::split_tensor_name(port.tensor).first);
    while (!waiting_.empty()) {
      const Node& node = *waiting_.back();
      waiting_.pop_back();
      if (changes_state(node.op())) return true;
      // Within a function everything that is of consequence runs, whoever reads it.
      for (const auto& entry : node.attr()) want_functions(entry.value());
      if (nodes_.contains(node.name()) && nodes_[node.name()] == &node)
        for (const std::string& input : node.input())
          want(tensorflow_wire::split_tensor_name(input.starts_with("^") ? input.substr(1) : input).first);
    }
    return false;
  }

 private:
  void want(const std::string& name) {
    const auto found = nodes_.find(name);
    if (found != nodes_.end() && seen_.insert(found->second).second) waiting_.push_back(found->second);
  }

  void want_functions(const Attribute& attribute) {
    if (attribute.has_func()) want_function(attribute.func().name());
    for (const auto& function : attribute.list().func()) want_function(function.name());
  }

  void want_function(const std::string& name) {
    const auto found = functions_.find(name);
    if (found == functions_.end()) return;
    for (const Node& node : found->second->node_def())
      if (seen_.insert(&node).second) waiting_.push_back(&node);
  }

  std::unordered_map<std::string, const Node*> nodes_;
  std::unordered_map<std::string, const Function*> functions_;
  std::set<const Node*> seen_;
  std::vector<const Node*> waiting_;
};

}  // namespace

bool keeps_state(const tensorflow_wire::Graph& graph, std::span<const tensorflow_wire::Port> outputs) {
  return Search(graph).finds_change(outputs);
}

}  // namespace fetafix::tensorflow
