// Which value of the source each value of the target is, and how well each operator of the target
// computes it from the source's own values (local error).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "align/source_values.h"

namespace fetafix::align {

// How a value of the target was paired.
enum class Evidence {
  matched,      // computed from source values, it comes out as the source's within tolerance
  substituted,  // ... when it is given the operands of its source node
  confirmed,    // it does not, but with the source's value its consumers do
  passed,       // an operator the source does not have: its input's pair, confirmed by its consumers
  tentative,    // by weights, type and position only
};

struct Pair {
  graph::ValueId source = graph::no_value;
  Arrangement arrangement;
  Evidence evidence = Evidence::matched;
};

enum class State { exact, faulty, rewrite, opaque, unaligned };

// A piece of the target between paired values.
struct Segment {
  graph::ValueId target_end = graph::no_value;
  std::vector<graph::NodeId> target_nodes;  // topological order
  graph::ValueId source_end = graph::no_value;
  std::vector<graph::NodeId> source_nodes;  // topological order
  State state = State::exact;
  Evidence evidence = Evidence::matched;
  double relative_error = 0;          // L2, the worst sample
  compare::ToleranceRatio tolerance;  // the worst sample
};

// A node (or the model's output list, node -1) that computes right when it is given another value than it
// reads.
struct EdgeFault {
  graph::NodeId node = -1;
  int input = 0;  // of the node, or index of the model output
  graph::ValueId actual =
      graph::no_value;  // source value that the operand is paired with; no_value: unpaired
  graph::ValueId expected = graph::no_value;  // source value that it should be
  graph::ValueId target_value = graph::no_value;
  Arrangement arrangement;  // of `expected` as the operand holds it
};

struct Alignment {
  std::map<graph::ValueId, Pair> pairs;  // by target value
  std::vector<Segment> segments;         // target order
  std::vector<EdgeFault> edges;
  std::vector<State> node_states;       // by target node; dead nodes and constant computations: exact
  std::vector<bool> judged;             // live and depending on the input
  std::vector<evaluate::Feeds> values;  // by sample: the source's value of every paired target value
  size_t operator_runs = 0;
};

struct WalkOptions {
  double sieve = 1e-4;  // relative L2 above which a pair is not even looked at
  double near = 0.05;   // ... up to which the same operator on the same operand makes the same value, wrongly
  double far_share = 0.05;         // share of elements that may exceed 8 x tolerance in a matched pair
  double saturated_share = 0.001;  // of the elements that may lie outside the range of a quantized type
  int longest_rewrite = 6;         // target nodes that may come out right only together
  // Operator by operator where several are wrong together: by structure, which says less than values do.
  bool step_by_step = false;
  std::map<graph::ValueId, graph::ValueId>
      named;  // target values that the user has paired, with the source's
  std::function<void(size_t done, size_t total)> progress;
};

// `target_inputs[i]` are the target's graph inputs for sample i. Both graphs in canonical form.
Result<Alignment> align(evaluate::Evaluator& evaluator, const SourceValues& source,
                        const graph::Graph& target, const std::vector<evaluate::Feeds>& target_inputs,
                        const WalkOptions& options);

}  // namespace fetafix::align
