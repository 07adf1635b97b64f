#include "pipeline/native.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "compare/metrics.h"

namespace fetafix::pipeline {
namespace {

std::vector<size_t> best(const std::vector<float>& scores, size_t count) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  order.resize(count);
  return order;
}

}  // namespace

std::vector<float> scores(const Outputs& outputs) {
  if (outputs.empty()) return {};
  auto values = cast(outputs[0], DType::float32);
  if (!values.ok()) return {};
  const auto span = values->as<float>();
  const int64_t classes = outputs[0].rank() ? outputs[0].shape().back() : 0;
  // A batch is one sample here; maps and sequences have no label.
  if (classes < 2 || static_cast<int64_t>(span.size()) != classes) {
    const Shape dims = outputs[0].shape();
    const auto large = std::count_if(dims.begin(), dims.end(), [](int64_t d) { return d > 1; });
    if (large != 1) return {};
  }
  return {span.begin(), span.end()};
}

Result<std::vector<Outputs>> run_all(runtimes::Session& session, const Side& side, size_t count,
                                     const Options& options, const std::string& stage, double* loading) {
  std::vector<Outputs> out;
  for (size_t i = 0; i < count; ++i) {
    if (options.interrupted && *options.interrupted) return Error{ErrorKind::interrupted, "interrupted"};
    const auto start = std::chrono::steady_clock::now();
    FETAFIX_TRY(auto inputs, load_sample(side, i));
    if (loading) *loading += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    auto outputs = session.run(inputs);
    if (!outputs.ok()) return in_context("sample '" + std::to_string(i) + "'", std::move(outputs).error());
    out.push_back(in_order(side, std::move(outputs).value()));
    if (options.progress) options.progress(stage, i + 1, count);
  }
  return out;
}

double spread(const Outputs& a, const Outputs& b) {
  double worst = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    auto x = cast(a[i], DType::float32), y = cast(b[i], DType::float32);
    if (!x.ok() || !y.ok() || x->size() != y->size()) return INFINITY;
    worst = std::max(worst, compare::max_relative_error(x->as<float>(), y->as<float>()));
  }
  return worst;
}

results::Differences compare_outputs(const std::vector<Outputs>& expected, const std::vector<Outputs>& actual,
                                     const std::vector<size_t>& which, double floor) {
  std::vector<size_t> all(expected.size());
  std::iota(all.begin(), all.end(), size_t{0});
  results::Differences out;
  for (size_t i : which.empty() ? all : which) {
    ++out.samples;
    const double error = spread(expected[i], actual[i]);
    out.max_relative_error = std::max(out.max_relative_error, error);
    for (size_t k = 0; k < std::min(expected[i].size(), actual[i].size()); ++k) {
      auto e = cast(expected[i][k], DType::float32), a = cast(actual[i][k], DType::float32);
      if (e.ok() && a.ok() && e->size() == a->size())
        out.max_absolute_error =
            std::max(out.max_absolute_error, compare::max_absolute_error(e->as<float>(), a->as<float>()));
    }
    const auto e = scores(expected[i]), a = scores(actual[i]);
    if (e.size() < 2) continue;
    if (e.size() != a.size()) {  // not even the same classes
      ++out.label_differences;
      ++out.top5_differences;
      continue;
    }
    const auto e5 = best(e, 5), a5 = best(a, 5);
    float largest = 0;
    for (float v : e) largest = std::max(largest, std::fabs(v));
    if (e[e5[0]] - e[e5[1]] < 2 * floor * static_cast<double>(largest)) ++out.near_ties;
    out.label_differences += e5[0] != a5[0];
    out.top5_differences += e5 != a5;
  }
  return out;
}

std::string moved_labels(const std::vector<Outputs>& expected, const std::vector<Outputs>& actual) {
  constexpr double alike = 1e-3;
  for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    const auto e = scores(expected[i]), a = scores(actual[i]);
    const auto &fewer = e.size() < a.size() ? e : a, &more = e.size() < a.size() ? a : e;
    if (fewer.size() < 2 || more.size() != fewer.size() + 1 ||
        compare::max_relative_error(fewer, std::span(more).subspan(1)) > alike)
      return "";
    if (i + 1 == expected.size())
      return e.size() < a.size()
                 ? "the target has a class before the source's first (a background class): its "
                   "label k + 1 is the source's k"
                 : "the source has a class before the target's first (a background class): its "
                   "label k + 1 is the target's k";
  }
  return "";
}

bool are_probabilities(std::span<const float> scores) {
  double sum = 0;
  for (float v : scores) {
    if (!(v >= 0)) return false;
    sum += v;
  }
  return std::abs(sum - 1) < 1e-2;
}

bool all_identical(const std::vector<Outputs>& a, const std::vector<Outputs>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].size() != b[i].size()) return false;
    for (size_t k = 0; k < a[i].size(); ++k)
      if (a[i][k].dtype() != b[i][k].dtype() || a[i][k].size() != b[i][k].size() ||
          !a[i][k].identical(b[i][k].reshaped(a[i][k].shape())))
        return false;
  }
  return true;
}

std::vector<results::Label> top5(const Outputs& outputs, const data::Labels& labels) {
  const auto values = scores(outputs);
  std::vector<results::Label> out;
  for (size_t c : values.size() < 2 ? std::vector<size_t>() : best(values, 5))
    out.push_back({static_cast<int64_t>(c), labels.name(static_cast<int64_t>(c)), values[c]});
  return out;
}

}  // namespace fetafix::pipeline
