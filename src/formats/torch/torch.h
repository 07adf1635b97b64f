// PyTorch: exported programs (.pt2).
#pragma once

#include "formats/format.h"

namespace fetafix::formats::torch {

const Format& torch_format();

}  // namespace fetafix::formats::torch
