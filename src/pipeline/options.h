// What the user asked for, checked before any work.
#pragma once

#include <map>

#include "base/result.h"
#include "fetafix/fetafix.h"
#include "results/result.h"

namespace fetafix::pipeline {

// Error kind usage: options that make no sense together, or an output that is one of the inputs.
Status check_options(Command command, const Options& options);

// Error kind usage: a word that is no verdict; lists those that are.
Result<std::vector<results::Verdict>> parse_verdicts(const std::vector<std::string>& words);

// --runtime-option by name. Error kind usage: no NAME=VALUE, or not one that a runtime has.
Result<std::map<std::string, std::string>> parse_runtime_options(const std::vector<std::string>& words);

}  // namespace fetafix::pipeline
