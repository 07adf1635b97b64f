// The order in which Keras has a model's layers once it is loaded: it counts groups, and lists weights, in
// that order.
#pragma once

#include <vector>

#include "base/json.h"

namespace fetafix::formats::keras {

// Places in the list "layers" of a functional model's configuration. Layers that no output depends on are
// left out, as Keras forgets them.
std::vector<size_t> layer_order(const Json& config, int generation);

}  // namespace fetafix::formats::keras
