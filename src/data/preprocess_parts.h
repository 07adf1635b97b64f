// What makes one preprocessing another, part by part, and how preprocessings are often wrong.
#pragma once

#include <span>

#include "data/preprocess.h"

namespace fetafix::data {

enum class Part { values, channels, axes, order, geometry };

// Between two complete specifications (see `resolve`); how the inputs themselves are laid out is no part.
std::vector<Part> differing_parts(const PreprocessSpec& a, const PreprocessSpec& b);
PreprocessSpec with_part(PreprocessSpec spec, Part part, const PreprocessSpec& from);

struct Mistake {
  std::string_view name, description;
};
std::span<const Mistake> preprocess_mistakes();
// What the mistake is called when `wrong` has that part in place of `right`'s; one of those above.
std::string_view mistake_name(Part part, const PreprocessSpec& wrong, const PreprocessSpec& right);
// The part in words: "x / 127.5 - 1 (-1 to 1)", "BGR", "crop=0.875,resize=224x224:bicubic".
std::string part_text(Part part, const PreprocessSpec& spec);

// The preset that means the same, else the specification as short as it can be said.
std::string short_text(const Preprocessing& preprocessing);

// Other ranges of values, orders of channels, axes and numbers, each with each, in pictures of the same
// geometry: those that differ from `base` in the fewest parts come first, `base` itself not at all.
std::vector<PreprocessSpec> value_variations(const PreprocessSpec& base);
// Other crops and resizings for an input of that many pixels a side.
std::vector<PreprocessSpec> geometry_variations(const PreprocessSpec& base, int side);

}  // namespace fetafix::data
