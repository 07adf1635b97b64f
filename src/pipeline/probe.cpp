// A repair is tried where no sample is: a right one is right on mirrored pictures, on larger values and on
// what is no picture any more, too.
#include <algorithm>

#include "pipeline/stages.h"
#include "results/sentences.h"

namespace fetafix::pipeline {
namespace {

constexpr size_t most_probed = 2;  // samples

struct Probed {
  double error = 0;    // source against repaired target
  double allowed = 0;  // eight times what right computations of the source differ by on this input
};

Result<Probed> probe_one(Run& run, runtimes::Session& repaired, SampleId sample) {
  FETAFIX_TRY(const auto source_inputs, load_sample(run.pair.source, sample));
  FETAFIX_TRY(const auto target_inputs, load_sample(run.pair.target, sample));
  FETAFIX_TRY(const Outputs expected, run.pair.source.session->run(source_inputs));
  FETAFIX_TRY(Outputs found, repaired.run(target_inputs));
  FETAFIX_TRY(const Outputs again, run_view(*run.evaluator, run.pair.source, source_inputs));
  FETAFIX_TRY(const Outputs moved,
              run.pair.source.session->run(derived(source_inputs, Derivation::disturbed)));
  Probed out;
  out.error = spread(in_order(run.pair.source, expected), in_order(run.pair.target, std::move(found)));
  out.allowed = std::max({run.allowed_error(), 8 * spread(expected, again), 8 * spread(expected, moved)});
  return out;
}

// What may be made of samples so that both models still get the same, where they are not fed alike.
std::vector<Derivation> ways_to_derive(const Pair& pair) {
  std::vector<Derivation> out{Derivation::mirrored, Derivation::scattered, Derivation::amplified};
  for (const data::Part part : fed_differently(pair)) {
    if (part != data::Part::values && part != data::Part::channels) return {};  // other places in the picture
    std::erase(out, Derivation::amplified);
  }
  return out;
}

}  // namespace

Result<std::optional<Doubt>> probe(Run& run, runtimes::Session& repaired) {
  // What fewer bits do to inputs of another kind was not measured.
  if (!run.pair.source.session || run.precision.reduced() || !run.unsteady.empty())
    return std::optional<Doubt>();
  const auto samples = run.searched();
  const auto ways = ways_to_derive(run.pair);
  for (size_t i = 0; i < std::min(most_probed, samples.size()); ++i)
    for (const Derivation how : ways) {
      FETAFIX_CHECK(run.go_on());
      FETAFIX_TRY(const Probed probed, probe_one(run, repaired, {samples[i], how}));
      if (probed.error <= probed.allowed) continue;
      Doubt out;
      out.samples = {{samples[i], how}, {samples[(i + 1) % samples.size()], how}};
      out.reason = std::string(how == Derivation::mirrored    ? "on mirrored samples"
                               : how == Derivation::scattered ? "on scattered pixels"
                                                              : "on values three times as large") +
                   " outputs differ by " + results::number_text(probed.error) +
                   " relative: a fault that the samples themselves do not show";
      return std::optional(std::move(out));
    }
  return std::optional<Doubt>();
}

}  // namespace fetafix::pipeline
