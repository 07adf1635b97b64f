// A copy of a model that also answers with inner tensors.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

struct Exposed {
  Bytes bytes;
  std::vector<ExposedValue> values;  // in the order of the copy's outputs
};

Result<Exposed> expose(const File& file, const Tree& tree, const Lift& lift, std::span<const ValueId> values);

}  // namespace fetafix::formats::keras
