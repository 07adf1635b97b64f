// Words of the user that are none of those expected: what may have been meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fetafix {

// The fewest characters to insert, delete or replace to make one text of the other.
size_t edit_distance(std::string_view a, std::string_view b);

// At most `most` of `names`, the nearest to `word` first: those that contain it or that less than half of it
// separates from it.
std::vector<std::string> near_names(std::string_view word, const std::vector<std::string>& names,
                                    size_t most = 3);

// "a, b, c", for messages.
std::string joined(const std::vector<std::string>& words);

}  // namespace fetafix
