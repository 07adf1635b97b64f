#include "tests/conformance/natives.h"

#include <map>

namespace fetafix::conformance {

runtimes::LoadOptions own_options() {
  runtimes::LoadOptions options;
  options.locations = runtimes::own_locations();
  return options;
}

Result<runtimes::Session*> load_natively(const std::string& format, const std::filesystem::path& file,
                                         const Native& how) {
  static std::map<std::pair<std::string, bool>, std::unique_ptr<runtimes::Session>> sessions;
  FETAFIX_TRY(const runtimes::Runtime* runtime,
              how.runtime.empty() ? runtimes::runtime_for(format) : runtimes::find_runtime(how.runtime));
  auto& session = sessions[{std::string(runtime->name()), how.optimize}];
  if (session) {
    FETAFIX_CHECK(session->reload(file));
  } else {
    auto options = own_options();
    options.optimize = how.optimize;
    FETAFIX_TRY(session, runtime->load(file, options));
  }
  return session.get();
}

Result<std::vector<Tensor>> run_natively(const std::string& format, const std::filesystem::path& file,
                                         const std::vector<Tensor>& inputs, const Native& how) {
  FETAFIX_TRY(runtimes::Session * session, load_natively(format, file, how));
  return session->run(inputs);
}

}  // namespace fetafix::conformance
