#include "tests/conformance/natives.h"

namespace fetafix::conformance {

runtimes::LoadOptions own_options() {
  runtimes::LoadOptions options;
  options.locations = runtimes::own_locations();
  return options;
}

Result<std::unique_ptr<runtimes::Session>> load_natively(const std::string& format,
                                                         const std::filesystem::path& file,
                                                         const Native& how) {
  static const auto idle = runtimes::idle_workers();
  FETAFIX_TRY(const runtimes::Runtime* runtime,
              how.runtime.empty() ? runtimes::runtime_for(format) : runtimes::find_runtime(how.runtime));
  auto options = own_options();
  options.optimize = how.optimize;
  options.idle = idle;
  return runtime->load(file, options);
}

Result<std::vector<Tensor>> run_natively(const std::string& format, const std::filesystem::path& file,
                                         const std::vector<Tensor>& inputs, const Native& how) {
  FETAFIX_TRY(const auto session, load_natively(format, file, how));
  return session->run(inputs);
}

}  // namespace fetafix::conformance
