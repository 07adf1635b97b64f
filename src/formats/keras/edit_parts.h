// What the files that implement edits share.
#pragma once

#include "formats/keras/editor.h"

namespace fetafix::formats::keras {

// A number with no more digits than tell it from its neighbors in float32.
Json shortest(float value);

// "padding" of a window as Keras says it, or a ZeroPadding layer in front of it.
Status set_pads(Editor& editor, const Place& place, const graph::Node& node,
                const std::vector<int64_t>& pads);

}  // namespace fetafix::formats::keras
