// Resizing and cropping as Pillow does it: support grows with the reduction (no aliasing), two passes,
// horizontal first, 8 bits between them. Equal bit for bit to Pillow up to 12, that is why it is written out
// here; Pillow 13 takes the cheaper pass first, which changes sharp edges by up to 20 gray levels.
#pragma once

#include <optional>
#include <string_view>

#include "data/image.h"

namespace fetafix::data {

enum class Filter { nearest, box, bilinear, bicubic, lanczos };

std::string_view filter_name(Filter filter);
std::optional<Filter> filter_from_name(std::string_view name);

// `width` and `height` are at least 1 (asserted). Bicubic is the one with a = -0.5, lanczos has 3 lobes.
Image resize(const Image& image, int width, int height, Filter filter);

// The rectangle must lie inside (asserted).
Image crop(const Image& image, int left, int top, int width, int height);

}  // namespace fetafix::data
