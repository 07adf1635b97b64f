// What the files that implement edits share.
#pragma once

#include "formats/keras/editor.h"

namespace fetafix::formats::keras {

// A number with no more digits than tell it from its neighbors in float32.
Json shortest(float value);

// The setting "padding" of a ZeroPadding layer, [[top, bottom], [left, right]], of the pads of all axes.
// Error: it can't say them.
Result<Json> padding_of(const std::vector<int64_t>& pads, bool channels_last);

// "padding" of a window as Keras says it, or a ZeroPadding layer in front of it.
Status set_pads(Editor& editor, const Place& place, const graph::Node& node,
                const std::vector<int64_t>& pads);

}  // namespace fetafix::formats::keras
