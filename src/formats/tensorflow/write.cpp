// Writing a SavedModel: a folder under a temporary name beside the wanted one, renamed when it is whole.
#include <unistd.h>

#include "base/packed_folder.h"
#include "formats/tensorflow/model.h"
#include "tensor_bundle/write_patched.h"

namespace fetafix::formats::tensorflow {
namespace {

namespace fs = std::filesystem;

Error failed(const fs::path& path, const std::string& why) {
  return {ErrorKind::file, path.string() + ": " + why};
}

bool is_variables(const fs::path& relative) {
  return relative.parent_path() == "variables" && relative.filename().string().starts_with("variables.");
}

// Everything but the graph and, where they change, the variables.
Status copy_rest(const File& file, const fs::path& to) {
  FETAFIX_TRY(const std::vector<std::string> names, files_below(file.folder));
  std::error_code failure;
  for (const fs::path relative : names) {
    if (relative == graph_file || (!file.replaced.empty() && is_variables(relative))) continue;
    fs::create_directories((to / relative).parent_path(), failure);
    if (!failure) fs::copy_file(file.folder / relative, to / relative, failure);
    if (failure) return failed(to, "can't be written: " + failure.message());
  }
  return {};
}

Status fill(const File& file, const fs::path& to) {
  FETAFIX_TRY(const std::string graph, graph_bytes(file));
  FETAFIX_CHECK(write_file(to / graph_file, graph));
  FETAFIX_CHECK(copy_rest(file, to));
  if (file.replaced.empty()) return {};
  std::error_code failure;
  fs::create_directories(to / "variables", failure);
  return tensor_bundle::write_patched(*file.bundle, file.replaced, variables_prefix(to));
}

Status write_folder(const File& file, const fs::path& path) {
  std::error_code failure;
  fs::path absolute = fs::absolute(path, failure).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "folder/"
  if (lies_in(absolute, file.folder)) return failed(path, "lies in the model itself, which is never written");
  if (fs::exists(absolute, failure) && !fs::is_empty(absolute, failure) &&
      !fs::exists(absolute / graph_file, failure))
    return failed(path, "is there already, and is no SavedModel that could be replaced");
  const fs::path temporary =
      absolute.parent_path() / ("." + absolute.filename().string() + "." + std::to_string(getpid()));
  fs::remove_all(temporary, failure);
  if (!fs::create_directories(temporary, failure))
    return failed(path, "can't be written: " + failure.message());
  Status status = fill(file, temporary);
  if (status.ok()) {
    fs::remove_all(absolute, failure);
    fs::rename(temporary, absolute, failure);
    if (failure) status = failed(path, "can't be written: " + failure.message());
  }
  if (!status.ok()) fs::remove_all(temporary, failure);
  return status;
}

}  // namespace

Result<std::string> graph_bytes(const File& file) {
  if (!file.edited) return std::string(reinterpret_cast<const char*>(file.bytes->data()), file.bytes->size());
  std::string out;
  const bool done = file.saved ? file.saved->SerializeToString(&out) : file.frozen->SerializeToString(&out);
  if (!done) return Error{ErrorKind::unsupported, "the graph would be larger than 2 GiB"};
  return out;
}

Status write_model(const File& file, const fs::path& path) {
  if (file.saved) return write_folder(file, path);
  FETAFIX_TRY(const std::string graph, graph_bytes(file));
  return write_file(path, graph);
}

std::string fingerprint_of(const File& file) {
  if (!file.saved) {
    const auto graph = graph_bytes(file);
    return sha256(graph.ok() ? as_bytes(*graph) : BytesView());
  }
  fs::path folder = file.folder;
  std::optional<TemporaryFolder> written;
  if (file.edited || !file.replaced.empty()) {
    auto temporary = TemporaryFolder::make();
    if (!temporary.ok() || !fill(file, temporary->path()).ok()) return sha256(BytesView());
    written.emplace(std::move(temporary).value());
    folder = written->path();
  }
  const auto names = files_below(folder);
  if (!names.ok()) return sha256(BytesView());
  std::string all;
  for (const std::string& name : *names) {
    const auto bytes = read_file(folder / name);
    all += name + "\n" + (bytes.ok() ? sha256(*bytes) : "") + "\n";
  }
  return sha256(as_bytes(all));
}

}  // namespace fetafix::formats::tensorflow
