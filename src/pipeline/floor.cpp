#include <algorithm>

#include "pipeline/analysis.h"

namespace fetafix::pipeline {
namespace {

// How far a file's outputs lie from those of its view, and from its own when it is run again.
Status look_at(evaluate::Evaluator& evaluator, const Side& side, const std::vector<Tensor>& inputs,
               const Outputs& outputs, bool again, double& viewed, double& repeated, bool& view_failed) {
  auto view = run_view(evaluator, side, inputs);
  if (view.ok())
    viewed = std::max(viewed, spread(outputs, *view));
  else if (view.error().kind == ErrorKind::interrupted)
    return std::move(view).error();
  else
    view_failed = true;
  if (!again || !side.session) return {};
  FETAFIX_TRY(auto second, side.session->run(inputs));
  repeated = spread(outputs, in_order(side, std::move(second)));
  return {};
}

}  // namespace

Result<Floor> measure_floor(evaluate::Evaluator& evaluator, const Pair& pair,
                            const std::vector<size_t>& samples, const std::vector<Outputs>& source,
                            const std::vector<Outputs>& target, const Options& options) {
  Floor out;
  // Recorded outputs can't be made again in another way: then only the views are left to compare with.
  const bool runs = pair.source.session != nullptr;
  auto plain = runs ? load_native(pair.source, pair.source.path, options, false)
                    : Error{ErrorKind::unsupported, "recorded"};
  for (size_t i : samples) {
    const bool first = i == samples.front();
    FETAFIX_TRY(auto inputs, load_sample(pair.source, i));
    if (plain.ok()) {
      FETAFIX_TRY(auto outputs, (*plain)->run(inputs));
      out.unoptimized = std::max(out.unoptimized, spread(source[i], outputs));
    }
    FETAFIX_CHECK(look_at(evaluator, pair.source, inputs, source[i], first, out.source_viewed,
                          out.source_again, out.view_failed));
    if (runs) {
      FETAFIX_TRY(auto moved, pair.source.session->run(derived(inputs, Derivation::disturbed)));
      out.disturbed = std::max(out.disturbed, spread(source[i], moved));
    }
    if (target.empty()) continue;
    FETAFIX_TRY(auto target_inputs, load_sample(pair.target, i));
    FETAFIX_CHECK(look_at(evaluator, pair.target, target_inputs, target[i], first, out.target_viewed,
                          out.target_again, out.view_failed));
  }
  return out;
}

}  // namespace fetafix::pipeline
