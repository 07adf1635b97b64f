#include "results/result.h"

#include <array>

namespace fetafix::results {
namespace {

constexpr std::array<std::string_view, 10> verdict_names{"identical", "equivalent",  "quantized", "latent",
                                                         "different", "broken",      "unknown",   "repaired",
                                                         "improved",  "not-repaired"};

constexpr std::array<std::string_view, 5> state_names{"exact", "faulty", "rewrite", "opaque", "unaligned"};

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  return verdict_names[static_cast<size_t>(verdict)];
}

std::optional<Verdict> verdict_from_name(std::string_view name) {
  for (size_t i = 0; i < verdict_names.size(); ++i)
    if (verdict_names[i] == name) return static_cast<Verdict>(i);
  return std::nullopt;
}

std::string_view segment_state_name(SegmentState state) {
  return state_names[static_cast<size_t>(state)];
}

}  // namespace fetafix::results
