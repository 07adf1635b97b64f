// What every runtime keeps to: how it runs, what it refuses, its limits, and that it comes back.
#pragma once

#include "tests/conformance/subject.h"

namespace fetafix::conformance {

Result<std::unique_ptr<runtimes::Session>> load(const RuntimeSubject& subject,
                                                const runtimes::LoadOptions& options);
// ... of another file than the subject's model.
Result<std::unique_ptr<runtimes::Session>> load(const RuntimeSubject& subject,
                                                const runtimes::LoadOptions& options,
                                                const std::filesystem::path& model);
// Inputs as the session describes them, seeded.
Result<std::vector<Tensor>> inputs_of(const runtimes::Session& session, unsigned seed = 1);

// Inputs and outputs have names, types and shapes; the same inputs give the same outputs, of those shapes.
Status describes_and_repeats(runtimes::Session& session);
// Too few inputs, one of another type, one of another rank: refused, and the next run is as before.
Status refuses_wrong_inputs(runtimes::Session& session);
// A file that is none, is cut off or is not there; and then a good one, in the worker that `options` keep.
Status refuses_bad_files(const RuntimeSubject& subject, const runtimes::LoadOptions& options);
// Its process is killed: the run that meets it says so, the next one is as before.
Status comes_back(const RuntimeSubject& subject);
Status keeps_the_time_limit(const RuntimeSubject& subject);
Status keeps_the_memory_limit(const RuntimeSubject& subject);
Status is_interrupted(const RuntimeSubject& subject);
Status says_what_is_missing(const RuntimeSubject& subject);
// Of a runtime of the registry: a version; options with another name or value are refused, before anything is
// started.
Status knows_its_options(const RuntimeSubject& subject);
// Each value of each option computes what the default does, or says why not.
Status runs_with_every_option(const RuntimeSubject& subject, double limit);

}  // namespace fetafix::conformance
