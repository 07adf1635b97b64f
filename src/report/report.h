// Reports: pure functions of results. Names come from files that nobody vouches for, so each report makes
// them inert: control characters (terminal commands among them) become '?', markup is escaped, invalid UTF-8
// is replaced.
#pragma once

#include <string>

#include "results/result.h"

namespace fetafix::report {

// A summary for a terminal. No line is longer than `width` characters (at least 40); `color` adds ANSI
// colors.
std::string text(const results::Result& result, int width = 80, bool color = false);

// One self-contained page: no script, nothing loaded from elsewhere, light and dark, readable on a phone and
// on paper. At most 60 samples and 100 faults are shown; the page says what was left out.
std::string html(const results::Result& result);

// JUnit XML: one case for the verdict, one a fault, one a sample that has labels.
std::string junit(const results::Result& result);

}  // namespace fetafix::report
