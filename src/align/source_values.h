// What the source model computes on the diagnosis samples: the values that target values are paired with.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "align/layout.h"
#include "compare/metrics.h"
#include "evaluate/evaluator.h"

namespace fetafix::align {

struct Match {
  graph::ValueId source = graph::no_value;
  Arrangement arrangement;
  double relative = 0;  // the worst relative L2 over the samples
};

class SourceValues {
 public:
  // `samples[i]` holds every computed value and graph input of sample i (at least two samples).
  SourceValues(const graph::Graph& graph, std::vector<evaluate::Feeds> samples);

  const graph::Graph& graph() const { return graph_; }
  const graph::Uses& uses() const { return uses_; }
  size_t sample_count() const { return samples_.size(); }

  // Whether it can be evidence: float, more than one element, differing between and within samples.
  bool usable(graph::ValueId value) const { return entries_.contains(value); }
  const Tensor& at(size_t sample, graph::ValueId value) const { return samples_[sample].at(value); }
  bool has(graph::ValueId value) const { return samples_[0].contains(value); }

  // Twins (Identity, Reshape, Transpose, duplicated branches) are one class, named by the earliest.
  graph::ValueId class_of(graph::ValueId value) const;
  // The values of a class; the value alone where it is no evidence.
  std::vector<graph::ValueId> twins(graph::ValueId value) const;
  // Index of the producing node in the graph; -1 for graph inputs.
  int position(graph::ValueId value) const;

  // Class representatives with that many elements, in graph order.
  std::span<const graph::ValueId> of_size(int64_t elements) const;

  // All values that `samples` equals within `tolerance` (relative L2) under some permutation.
  std::vector<Match> match(std::span<const Tensor> samples, double tolerance) const;
  // ... under some permutation and with the channels in another order: one of `hints`, else solved.
  std::vector<Match> match_reordered(std::span<const Tensor> samples, double tolerance,
                                     std::span<const ChannelOrder> hints) const;
  // The best permutation for one candidate; nullopt when the sizes differ.
  std::optional<Match> best_permutation(std::span<const Tensor> samples, graph::ValueId candidate) const;
  std::optional<Match> best_order(std::span<const Tensor> samples, graph::ValueId candidate,
                                  std::span<const ChannelOrder> hints, bool solve) const;

 private:
  struct Entry {
    std::vector<compare::Sketch> sketches;
    graph::ValueId twin;
  };

  void find_twins();
  // Class representatives that could be `samples` within the tolerance, by their sketches.
  std::vector<graph::ValueId> alike(std::span<const Tensor> samples, double tolerance) const;

  const graph::Graph& graph_;
  graph::Uses uses_;
  std::vector<evaluate::Feeds> samples_;
  std::map<graph::ValueId, Entry> entries_;
  std::map<int64_t, std::vector<graph::ValueId>> by_size_;
  std::map<int64_t, std::vector<graph::ValueId>> representatives_;
};

// The evidence rule above, for a value of either side.
bool is_evidence(std::span<const Tensor> samples);

}  // namespace fetafix::align
