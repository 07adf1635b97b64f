#include <sstream>

#include "channel/process.h"
#include "runtimes/torch/torch.h"

namespace fetafix::runtimes {
namespace {

constexpr channel::Milliseconds most_time{600000};

// The Python package lies beside the workers; whatever folder the user is in, it is that one which is taken.
// Modules of the user's are looked for where the user is.
constexpr const char* start =
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from fetafix.export import main; sys.exit(main())";

// "1x3x224x224:float32"
std::string text_of(const TensorSpec& spec) {
  std::string out;
  for (int64_t size : spec.shape.value_or(Shape{})) out += (out.empty() ? "" : "x") + std::to_string(size);
  return out + ":" + std::string(dtype_name(spec.dtype));
}

// Exit codes are fetafix's own.
ErrorKind kind_of(const std::string& ending) {
  if (ending.ends_with("code 2")) return ErrorKind::usage;
  if (ending.ends_with("code 3")) return ErrorKind::file;
  if (ending.ends_with("code 4")) return ErrorKind::runtime_missing;
  return ErrorKind::runtime_failed;
}

constexpr std::string_view mark = "fetafix.export: ";  // of lines that the script itself writes

// What the script itself says, without what the user's code prints; else its last line, as of a traceback.
std::string said(const std::string& output) {
  std::istringstream lines(output);
  std::string own, last;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(mark)) own += (own.empty() ? "" : "; ") + line.substr(mark.size());
    if (!line.empty()) last = line;
  }
  return own.empty() ? last : own;
}

}  // namespace

Result<std::string> export_module(const ModuleCode& code, const std::filesystem::path& output,
                                  const Locations& locations) {
  FETAFIX_TRY(const auto package, find_torch(locations.python));
  FETAFIX_TRY(const auto script, channel::find_worker("fetafix_package/fetafix/export.py"));
  std::vector<std::string> arguments{
      "-c",       start,          script.parent_path().parent_path().string(), "--factory", code.factory,
      "--output", output.string()};
  if (!code.weights.empty()) arguments.insert(arguments.end(), {"--weights", code.weights.string()});
  for (const TensorSpec& input : code.inputs)
    arguments.push_back("--input=" + text_of(input));  // a size may be -1
  FETAFIX_TRY(const auto done, channel::run_command(package.interpreter, arguments, most_time));
  if (!done.succeeded) return Error{kind_of(done.ending), said(done.output)};
  return done.output.find(mark) == std::string::npos ? std::string() : said(done.output);
}

}  // namespace fetafix::runtimes
