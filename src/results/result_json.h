// The JSON form of the results, version 1 (docs/command-line.md): keys may be added, none changes its
// meaning. Numbers that JSON does not have (infinity, not a number) become null; absent optionals are null
// too.
#pragma once

#include "base/json_fwd.h"
#include "results/result.h"

namespace fetafix::results {

Json to_json(const Evidence& evidence);
Json to_json(const Fault& fault);
Json to_json(const Differences& differences);
Json to_json(const Coverage& coverage);
Json to_json(const Label& label);
Json to_json(const Sample& sample);
Json to_json(const DepthPoint& point);
Json to_json(const ModelInfo& model);
// "after" and "held_back_after" are left out without a repair.
Json to_json(const Result& result);

}  // namespace fetafix::results
