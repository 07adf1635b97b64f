#include "align/source_values.h"

#include <algorithm>

#include "align/channel_order.h"

namespace fetafix::align {

using graph::ValueId;

namespace {

std::vector<Match> by_error(std::vector<Match> matches) {
  std::stable_sort(matches.begin(), matches.end(),
                   [](const Match& a, const Match& b) { return a.relative < b.relative; });
  return matches;
}

}  // namespace

bool is_evidence(std::span<const Tensor> samples) {
  for (const Tensor& tensor : samples) {
    if (tensor.dtype() != DType::float32 || tensor.size() < 2) return false;
    const auto values = tensor.as<float>();
    if (std::all_of(values.begin(), values.end(), [&](float v) { return v == values[0]; })) return false;
  }
  for (size_t i = 1; i < samples.size(); ++i)
    if (samples[0].identical(samples[i])) return false;  // does not depend on the sample
  return true;
}

SourceValues::SourceValues(const graph::Graph& graph, std::vector<evaluate::Feeds> samples)
    : graph_(graph), uses_(graph), samples_(std::move(samples)) {
  std::vector<ValueId> order = graph.inputs;
  for (const graph::Node& node : graph.nodes)
    for (ValueId out : node.outputs)
      if (out != graph::no_value) order.push_back(out);
  for (ValueId id : order) {
    std::vector<Tensor> values;
    for (const auto& sample : samples_)
      if (auto found = sample.find(id); found != sample.end()) values.push_back(found->second);
    if (values.size() != samples_.size() || !is_evidence(values)) continue;
    Entry entry{{}, id};
    for (const Tensor& value : values) entry.sketches.push_back(compare::sketch(value.as<float>()));
    by_size_[values[0].size()].push_back(id);
    entries_.emplace(id, std::move(entry));
  }
  find_twins();
}

void SourceValues::find_twins() {
  for (auto& [size, ids] : by_size_) {
    for (size_t i = 0; i < ids.size(); ++i) {
      Entry& entry = entries_.at(ids[i]);
      for (ValueId earlier : representatives_[size]) {
        const Entry& other = entries_.at(earlier);
        bool same = true;
        for (size_t s = 0; s < samples_.size() && same; ++s)
          same = compare::sketches_agree(other.sketches[s], entry.sketches[s], 1e-9);
        if (!same) continue;
        std::vector<Tensor> values;
        for (const auto& sample : samples_) values.push_back(sample.at(ids[i]));
        const auto best = best_permutation(values, earlier);
        if (best && best->relative == 0) {
          entry.twin = earlier;
          break;
        }
      }
      if (entry.twin == ids[i]) representatives_[size].push_back(ids[i]);
    }
  }
}

ValueId SourceValues::class_of(ValueId value) const {
  auto found = entries_.find(value);
  return found == entries_.end() ? value : found->second.twin;
}

std::vector<ValueId> SourceValues::twins(ValueId value) const {
  auto found = entries_.find(value);
  if (found == entries_.end()) return {value};
  std::vector<ValueId> out;
  for (ValueId other : by_size_.at(at(0, value).size()))
    if (entries_.at(other).twin == found->second.twin) out.push_back(other);
  return out;
}

int SourceValues::position(ValueId value) const {
  return uses_.producer[static_cast<size_t>(value)];
}

std::span<const ValueId> SourceValues::of_size(int64_t elements) const {
  auto found = representatives_.find(elements);
  return found == representatives_.end() ? std::span<const ValueId>() : found->second;
}

std::optional<Match> SourceValues::best_permutation(std::span<const Tensor> samples,
                                                    ValueId candidate) const {
  const Shape& target = samples[0].shape();
  if (!has(candidate)) return std::nullopt;
  const Shape& source = at(0, candidate).shape();
  std::optional<Match> best;
  for (const Permutation& permutation : candidate_permutations(source, target)) {
    double worst = 0;
    for (size_t s = 0; s < samples.size(); ++s) {
      const Tensor handed = hand_over(at(s, candidate), {permutation, {}}, samples[s].shape());
      worst = std::max(worst, compare::relative_l2(handed.as<float>(), samples[s].as<float>()));
      if (best && worst >= best->relative) break;
    }
    if (!best || worst < best->relative) best = Match{candidate, {permutation, {}}, worst};
    if (best->relative == 0) break;
  }
  return best;
}

std::optional<Match> SourceValues::best_order(std::span<const Tensor> samples, ValueId candidate,
                                              std::span<const ChannelOrder> hints, bool solve) const {
  if (!has(candidate)) return std::nullopt;
  const Shape& shape = at(0, candidate).shape();
  std::vector<Tensor> expected;
  for (size_t s = 0; s < samples.size(); ++s) expected.push_back(at(s, candidate));
  std::optional<Match> best;
  for (const Permutation& permutation : candidate_permutations(shape, samples[0].shape())) {
    std::vector<Tensor> found;
    for (const Tensor& sample : samples) found.push_back(in_source_layout(sample, permutation, shape));
    std::vector<ChannelOrder> orders;
    for (const ChannelOrder& hint : hints)
      if (fits(hint, shape)) orders.push_back(hint);
    for (int axis = 0; solve && axis < static_cast<int>(squeezed(shape).size()); ++axis)
      orders.push_back(nearest_order(expected, found, axis));
    for (const ChannelOrder& order : orders) {
      if (order.empty() || (best && best->relative == 0)) continue;
      double worst = 0;
      for (size_t s = 0; s < samples.size(); ++s) {
        const Tensor moved = reordered(expected[s], order);
        worst = std::max(worst, compare::relative_l2(moved.as<float>(), found[s].as<float>()));
      }
      if (!best || worst < best->relative) best = Match{candidate, {permutation, order}, worst};
    }
  }
  return best;
}

std::vector<ValueId> SourceValues::alike(std::span<const Tensor> samples, double tolerance) const {
  std::vector<ValueId> out;
  std::vector<compare::Sketch> sketches;
  for (const Tensor& sample : samples) sketches.push_back(compare::sketch(sample.as<float>()));
  for (ValueId id : of_size(samples[0].size())) {
    const Entry& entry = entries_.at(id);
    bool possible = true;
    for (size_t s = 0; s < samples.size() && possible; ++s)
      possible = compare::sketches_agree(entry.sketches[s], sketches[s], tolerance);
    if (possible) out.push_back(id);
  }
  return out;
}

std::vector<Match> SourceValues::match(std::span<const Tensor> samples, double tolerance) const {
  std::vector<Match> out;
  for (ValueId id : alike(samples, tolerance)) {
    const auto best = best_permutation(samples, id);
    if (best && best->relative < tolerance) out.push_back(*best);
  }
  return by_error(std::move(out));
}

std::vector<Match> SourceValues::match_reordered(std::span<const Tensor> samples, double tolerance,
                                                 std::span<const ChannelOrder> hints) const {
  std::vector<Match> out;
  for (ValueId id : alike(samples, tolerance)) {
    auto best = best_order(samples, id, hints, true);
    if (best && best->relative < tolerance) out.push_back(std::move(*best));
  }
  return by_error(std::move(out));
}

}  // namespace fetafix::align
