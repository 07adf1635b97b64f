// What the patterns for normalizations share.
#pragma once

#include <functional>
#include <optional>

#include "faults/pattern.h"

namespace fetafix::faults {

// Of the numbers that frameworks use, the first that is not `now` and explains what the source computes.
std::optional<double> usual_epsilon(double now, const std::function<bool(double epsilon)>& explains);

// The normalization `node` gets the epsilon `wanted` in place of `now`.
Candidate other_epsilon(const Place& place, graph::NodeId node, double now, double wanted);

// The parameters of a normalization are not the source's; the edits are the caller's.
Candidate other_parameters(std::string pattern, std::string explanation);

}  // namespace fetafix::faults
