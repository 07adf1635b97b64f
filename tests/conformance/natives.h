// Models in their own runtimes. One worker for each runtime and setting takes all files in turn: importing
// TensorFlow takes seconds.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::conformance {

// What the tests' own environment holds.
runtimes::LoadOptions own_options();

struct Native {
  bool optimize = true;
  std::string runtime = {};  // empty: the format's default
};

// The session is there until the next file is loaded in the same way.
Result<runtimes::Session*> load_natively(const std::string& format, const std::filesystem::path& file,
                                         const Native& how = {});
Result<std::vector<Tensor>> run_natively(const std::string& format, const std::filesystem::path& file,
                                         const std::vector<Tensor>& inputs, const Native& how = {});

}  // namespace fetafix::conformance
