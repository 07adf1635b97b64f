#include "base/packed_folder.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fetafix {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "fetafix folder 1\n";

void append(Bytes& out, BytesView bytes) {
  uint64_t size = bytes.size();
  const auto* raw = reinterpret_cast<const std::byte*>(&size);
  out.insert(out.end(), raw, raw + sizeof size);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Takes one run of bytes off the front; false: there is none.
bool take(BytesView& rest, BytesView& run) {
  uint64_t size = 0;
  if (rest.size() < sizeof size) return false;
  std::memcpy(&size, rest.data(), sizeof size);
  rest = rest.subspan(sizeof size);
  if (size > rest.size()) return false;
  run = rest.first(size);
  rest = rest.subspan(size);
  return true;
}

bool leads_out(const fs::path& name) {
  return name.empty() || name.is_absolute() ||
         std::any_of(name.begin(), name.end(), [](const fs::path& part) { return part == ".."; });
}

}  // namespace

Result<std::vector<std::string>> files_below(const fs::path& folder) {
  std::error_code failure;
  std::vector<std::string> names;
  for (auto it = fs::recursive_directory_iterator(folder, failure); !failure && it != fs::end(it);
       it.increment(failure))
    if (it->is_regular_file(failure) && !failure)
      names.push_back(it->path().lexically_relative(folder).generic_string());
  if (failure) return Error{ErrorKind::file, folder.string() + ": can't be read: " + failure.message()};
  std::sort(names.begin(), names.end());
  return names;
}

Result<Bytes> read_packed(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_directory(path, failure)) return read_file(path);
  FETAFIX_TRY(const std::vector<std::string> names, files_below(path));
  const BytesView head{reinterpret_cast<const std::byte*>(magic.data()), magic.size()};
  Bytes out(head.begin(), head.end());
  for (const std::string& name : names) {
    FETAFIX_TRY(const Bytes content, read_file(path / name));
    append(out, as_bytes(name));
    append(out, content);
  }
  return out;
}

bool is_packed_folder(BytesView bytes) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Status unpack_folder(BytesView bytes, const fs::path& to) {
  const Error damaged{ErrorKind::file, "the folder's bytes are damaged"};
  if (!is_packed_folder(bytes)) return damaged;
  BytesView rest = bytes.subspan(magic.size()), name, content;
  while (!rest.empty()) {
    if (!take(rest, name) || !take(rest, content)) return damaged;
    const fs::path relative(std::string(reinterpret_cast<const char*>(name.data()), name.size()));
    if (leads_out(relative)) return damaged;
    std::error_code failure;
    fs::create_directories((to / relative).parent_path(), failure);
    FETAFIX_CHECK(write_file(to / relative, content));
  }
  return {};
}

}  // namespace fetafix
