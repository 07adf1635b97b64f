#include "pipeline/output_order.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compare/metrics.h"

namespace fetafix::pipeline {
namespace {

constexpr size_t most_outputs = 64;

bool has_no_order(const Side& side) {
  return side.model && side.model->format() == "tensorflow";
}

// How far apart they are on the worst sample; infinity: they can't be the same.
double distance(const std::vector<Outputs>& source, size_t i, const std::vector<Outputs>& target, size_t k) {
  double worst = 0;
  for (size_t s = 0; s < source.size(); ++s) {
    const Tensor &a = source[s][i], &b = target[s][k];
    if (a.size() != b.size() || a.dtype() != b.dtype()) return std::numeric_limits<double>::infinity();
    if (a.dtype() != DType::float32) continue;
    worst = std::max(worst, compare::relative_l2(a.as<float>(), b.as<float>()));
  }
  return worst;
}

// For each of the source's outputs the target's, nearest pairs first; empty: some have none of their size.
std::vector<size_t> nearest(const std::vector<std::vector<double>>& apart) {
  const size_t count = apart.size();
  std::vector<size_t> out(count, count);
  std::vector<bool> taken(count, false);
  for (size_t left = count; left > 0; --left) {
    size_t best_i = count, best_k = count;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; out[i] == count && k < count; ++k)
        if (!taken[k] && apart[i][k] < least) {
          least = apart[i][k];
          best_i = i;
          best_k = k;
        }
    if (best_i == count) return {};
    out[best_i] = best_k;
    taken[best_k] = true;
  }
  return out;
}

template <class T>
void take_in_order(std::vector<T>& values, const std::vector<size_t>& order) {
  std::vector<T> out;
  for (size_t from : order) out.push_back(values[from]);
  values = std::move(out);
}

bool may_choose(const Run& run) {
  const Pair& pair = run.pair;
  if (!has_no_order(pair.source) && !has_no_order(pair.target)) return false;
  if (!pair.mapping.outputs.empty() || run.target.empty() || run.source.size() != run.target.size())
    return false;
  const size_t count = run.source[0].size();
  const auto has_all = [&](const Outputs& outputs) { return outputs.size() == count; };
  return count > 1 && count <= most_outputs && pair.target.lifted.graph.outputs.size() == count &&
         std::ranges::all_of(run.source, has_all) && std::ranges::all_of(run.target, has_all);
}

}  // namespace

std::vector<size_t> order_by_value(const std::vector<Outputs>& source, const std::vector<Outputs>& target) {
  const size_t count = source[0].size();
  std::vector<std::vector<double>> apart(count, std::vector<double>(count));
  bool fits = true;
  for (size_t i = 0; i < count; ++i) {
    for (size_t k = 0; k < count; ++k) apart[i][k] = distance(source, i, target, k);
    fits = fits && std::isfinite(apart[i][i]);
  }
  return fits ? std::vector<size_t>() : nearest(apart);
}

void pair_outputs_by_value(Run& run) {
  if (!may_choose(run)) return;
  const auto order = order_by_value(run.source, run.target);
  if (order.empty()) return;
  Pair& pair = run.pair;
  pair.target.output_order = order;
  take_in_order(pair.target.lifted.graph.outputs, order);
  for (Outputs& outputs : run.target) take_in_order(outputs, order);
  const auto from = native_names(pair.source.lifted.graph, pair.source.lifted.graph.outputs);
  const auto to = native_names(pair.target.lifted.graph, pair.target.lifted.graph.outputs);
  std::string text =
      "outputs of these sizes are not in the same order, and were paired by what they answered:";
  for (size_t i = 0; i < from.size(); ++i) text += (i ? ", " : " ") + from[i] + "=" + to[i];
  run.result.notes.push_back(text + "; --map says otherwise");
}

}  // namespace fetafix::pipeline
