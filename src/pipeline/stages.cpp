#include "pipeline/stages.h"

#include <algorithm>
#include <map>

namespace fetafix::pipeline {

Status Run::go_on() const {
  if (options.interrupted && *options.interrupted) return Error{ErrorKind::interrupted, "interrupted"};
  return {};
}

bool Run::out_of_time() const {
  return options.time_limit > 0 && clock.total() >= options.time_limit;
}

Status Run::start_evaluator() {
  if (evaluator) return {};
  FETAFIX_TRY(evaluator, evaluate::make_evaluator({options.threads, options.interrupted}));
  return {};
}

void Run::conclude(results::Verdict verdict, std::string reason) {
  result.verdict = verdict;
  result.reason = std::move(reason);
}

std::vector<size_t> Run::searched() const {
  std::vector<size_t> out = sets.diagnose;
  out.insert(out.end(), sets.select.begin(), sets.select.end());
  std::sort(out.begin(), out.end());
  return out.empty() ? sets.verdict : out;
}

std::vector<size_t> Run::diagnosis_samples(const std::vector<Outputs>& differing) const {
  std::vector<size_t> out = searched();
  if (!differing.empty()) {
    std::map<size_t, double> difference;
    for (size_t i : out) difference[i] = spread(source[i], differing[i]);
    std::stable_sort(out.begin(), out.end(),
                     [&](size_t a, size_t b) { return difference[a] > difference[b]; });
  }
  if (out.size() > 2) out.resize(2);
  return out;
}

double Run::noise() const {
  return std::max(floor, precision.constants + precision.activations);
}

double Run::allowed_error() const {
  return 8 * floor + precision.allowance();
}

}  // namespace fetafix::pipeline
