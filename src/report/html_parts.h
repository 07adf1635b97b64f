// Private to report/: the parts of the page. Each returns markup that is complete in itself, or nothing when
// there is nothing to show.
#pragma once

#include <string>

#include "results/result.h"

namespace fetafix::report {

// The style sheet: one column of text, the reader's own fonts, light and dark from the same names of colors.
extern const char* const html_style;

// The error of each target operator along the depth of the model, on a logarithmic scale, as inline SVG.
std::string html_depth(const results::Result& result);
// A bar of the target's operators by what was found, with its legend.
std::string html_coverage(const results::Coverage& coverage);
std::string html_faults(const results::Result& result);
// The samples whose label changed, before or after a repair, with all top-5 lists.
std::string html_samples(const results::Result& result);
// Both models, where the files are, versions, times.
std::string html_models(const results::Result& result);
std::string html_table(const results::Result& result);

// <tag class="name">escaped text</tag>
std::string element(const std::string& tag, const std::string& text, const std::string& name = "");

}  // namespace fetafix::report
