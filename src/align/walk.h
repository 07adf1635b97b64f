// The walk of design section 5, as one pass over the target that stops where it loses the way.
//
//   1. Every target node runs on the source's values of its paired inputs.
//   2. What comes out is compared with source values of its size, under every permutation: first by
//      sketches, then in full; a candidate must also lie within the tolerance of the computation.
//   3. A match hands the source's own value on. Without one the node stays pending and its computed value
//      goes on: it may come out right together with its consumers (a rewrite). What matches with its
//      channels in another order is handed on in that order, until an operator does not follow (reorder.cpp).
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
  struct Candidate {
    graph::ValueId source;
    Arrangement arrangement;
    Evidence evidence;
    int score = 0;   // consumers that confirm it
    int mixing = 0;  // ... of them, those that would not in another order of channels
  };

  // walk.cpp
  Status pair_inputs();
  Status process(graph::NodeId id);
  Nodes pending_before(const graph::Node& node) const;
  Nodes unexplained(graph::NodeId id) const;
  Nodes with_opaque_before(graph::NodeId id) const;
  void rewind(size_t position);
  bool is_explained(graph::NodeId id) const;
  std::optional<size_t> stuck(size_t position, bool at_end) const;
  void finish();
  void check_outputs();
  std::vector<graph::NodeId> source_nodes_between(const Pair& end) const;

  // settle.cpp
  struct Made {  // one output of a node, computed on the source's values
    graph::NodeId id;
    size_t output;
    Nodes nodes;  // this one and those before it that nothing explains yet
    const std::vector<Tensor>& samples;
    std::vector<Tensor> tolerance;
    double sieve;
  };
  struct Found {
    Match match;
    compare::ToleranceRatio ratio;
  };
  Status settle(graph::NodeId id, size_t output, const std::vector<Tensor>& computed);
  Result<std::optional<Found>> find(Made& made);
  std::optional<Found> judged(const Made& made, std::span<const Match> matches);
  bool is_right(const Made& made, const Found& found) const;
  void accept(const Made& made, const Found& found);
  bool swallows_evidence(const graph::Node& node, const Tensor& result) const;
  std::optional<Found> near_counterpart(const Made& made) const;
  std::optional<Found> named_counterpart(const Made& made) const;
  bool is_same_function(graph::NodeId id, size_t output, const Match& match) const;
  const Tensor* constant_operand(graph::ValueId value) const;
  Result<bool> settle_by_operands(graph::NodeId id, size_t output, const std::vector<Tensor>& computed);

  // reorder.cpp
  std::optional<Found> in_another_order(const Made& made);
  bool mixes_channels(const graph::Node& node) const;
  Nodes roots_before(const Nodes& nodes) const;
  Nodes roots_of(const Nodes& nodes) const;
  std::vector<ChannelOrder> orders_before(const Nodes& nodes) const;
  bool may_take_order(const Nodes& nodes, graph::ValueId value) const;
  std::vector<Candidate> candidates_in_order(graph::NodeId id) const;
  std::vector<Tensor> made_in_source_order(graph::NodeId id);
  double distance_to_source(graph::NodeId id, std::span<const Tensor> samples) const;
  bool is_followed(const Nodes& roots) const;
  std::vector<graph::NodeId> source_readers(graph::ValueId value, const std::string& type) const;
  bool weights_follow(graph::NodeId id) const;
  bool is_wrong_in_order(size_t position, const Nodes& roots);
  std::optional<size_t> take_back_order(size_t position);

  // match.cpp
  Result<std::vector<Tensor>> run_node(graph::NodeId id, const evaluate::Feeds& values);
  bool explodes(const graph::Node& node, const evaluate::Feeds& feeds) const;
  std::vector<std::vector<Tensor>> run_samples(graph::NodeId id, std::span<const evaluate::Feeds> samples);
  std::optional<Tensor> unpacked_constant(graph::ValueId value);
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

  // candidates.cpp
  int frontier(graph::NodeId id) const;
  int steps(int position) const;
  int behind(int position, int steps) const;
  std::vector<graph::ValueId> nearest_values(int64_t elements, int position, size_t most) const;
  std::vector<graph::ValueId> next_values(int position) const;
  std::optional<Permutation> usual_permutation(const Shape& source, const Shape& target) const;
  std::vector<Permutation> likely_permutations(const Shape& source, const Shape& target) const;
  bool is_common(const Permutation& permutation, const Shape& source, const Shape& target) const;
  bool made_by(graph::ValueId value, const std::string& type) const;
  std::optional<Permutation> kept_permutation(graph::NodeId id, const Shape& shape) const;
  Permutation likely_permutation(graph::NodeId id, graph::ValueId source) const;
  Permutation dominant_permutation(const Shape& shape) const;
  Tensor handed(size_t sample, graph::ValueId target, const Candidate& candidate) const;
  std::vector<Candidate> candidates_for(graph::NodeId id, graph::ValueId value) const;
  std::optional<size_t> output_behind(graph::ValueId value) const;
  std::optional<Candidate> as_output(graph::ValueId value) const;
  std::optional<Candidate> passed_to_output(graph::NodeId id) const;
  std::optional<Candidate> tentative(graph::NodeId id) const;

  // resync.cpp
  Status resync(size_t position);
  Status go_on_behind(size_t position, size_t end);
  void give(graph::NodeId id, const Candidate& candidate, size_t output = 0);

  // substitute.cpp
  std::vector<graph::ValueId> operand_candidates(graph::NodeId id, size_t input, int64_t elements,
                                                 graph::ValueId now) const;
  std::vector<graph::ValueId> given_to_others(int64_t elements, graph::ValueId now) const;
  std::vector<graph::ValueId> read_beside(graph::NodeId id, size_t input) const;
  bool reads_the_same(graph::NodeId id, size_t input, const Candidate& operand, graph::ValueId result) const;
  bool is_inside(graph::NodeId id, graph::ValueId operand) const;
  bool substitute(size_t position);
  bool substitute_operand(size_t position, size_t input, graph::ValueId other);
  bool substitute_layout(size_t position);
  std::vector<Permutation> operand_permutations(graph::ValueId operand, graph::ValueId other) const;
  std::vector<evaluate::Feeds> values_with(graph::ValueId value,
                                           const std::function<Tensor(size_t sample)>& made) const;
  std::vector<Tensor> made_with(graph::NodeId id, size_t input,
                                const std::function<Tensor(size_t sample)>& operand);
  bool is_told(size_t position, size_t end, size_t input, const Candidate& operand,
               const std::vector<Tensor>& computed);
  std::vector<size_t> foldable_behind(size_t position) const;
  bool try_operand(size_t position, size_t input, const Candidate& operand, const Shape& shape);

  // confirm.cpp
  void count_confirmations(size_t position, graph::ValueId value, Candidate& candidate);
  void count_confirmations(size_t position, graph::ValueId value, Candidate& candidate,
                           std::vector<evaluate::Feeds> trial);
  void bring_along(graph::NodeId id, std::vector<evaluate::Feeds>& trial, std::set<graph::ValueId>& fixed);
  std::optional<Candidate> confirm(size_t position);
  std::optional<Candidate> best_confirmed(size_t position, std::vector<Candidate> candidates);
  std::vector<Match> matches_in_any_order(std::span<const Tensor> samples) const;
  size_t behind_idle_numbers(size_t position) const;
  std::optional<std::pair<size_t, Candidate>> confirm_region(size_t position);
  bool is_unlike(graph::NodeId id, const Candidate& candidate) const;

  // unrunnable.cpp
  bool reshape_operand(size_t position);
  bool exchange_operand(size_t position);

  // step.cpp
  const Pair* pair_behind(graph::ValueId value) const;
  std::vector<graph::NodeId> source_operators_on(graph::ValueId value) const;
  std::pair<graph::NodeId, graph::ValueId> ends_of(graph::NodeId id, graph::NodeId other) const;
  Arrangement arrangement_as(graph::NodeId id, graph::ValueId source) const;
  std::optional<std::pair<graph::NodeId, Candidate>> same_operator(graph::NodeId id) const;
  std::optional<std::pair<size_t, Candidate>> step(size_t position);

  // frozen.cpp
  void check_frozen();
  std::vector<graph::ValueId> dead_ends() const;
  graph::ValueId frozen_from(graph::NodeId id, size_t input, std::span<const graph::ValueId> ends);

  // loop.cpp
  bool loop_comes_right(size_t position);
  bool give_loop(graph::NodeId id);
  bool runs_turned(const graph::Node& node, const graph::Node& other) const;
  bool give_turned(size_t position);
  bool substitute_loop(graph::NodeId id);
  bool loop_runs_right(graph::NodeId id, size_t input, graph::ValueId other, const Arrangement& arrangement);
  int shared_operands(const graph::Node& node, const graph::Node& other) const;
  std::vector<Tensor> unpaired_evidence(graph::ValueId value) const;
  std::optional<Match> nearest_output(std::span<const Tensor> samples, const graph::Node& other) const;

  evaluate::Evaluator& evaluator_;
  const SourceValues& source_;
  const graph::Graph& target_;
  graph::Uses uses_;
  HalfSteps half_steps_;
  int64_t most_elements_ = int64_t{1} << 20;  // of one value; more where the source's are large
  WalkOptions options_;
  std::vector<int> steps_;               // of the source: how many of its nodes so far do more than move
  std::vector<graph::NodeId> order_;     // all nodes, dead ones too
  std::vector<bool> live_;               // by node
  std::vector<evaluate::Feeds> values_;  // by sample: what each target value is taken to be
  std::map<graph::ValueId, std::vector<Tensor>> pending_tolerance_;
  std::map<graph::ValueId, Nodes> pending_;  // unpaired values: the nodes that made them since the last pair
  std::map<graph::ValueId, std::optional<Tensor>> unpacked_;
  std::set<graph::ValueId> constant_;         // do not depend on the sample
  std::set<graph::NodeId> blocked_;           // could not run
  std::set<graph::NodeId> accounted_;         // lie in a segment already
  std::set<graph::NodeId> resynchronized_;    // where the walk lost the way once
  std::map<graph::NodeId, Candidate> given_;  // resynchronized outputs
  size_t given_end_ = 0;                      // position of the one that a substitution gave
  std::map<graph::ValueId, Nodes> roots_;     // values paired in another order of channels: what began it
  Nodes refused_;                             // what begins no other order: nothing undid it
  std::map<Permutation, int> seen_permutations_;
  bool computed_any_ = false;      // of what was seen: not only moved
  std::set<graph::ValueId> used_;  // source classes that are paired
  size_t resumed_ = 0;             // where the walk goes on after a resync
  Alignment out_;
};

}  // namespace fetafix::align
