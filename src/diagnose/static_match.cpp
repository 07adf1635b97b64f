#include "diagnose/static_match.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "align/layout.h"
#include "compare/metrics.h"

namespace fetafix::diagnose {
namespace {

constexpr double near_enough = 0.1;  // kernels that are damaged more are found by where they stand

class Pairing {
 public:
  Pairing(const Units& source, const Units& target) : source_(source), target_(target) {
    out_.source_of.assign(target.units.size(), -1);
    out_.target_of.assign(source.units.size(), -1);
    out_.distances.assign(target.units.size(), 0);
  }

  UnitPairs run() {
    pair_by_numbers();
    while (forwards() || backwards()) {
    }
    return std::move(out_);
  }

 private:
  const Unit& source(int unit) const { return source_.units[static_cast<size_t>(unit)]; }
  const Unit& target(int unit) const { return target_.units[static_cast<size_t>(unit)]; }
  bool free_source(int unit) const { return unit >= 0 && out_.target_of[static_cast<size_t>(unit)] < 0; }
  bool free_target(int unit) const { return unit >= 0 && out_.source_of[static_cast<size_t>(unit)] < 0; }

  double kernels(int s, int t) {
    const auto found = known_.find({s, t});
    if (found != known_.end()) return found->second;
    return known_[{s, t}] = source(s).linear && target(t).linear
                                ? tensor_distance(source(s).linear->kernel(), target(t).linear->kernel())
                                : 0;
  }

  void pair(int s, int t) {
    out_.target_of[static_cast<size_t>(s)] = t;
    out_.source_of[static_cast<size_t>(t)] = s;
    out_.distances[static_cast<size_t>(t)] = kernels(s, t);
  }

  void pair_by_numbers() {
    std::vector<std::tuple<double, int, int, int>> near;  // distance, how far apart in order, source, target
    for (int t = 0; t < static_cast<int>(target_.units.size()); ++t)
      for (int s = 0; s < static_cast<int>(source_.units.size()); ++s) {
        if (!target(t).linear || source(s).label != target(t).label) continue;
        if (const double d = kernels(s, t); d <= near_enough) near.emplace_back(d, std::abs(s - t), s, t);
      }
    std::sort(near.begin(), near.end());
    for (const auto& [d, apart, s, t] : near)
      if (free_source(s) && free_target(t)) pair(s, t);
  }

  // The counterpart in the source of what an operand of the target comes from; nullopt: it has none yet.
  std::optional<int> counterpart(int unit) const {
    if (unit < 0) return unit;  // model inputs are paired in order
    const int s = out_.source_of[static_cast<size_t>(unit)];
    return s < 0 ? std::nullopt : std::optional(s);
  }

  bool reads_counterparts(int s, int t) const {
    std::vector<int> wanted, found;
    for (const Operand& operand : target(t).operands) {
      const auto unit = counterpart(operand.unit);
      if (!unit) return false;
      wanted.push_back(*unit);
    }
    for (const Operand& operand : source(s).operands) found.push_back(operand.unit);
    if (target(t).commutes) std::sort(wanted.begin(), wanted.end()), std::sort(found.begin(), found.end());
    return wanted == found;
  }

  bool forwards() {
    bool any = false;
    for (int t = 0; t < static_cast<int>(target_.units.size()); ++t) {
      if (!free_target(t)) continue;
      int best = -1;
      for (int s = 0; s < static_cast<int>(source_.units.size()); ++s)
        if (free_source(s) && source(s).label == target(t).label && reads_counterparts(s, t) &&
            (best < 0 || kernels(s, t) < kernels(best, t)))
          best = s;
      if (best < 0) continue;
      pair(best, t);
      any = true;
    }
    return any;
  }

  bool backwards() {
    bool any = false;
    for (int t = static_cast<int>(target_.units.size()) - 1; t >= 0; --t)
      if (!free_target(t))
        any =
            pair_operands(source(out_.source_of[static_cast<size_t>(t)]).operands, target(t).operands) || any;
    return pair_operands(source_.outputs, target_.outputs) || any;
  }

  bool pair_operands(const std::vector<Operand>& theirs, const std::vector<Operand>& mine) {
    bool any = false;
    for (size_t i = 0; i < mine.size() && mine.size() == theirs.size(); ++i) {
      const int s = theirs[i].unit, t = mine[i].unit;
      if (!free_source(s) || !free_target(t) || source(s).label != target(t).label) continue;
      pair(s, t);
      any = true;
    }
    return any;
  }

  const Units& source_;
  const Units& target_;
  std::map<std::pair<int, int>, double> known_;
  UnitPairs out_;
};

Tensor as_floats(const Tensor& tensor) {
  auto floats = cast(tensor, DType::float32);
  return floats.ok() ? std::move(floats).value() : Tensor();
}

}  // namespace

double tensor_distance(const Tensor& source, const Tensor& target) {
  const Tensor s = as_floats(source), t = as_floats(target);
  double best = std::numeric_limits<double>::infinity();
  if (s.empty() || s.size() != t.size()) return best;
  // Views have one layout for weights: where the shapes agree, so does the order.
  const auto permutations = s.shape() == t.shape() ? std::vector<align::Permutation>{{}}
                                                   : align::candidate_permutations(s.shape(), t.shape());
  for (const auto& permutation : permutations) {
    const Tensor moved = align::hand_over(s, {permutation, {}}, t.shape());
    // One wrong number among millions does not show in the norm.
    best = std::min(best, std::max(compare::relative_l2(moved.as<float>(), t.as<float>()),
                                   compare::max_relative_error(moved.as<float>(), t.as<float>())));
    if (best < 1e-6) break;
  }
  return best;
}

double sorted_distance(const Tensor& source, const Tensor& target) {
  Tensor s = as_floats(source), t = as_floats(target);
  if (s.empty() || s.size() != t.size()) return std::numeric_limits<double>::infinity();
  for (Tensor* tensor : {&s, &t}) {
    auto values = tensor->mutable_as<float>();
    std::sort(values.begin(), values.end());
  }
  return compare::relative_l2(s.as<float>(), t.as<float>());
}

UnitPairs pair_units(const Units& source, const Units& target) {
  return Pairing(source, target).run();
}

}  // namespace fetafix::diagnose
