// In which order the channels of one value stand in another.
#pragma once

#include <optional>
#include <span>

#include "align/layout.h"

namespace fetafix::align {

// For each place along the axis (of the squeezed dimensions) the nearest channel of `source` that is not
// taken yet, over all samples. Both sides have the same shapes. Channels that are equal on every sample may
// change places: nothing that reads them can tell. Empty: the unchanged order is the nearest, or the axis is
// too long.
ChannelOrder nearest_order(std::span<const Tensor> source, std::span<const Tensor> target, int axis);

}  // namespace fetafix::align
