// A repair is tried where no sample is: a right one is right on mirrored pictures, on larger values and on
// what is no picture any more, too.
#include <algorithm>
#include <cmath>

#include "pipeline/stages.h"
#include "results/sentences.h"

namespace fetafix::pipeline {
namespace {

constexpr size_t most_probed = 2;  // samples

struct Probed {
  double error = 0;    // source against repaired target
  double allowed = 0;  // eight times what right computations of the source differ by on this input
};

// What the view of the source says to it; where that can't be evaluated, what the source says.
Result<Outputs> second_opinion(Run& run, const std::vector<Tensor>& inputs, const Outputs& expected) {
  auto again = run_view(*run.evaluator, run.pair.source, inputs);
  if (!again.ok() && again.error().kind == ErrorKind::interrupted) return std::move(again).error();
  return again.ok() ? std::move(again).value() : expected;
}

// Nullopt: the source itself does not take what was made of the sample.
Result<std::optional<Probed>> probe_one(Run& run, runtimes::Session& repaired, SampleId sample) {
  FETAFIX_TRY(const auto source_inputs, load_sample(run.pair.source, sample));
  FETAFIX_TRY(const auto target_inputs, load_sample(run.pair.target, sample));
  const auto expected = run.pair.source.session->run(source_inputs);
  if (!expected.ok() && expected.error().kind == ErrorKind::runtime_failed) return std::optional<Probed>();
  if (!expected.ok()) return expected.error();
  auto found = repaired.run(target_inputs);
  if (!found.ok() && found.error().kind == ErrorKind::runtime_failed)
    return std::optional<Probed>({INFINITY, run.allowed_error()});
  if (!found.ok()) return std::move(found).error();
  FETAFIX_TRY(const Outputs again, second_opinion(run, source_inputs, *expected));
  FETAFIX_TRY(const Outputs moved,
              run.pair.source.session->run(derived(source_inputs, Derivation::disturbed)));
  Probed out;
  out.error = spread(in_order(run.pair.source, *expected), in_order(run.pair.target, std::move(*found)));
  out.allowed = std::max({run.allowed_error(), 8 * spread(*expected, again), 8 * spread(*expected, moved)});
  return std::optional(out);
}

// Whether the file says that it takes any number of samples at once.
bool takes_any_batch(const runtimes::Session& session) {
  return !session.inputs().empty() && std::ranges::all_of(session.inputs(), [](const auto& input) {
    return input.shape && !input.shape->empty() && (*input.shape)[0] <= 0;
  });
}

// What may be made of samples so that both models still get the same, where they are not fed alike.
std::vector<Derivation> ways_to_derive(const Pair& pair, const runtimes::Session& target) {
  std::vector<Derivation> out{Derivation::mirrored, Derivation::scattered, Derivation::amplified};
  if (takes_any_batch(*pair.source.session) && takes_any_batch(target)) out.push_back(Derivation::doubled);
  for (const data::Part part : fed_differently(pair)) {
    if (part != data::Part::values && part != data::Part::channels) return {};  // other places in the picture
    std::erase(out, Derivation::amplified);
  }
  return out;
}

std::string what_shows(Derivation how, double error) {
  const bool wrong_size = !std::isfinite(error);
  const std::string by = wrong_size ? "the target fails or gives other sizes"
                                    : "outputs differ by " + results::number_text(error) + " relative";
  if (how == Derivation::doubled)
    return "with two samples at once, which both files say they take, " + by + ": the batch is frozen";
  return std::string(how == Derivation::mirrored    ? "on mirrored samples "
                     : how == Derivation::scattered ? "on scattered pixels "
                                                    : "on values three times as large ") +
         by + ": a fault that the samples themselves do not show";
}

}  // namespace

Result<std::optional<Doubt>> probe(Run& run, runtimes::Session& repaired) {
  // What fewer bits do to inputs of another kind was not measured.
  if (!run.pair.source.session || run.precision.reduced() || !run.unsteady.empty())
    return std::optional<Doubt>();
  const auto samples = run.searched();
  const auto ways = ways_to_derive(run.pair, repaired);
  for (size_t i = 0; i < std::min(most_probed, samples.size()); ++i)
    for (const Derivation how : ways) {
      FETAFIX_CHECK(run.go_on());
      FETAFIX_TRY(const auto probed, probe_one(run, repaired, {samples[i], how}));
      if (!probed || probed->error <= probed->allowed) continue;
      Doubt out;
      out.samples = {{samples[i], how}, {samples[(i + 1) % samples.size()], how}};
      out.reason = what_shows(how, probed->error);
      return std::optional(std::move(out));
    }
  return std::optional<Doubt>();
}

}  // namespace fetafix::pipeline
