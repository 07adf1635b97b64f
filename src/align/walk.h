// The walk of design section 5, as one pass over the target that stops where it loses the way.
//
//   1. Every target node runs on the source's values of its paired inputs.
//   2. What comes out is compared with source values of its size, under every permutation: first by
//      sketches, then in full; a candidate must also lie within the tolerance of the computation.
//   3. A match hands the source's own value on. Without one the node stays pending and its computed value
//      goes on: it may come out right together with its consumers (a rewrite).
//   4. A node still pending after `longest_rewrite` consumers is where the walk is stuck: resync.cpp gives
//      its output a source value by operand substitution or consumer confirmation, and the pass goes on.
#pragma once

#include <set>

#include "align/alignment.h"
#include "align/half_steps.h"

namespace fetafix::align {

class Walk {
 public:
  Walk(evaluate::Evaluator& evaluator, const SourceValues& source, const graph::Graph& target,
       const std::vector<evaluate::Feeds>& inputs, const WalkOptions& options);

  Result<Alignment> run();

 private:
  using Nodes = std::set<graph::NodeId>;

  // walk.cpp
  Status pair_inputs();
  Status process(graph::NodeId id);
  Status settle(graph::NodeId id, size_t output, const std::vector<Tensor>& computed);
  bool swallows_evidence(const graph::Node& node, const Tensor& result) const;
  std::optional<Match> near_counterpart(graph::NodeId id, std::span<const Tensor> computed,
                                        compare::ToleranceRatio* ratio) const;
  std::optional<Match> named_counterpart(graph::ValueId value, std::span<const Tensor> computed,
                                         std::span<const Tensor> tolerance,
                                         compare::ToleranceRatio* ratio) const;
  bool is_same_function(graph::NodeId id, size_t output, const Match& match) const;
  Result<bool> settle_by_operands(graph::NodeId id, size_t output, const std::vector<Tensor>& computed);
  Nodes pending_before(const graph::Node& node) const;
  void rewind(size_t position);
  std::optional<size_t> stuck(size_t position, bool at_end) const;
  void finish();
  void check_outputs();
  std::vector<graph::NodeId> source_nodes_between(const Pair& end) const;

  // match.cpp
  Result<std::vector<Tensor>> run_node(graph::NodeId id, const evaluate::Feeds& values);
  std::optional<Match> choose(graph::NodeId id, std::span<const Match> matches,
                              std::span<const Tensor> computed, std::span<const Tensor> tolerance,
                              compare::ToleranceRatio* ratio) const;
  Result<std::vector<Tensor>> tolerance_of(graph::NodeId id, size_t output,
                                           const std::vector<Tensor>& computed,
                                           std::span<const Match> matches);
  compare::ToleranceRatio worst_ratio(const Match& match, std::span<const Tensor> computed,
                                      std::span<const Tensor> tolerance) const;
  float doubled() const;
  std::optional<Tensor> moved_tolerance(graph::NodeId id, size_t output, size_t sample);
  std::optional<Tensor> propagated(graph::NodeId id, size_t output, size_t sample, const Tensor& computed);
  std::optional<Tensor> source_tolerance(graph::ValueId value, size_t sample, int depth);
  compare::ToleranceRatio judged_by_both(const Match& match, std::span<const Tensor> computed,
                                         std::span<const Tensor> tolerance,
                                         const compare::ToleranceRatio& otherwise);
  double sieve_for(std::span<const Tensor> computed, std::span<const Tensor> tolerance, bool alone) const;
  double loose_sieve() const;
  bool is_layout(const graph::Node& node) const;

  // resync.cpp
  Status resync(size_t position);
  bool substitute(size_t position);
  struct Candidate {
    graph::ValueId source;
    Permutation permutation;
    Evidence evidence;
    int score = 0;
  };
  bool try_operand(size_t position, size_t input, const Candidate& operand);
  std::vector<graph::ValueId> nearest_values(int64_t elements, int position, size_t most) const;
  std::vector<Permutation> likely_permutations(const Shape& source, const Shape& target) const;
  bool is_common(const Permutation& permutation, const Shape& source, const Shape& target) const;
  Permutation dominant_permutation(const Shape& shape) const;
  std::vector<Candidate> candidates_for(graph::NodeId id, graph::ValueId value) const;
  int confirmations(size_t position, graph::ValueId value, const Candidate& candidate);
  std::optional<Candidate> confirm(size_t position);
  std::optional<Candidate> as_output(graph::ValueId value) const;
  std::optional<std::pair<size_t, Candidate>> confirm_region(size_t position);
  std::optional<Candidate> tentative(graph::NodeId id) const;
  void give(graph::NodeId id, const Candidate& candidate, size_t output = 0);
  bool give_loop(graph::NodeId id);
  int shared_operands(const graph::Node& node, const graph::Node& other) const;
  std::vector<Tensor> unpaired_evidence(graph::ValueId value) const;
  std::optional<Match> nearest_output(std::span<const Tensor> samples, const graph::Node& other) const;
  int frontier(graph::NodeId id) const;
  Tensor handed(size_t sample, graph::ValueId target, const Candidate& candidate) const;
  std::optional<Permutation> usual_permutation(const Shape& source, const Shape& target) const;

  evaluate::Evaluator& evaluator_;
  const SourceValues& source_;
  const graph::Graph& target_;
  graph::Uses uses_;
  HalfSteps half_steps_;
  WalkOptions options_;
  std::vector<graph::NodeId> order_;     // all nodes, dead ones too
  std::vector<bool> live_;               // by node
  std::vector<evaluate::Feeds> values_;  // by sample: what each target value is taken to be
  std::map<graph::ValueId, std::vector<Tensor>> pending_tolerance_;
  std::map<graph::ValueId, Nodes> pending_;   // unpaired values: the nodes that made them since the last pair
  std::set<graph::ValueId> constant_;         // do not depend on the sample
  std::set<graph::NodeId> blocked_;           // could not run
  std::set<graph::NodeId> accounted_;         // lie in a segment already
  std::map<graph::NodeId, Candidate> given_;  // resynchronized outputs
  std::map<Permutation, int> seen_permutations_;
  std::set<graph::ValueId> used_;  // source classes that are paired
  size_t resumed_ = 0;             // where the walk goes on after a resync
  Alignment out_;
};

}  // namespace fetafix::align
