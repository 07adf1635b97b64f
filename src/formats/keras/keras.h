// Keras models: `.keras` archives (Keras 3, Keras 2.13 and later) and `.h5` files (Keras 2 and 3). What lifts
// to what: docs/keras.md.
#pragma once

#include "formats/format.h"

namespace fetafix::formats::keras {

const Format& keras_format();

// `slots` of a view node: tensors that the layer is called with count from 0, its weights from here.
inline constexpr int weight_slot = 100;
// Constants that stand for a setting of the layer count from here, in the order of the operator's nodes.
inline constexpr int setting_slot = 200;

}  // namespace fetafix::formats::keras
