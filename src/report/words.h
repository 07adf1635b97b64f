// Private to report/: text made safe, measured and wrapped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "results/result.h"

namespace fetafix::report {

// Valid UTF-8 without control characters: each line break or tab becomes a space, another control character
// or an invalid byte '?'. Characters that turn the direction of writing are control characters here.
std::string clean(std::string_view text);

// `clean`, then & < > " ' as entities: for element content and quoted attributes.
std::string escaped(std::string_view text);

// Characters (code points) of valid UTF-8; a wide one counts as one.
size_t length(std::string_view text);

// Cut in the middle to at most `most` characters, with "..." there.
std::string shortened(const std::string& text, size_t most);

// Lines of at most `width` characters, broken at spaces, within a word only when it is longer than a line.
// Words are cleaned. At least one line.
std::vector<std::string> wrapped(std::string_view text, size_t width);

// "op 3 conv (in the source: stem)": where a fault is.
std::string place(const results::Fault& fault);
// "hyperparameters, conv-pads".
std::string kind(const results::Fault& fault);
// "error / tolerance: 812 (on 5 of 5 samples)".
std::string evidence_text(const results::Evidence& evidence);

// The first label of the source against the target as it is in the end: the repaired one where there is one.
bool label_changed_before(const results::Sample& sample);
bool label_changed(const results::Sample& sample);

}  // namespace fetafix::report
