// What the files that implement edits share.
#pragma once

#include "base/python_json.h"
#include "formats/keras/editor.h"

namespace fetafix::formats::keras {

// The setting "padding" of a ZeroPadding layer, [[top, bottom], [left, right]], of the pads of all axes.
// Error: it can't say them.
Result<Json> padding_of(const std::vector<int64_t>& pads, bool channels_last);

// Numbers as JSON writes them: one, or lists within lists.
Result<Json> literal_of(const Tensor& value);

// Whether a layer is a call of a function (of TensorFlow or keras.ops), which has arguments and no settings.
bool is_function(const Place& place);
// Argument `held` (a constant of the view, by what its lens says) becomes `value`, as the view shows it.
Status set_argument(Editor& editor, const Place& place, const graph::Value& held, const Tensor& value);
// SetAttribute and ChangeType of a function.
Status set_function_attribute(Editor& editor, const Place& place, const graph::Node& node,
                              const graph::SetAttribute& edit);
Status change_function(Editor& editor, const Place& place, const graph::Node& node,
                       const graph::ChangeType& edit);

// A ZeroPadding layer in front of one that reads an image, with befores and afters of its spatial axes.
Status put_padding_before(Editor& editor, const Place& place, const std::vector<int64_t>& pads,
                          bool channels_last);

// "padding" of a window as Keras says it, or a ZeroPadding layer in front of it.
Status set_pads(Editor& editor, const Place& place, const graph::Node& node,
                const std::vector<int64_t>& pads);

}  // namespace fetafix::formats::keras
