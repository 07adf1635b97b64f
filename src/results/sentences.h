// A result in words: what a person reads first.
#pragma once

#include <string>

#include "results/result.h"

namespace fetafix::results {

// The verdict in one sentence, with its numbers: "Different: 212 of 250 labels changed, and 1 fault explains
// it."
std::string verdict_sentence(const Result& result);

// What the user should do now, in one or two sentences.
std::string what_now(const Result& result);

// "1 label", "3 labels".
std::string count(int64_t number, const std::string& singular, const std::string& plural = "");

// A number as a person wants it: three significant digits, or a whole number up to ten million; "0", "0.334",
// "1.2e-06", "infinite", "not a number".
std::string number_text(double number);

}  // namespace fetafix::results
