// Private to data/: resizing without antialiasing.
#pragma once

#include "data/resize.h"

namespace fetafix::data {

bool is_plain(Filter filter);
Image resize_plain(const Image& image, int width, int height, Filter filter);

}  // namespace fetafix::data
