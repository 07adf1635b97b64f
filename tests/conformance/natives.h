// Models in their own runtimes. Workers take one file after another: importing TensorFlow takes seconds.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::conformance {

// What the tests' own environment holds.
runtimes::LoadOptions own_options();

struct Native {
  bool optimize = true;
  std::string runtime = {};  // empty: the format's default
};

Result<std::unique_ptr<runtimes::Session>> load_natively(const std::string& format,
                                                         const std::filesystem::path& file,
                                                         const Native& how = {});
Result<std::vector<Tensor>> run_natively(const std::string& format, const std::filesystem::path& file,
                                         const std::vector<Tensor>& inputs, const Native& how = {});

}  // namespace fetafix::conformance
