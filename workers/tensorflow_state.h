// What a graph keeps from one run to the next.
#pragma once

#include <span>

#include "tensorflow_wire/interface.h"

namespace fetafix::tensorflow {

// Whether computing these outputs changes a variable, a table or a generator of random numbers, so that the
// next run would start from there.
bool keeps_state(const tensorflow_wire::Graph& graph, std::span<const tensorflow_wire::Port> outputs);

}  // namespace fetafix::tensorflow
