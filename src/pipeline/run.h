// check, localize and repair: the only code that knows the order of the stages.
#pragma once

#include "base/result.h"
#include "fetafix/fetafix.h"
#include "results/result.h"

namespace fetafix::pipeline {

Result<results::Result> run_stages(Command command, const Options& options);

}  // namespace fetafix::pipeline
