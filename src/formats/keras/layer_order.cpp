// Layers in the order of their distance from the outputs, the farthest first; those of one distance in the
// order in which a walk from the outputs back comes to them (Keras: map_graph).
#include "formats/keras/layer_order.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/keras/layers.h"

namespace fetafix::formats::keras {
namespace {

using Node = std::pair<size_t, int64_t>;  // a layer and the number of its call

class Order {
 public:
  Order(const Json& config, int generation)
      : config_(config), layers_(member(config, "layers")), generation_(generation) {
    for (size_t i = 0; i < layers_.size(); ++i) number_[name_of(layers_[i])] = i;
  }

  std::vector<size_t> run() {
    for (const Reference& output : references_of(member(config_, "output_layers"))) walk(node_of(output));
    measure();
    std::vector<size_t> out;
    for (size_t i = 0; i < layers_.size(); ++i)
      if (met_.contains(i) || text_of(layers_[i], "class_name") == "InputLayer") out.push_back(i);
    std::ranges::stable_sort(out, [&](size_t a, size_t b) {
      return distance_[a] != distance_[b] ? distance_[a] > distance_[b] : place(a) < place(b);
    });
    return out;
  }

 private:
  Node node_of(const Reference& tensor) { return {number_[tensor.layer], tensor.node}; }

  // An input that nothing reads comes first among those of no distance.
  int64_t place(size_t layer) const {
    const auto met = met_.find(layer);
    return met == met_.end() ? -1 : static_cast<int64_t>(met->second);
  }

  std::vector<Reference> read_by(const Node& node) const {
    const Json& own = layers_[node.first];
    const Json& calls = member(own, "inbound_nodes");
    const int64_t first = is_model_class(text_of(own, "class_name")) ? first_call_of(own, generation_) : 0;
    const auto at = static_cast<size_t>(node.second - first);
    if (node.second < first || !calls.is_array() || at >= calls.size()) return {};
    // Of functions also what is read by name.
    const auto call = call_of(calls[at]);
    return call.ok() ? call->tensors() : std::vector<Reference>();
  }

  // Back from a call, what it reads first; not recursive, for models are thousands of layers long.
  void walk(const Node& from) {
    struct Step {
      Node node;
      std::vector<Reference> reads;
      size_t next = 0;
    };
    std::vector<Step> steps;
    const auto enter = [&](const Node& node) {
      if (!seen_.insert(node).second) return;
      met_.emplace(node.first, met_.size());
      steps.push_back({node, read_by(node)});
    };
    enter(from);
    while (!steps.empty()) {
      Step& step = steps.back();
      if (step.next < step.reads.size()) {
        enter(node_of(step.reads[step.next++]));
      } else {
        finished_.push_back(step.node);
        steps.pop_back();
      }
    }
  }

  // A layer's distance is that of its farthest call.
  void measure() {
    std::map<Node, size_t> distance;
    for (auto node = finished_.rbegin(); node != finished_.rend(); ++node) {
      const size_t own = std::max(distance[*node], distance_[node->first]);
      distance_[node->first] = distance[*node] = own;
      for (const Reference& tensor : read_by(*node)) {
        size_t& other = distance[node_of(tensor)];
        other = std::max(other, own + 1);
      }
    }
  }

  const Json& config_;
  const Json& layers_;
  int generation_;
  std::map<std::string, size_t> number_;
  std::map<size_t, size_t> met_;  // by layer: when the walk came to it
  std::set<Node> seen_;
  std::vector<Node> finished_;
  std::map<size_t, size_t> distance_;  // by layer
};

}  // namespace

std::vector<size_t> layer_order(const Json& config, int generation) {
  return Order(config, generation).run();
}

}  // namespace fetafix::formats::keras
