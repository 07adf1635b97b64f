// The difference of two files as runs: bytes of its own, and copies of what the other file has. A patch
// carries one so that it can be taken back: edits lose what they replace, bytes do not.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"

namespace fetafix::graph {

// What has to be known besides `base` to make `wanted`.
std::vector<std::byte> make_delta(std::span<const std::byte> base, std::span<const std::byte> wanted);
// Error kind `file`: the delta is damaged, or was not made from this base.
Result<std::vector<std::byte>> apply_delta(std::span<const std::byte> base, std::span<const std::byte> delta);

}  // namespace fetafix::graph
