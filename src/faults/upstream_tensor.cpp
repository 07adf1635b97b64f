// upstream-tensor: what leads to the place is the source's operator by operator, and some numbers stored on
// the way are not. They may have come out right by what they are (another layer's weights make the other
// layer's values), so that only a later operator shows it.
#include <algorithm>
#include <set>

#include "faults/in_order.h"
#include "faults/node_pairs.h"
#include "faults/stored.h"
#include "graph/label.h"
#include "graph/operators.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;
using graph::ValueId;

constexpr size_t most_operators = 32;
constexpr size_t most_edits = 3;  // more are no single fault

// Goes up both graphs at once.
class Climb {
 public:
  explicit Climb(const Place& place) : place_(place) {}

  void from(ValueId target, ValueId source) {
    if (target == graph::no_value || source == graph::no_value || seen_.size() > most_operators) return;
    const auto pair = place_.alignment.pairs.find(target);
    const bool same = pair != place_.alignment.pairs.end() &&
                      place_.values.class_of(pair->second.source) == place_.values.class_of(source);
    if (same && !seen_.empty()) return;
    const NodeId t = behind_layout(place_.target, place_.target_uses, target);
    const NodeId s = behind_layout(place_.source, place_.values.uses(), source);
    if (t < 0 || s < 0 || !seen_.insert(t).second) return;
    const graph::Node &mine = place_.target.node(t), &its = place_.source.node(s);
    if (mine.type != its.type || mine.inputs.size() != its.inputs.size()) return;
    // A bias may be added from either side; then it is not compared, for it has another slot.
    const bool turned =
        (mine.type == "Add" || mine.type == "Mul") && mine.inputs.size() == 2 &&
        is_computed(place_.target, mine.inputs[0]) != is_computed(place_.source, its.inputs[0]);
    for (size_t i = 0; i < mine.inputs.size(); ++i) {
      const ValueId other = its.inputs[turned ? 1 - i : i];
      if (!turned) compare(t, s, i);
      if (is_computed(place_.target, mine.inputs[i]) && is_computed(place_.source, other))
        from(mine.inputs[i], other);
    }
  }

  std::vector<graph::Edit> take() { return std::move(edits_); }
  const std::string& first() const { return first_; }

 private:
  static bool is_computed(const graph::Graph& graph, ValueId value) {
    return value != graph::no_value && !graph.value(value).is_constant();
  }

  static NodeId behind_layout(const graph::Graph& graph, const graph::Uses& uses, ValueId value) {
    for (;;) {
      const NodeId id = uses.producer[static_cast<size_t>(value)];
      if (id < 0 || !graph::only_moves(graph.node(id).type) || !is_computed(graph, graph.node(id).inputs[0]))
        return id;
      value = graph.node(id).inputs[0];
    }
  }

  void compare(NodeId target, NodeId source, size_t input) {
    const auto stored = stored_operand(place_, target, input);
    if (!stored) return;
    auto wanted = source_operand(place_, {source, target}, input, stored->now.shape());
    if (!wanted || wanted->dtype() != DType::float32) return;
    wanted = in_target_order(place_, target, input, std::move(*wanted));
    if (holds(*stored, *wanted, 0)) return;
    edits_.push_back(set_stored(*stored, *wanted));
    if (first_.empty())
      first_ =
          graph::operator_label(place_.target.node(target).type, place_.target.node(target).native.index, "");
  }

  const Place& place_;
  std::set<NodeId> seen_;
  std::vector<graph::Edit> edits_;
  std::string first_;
};

}  // namespace

std::vector<Candidate> upstream_tensor(const Place& place) {
  Climb climb(place);
  if (place.segment)
    climb.from(place.segment->target_end, place.segment->source_end);
  else
    climb.from(place.edge->target_value, place.edge->expected);
  Candidate out;
  out.edits = climb.take();
  if (out.edits.empty() || out.edits.size() > most_edits) return {};
  out.pattern = "upstream-tensor";
  out.fault_class = "parameters";
  out.explanation =
      "numbers stored further up, at " + climb.first() + ", are not the source's (another layer's?)";
  out.advice = "compare the file's constants with the source right after converting";
  return {out};
}

}  // namespace fetafix::faults
