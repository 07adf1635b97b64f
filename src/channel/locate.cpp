#include "channel/locate.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "channel/process.h"

namespace fetafix::channel {
namespace fs = std::filesystem;
namespace {

// A cold start of Python on a slow disk; it imports nothing.
constexpr Milliseconds python_timeout{30000};

// find_spec looks without importing; the version comes from the wheel's metadata. A module may come in a
// wheel of another name (tensorflow in tensorflow-cpu): which one, only a search through all of them tells.
// A folder "torch" where fetafix happens to be started is no package.
constexpr const char* look = R"(
import importlib.metadata, importlib.util, sys
module, package = sys.argv[1:]
sys.path = [folder for folder in sys.path if folder]
spec = importlib.util.find_spec(module)
if spec is None or not spec.submodule_search_locations:
    sys.exit(3)
try:
    version = importlib.metadata.version(package)
except importlib.metadata.PackageNotFoundError:
    try:
        version = importlib.metadata.version(importlib.metadata.packages_distributions()[module][0])
    except (AttributeError, KeyError):  # Python 3.9 has no such search
        version = "unknown"
print("\n" + list(spec.submodule_search_locations)[0] + "\n" + version + "\n" + sys.executable)
)";

fs::path& worker_folder() {
  static fs::path folder;
  return folder;
}

std::string module_of(std::string package) {
  for (char& c : package)
    if (c == '-') c = '_';
  return package;
}

std::vector<std::string> last_lines(const std::string& text, size_t count) {
  std::vector<std::string> lines{""};
  for (char c : text) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  if (lines.back().empty()) lines.pop_back();
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return lines;
}

// Error kind runtime_missing when there is no such interpreter or it lacks the package.
Result<PythonPackage> ask(const fs::path& interpreter, const std::string& package) {
  const auto answer = run_command(interpreter, {"-c", look, module_of(package), package}, python_timeout);
  if (!answer.ok()) return Error{ErrorKind::runtime_missing, answer.error().message};
  const std::vector<std::string> lines = last_lines(answer->output, 3);
  if (!answer->succeeded || lines.size() != 3)
    return Error{ErrorKind::runtime_missing, interpreter.string() + " does not have it"};
  return PythonPackage{lines[2], lines[0], lines[1]};
}

Result<PythonPackage> ask_all(const std::string& package, const fs::path& python) {
  std::vector<fs::path> interpreters{python};
  if (python.empty()) interpreters = {"python3", pinned_python()};
  if (interpreters.back() == pinned_python()) interpreters.emplace_back(FETAFIX_TORCH_PYTHON);
  std::string looked;
  for (const fs::path& interpreter : interpreters) {
    auto found = ask(interpreter, package);
    if (found.ok()) return found;
    looked += (looked.empty() ? "" : ", ") + interpreter.string();
  }
  return Error{ErrorKind::runtime_missing, package + " is not installed (looked in " + looked + "); run '" +
                                               interpreters.front().string() + " -m pip install " + package +
                                               "' or name an interpreter that has it"};
}

}  // namespace

void set_worker_folder(fs::path folder) {
  worker_folder() = std::move(folder);
}

Result<fs::path> find_worker(std::string_view file_name) {
  std::vector<fs::path> folders;
  if (!worker_folder().empty()) folders.push_back(worker_folder());
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  if (!failure) {
    folders.push_back(self.parent_path());
    folders.push_back(self.parent_path().parent_path() / "libexec" / "fetafix");
  }
  std::string looked;
  for (const fs::path& folder : folders) {
    if (fs::exists(folder / file_name, failure)) return folder / file_name;
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  return Error{ErrorKind::internal, "worker program '" + std::string(file_name) +
                                        "' is in none of: " + looked + "; install fetafix again"};
}

fs::path pinned_python() {
  return FETAFIX_PYTHON;
}

Result<PythonPackage> find_python_package(const std::string& package, const fs::path& python) {
  // Asking takes a fifth of a second, and every model that is loaded asks. Only finds are remembered: what is
  // missing may be installed meanwhile.
  static std::mutex mutex;
  static std::map<std::pair<std::string, fs::path>, PythonPackage> known;
  const std::lock_guard lock(mutex);
  const std::pair key(package, python);
  if (const auto before = known.find(key); before != known.end()) return before->second;
  FETAFIX_TRY(PythonPackage found, ask_all(package, python));
  return known[key] = std::move(found);
}

Result<fs::path> find_onnxruntime(const fs::path& python) {
  FETAFIX_TRY(const PythonPackage package, find_python_package("onnxruntime", python));
  // libonnxruntime.so.1.32.0: one of them, the version is in the name.
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(package.folder / "capi", failure))
    if (entry.path().filename().string().starts_with("libonnxruntime.so")) return entry.path();
  return Error{ErrorKind::runtime_missing,
               "onnxruntime " + package.version + " in " + package.folder.string() +
                   " holds no libonnxruntime.so; 1.19.2 and newer do: pip install --upgrade onnxruntime"};
}

}  // namespace fetafix::channel
