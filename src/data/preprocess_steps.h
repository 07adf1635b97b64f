// Private to data/: the sizes that the steps of a preprocessing make.
#pragma once

#include "data/preprocess.h"

namespace fetafix::data {

struct Size {
  int width = 0;
  int height = 0;
  bool operator==(const Size&) const = default;
};

bool is_crop(const GeometryStep& step);

// `input` is the size for resize=input. Sizes are at least 1; a crop may come out larger than `from`.
Size size_after(const GeometryStep& step, Size from, Size input);

// What the steps have to end with for the input; axes that change places do so behind them.
Size size_before_axes(const Preprocessing& preprocessing);

}  // namespace fetafix::data
