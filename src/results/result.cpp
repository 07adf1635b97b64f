#include "results/result.h"

#include <algorithm>
#include <array>

namespace fetafix::results {
namespace {

constexpr std::array<std::string_view, 10> names_of_verdicts{
    "identical", "equivalent", "quantized", "latent",   "different",
    "broken",    "unknown",    "repaired",  "improved", "not-repaired"};

constexpr std::array<std::string_view, 5> state_names{"exact", "faulty", "rewrite", "opaque", "unaligned"};

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  return names_of_verdicts[static_cast<size_t>(verdict)];
}

std::span<const std::string_view> verdict_names() {
  return names_of_verdicts;
}

std::optional<Verdict> verdict_from_name(std::string_view name) {
  for (size_t i = 0; i < names_of_verdicts.size(); ++i)
    if (names_of_verdicts[i] == name) return static_cast<Verdict>(i);
  return std::nullopt;
}

bool fails_by_default(Verdict verdict) {
  return verdict != Verdict::identical && verdict != Verdict::equivalent && verdict != Verdict::quantized &&
         verdict != Verdict::repaired;
}

bool fails(const Result& r) {
  if (r.fail_on.empty()) return fails_by_default(r.verdict);
  return std::find(r.fail_on.begin(), r.fail_on.end(), r.verdict) != r.fail_on.end();
}

std::string_view segment_state_name(SegmentState state) {
  return state_names[static_cast<size_t>(state)];
}

}  // namespace fetafix::results
