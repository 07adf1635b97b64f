#include "base/zip.h"

#include <zip.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "base/zip_places.h"

namespace fetafix {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct Close {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
struct Free {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Free>;

Error zip_error(const std::string& what, zip_error_t& error) {
  Error out{ErrorKind::file, what + ": not a readable zip archive: " + zip_error_strerror(&error)};
  zip_error_fini(&error);
  return out;
}

// Reads in pieces, so that a false size in the directory costs nothing.
Result<Bytes> read_entry(zip_t* archive, zip_uint64_t index, const std::string& what, size_t limit) {
  std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(archive, index, 0));
  if (!file) return Error{ErrorKind::file, what + ": " + zip_strerror(archive)};
  constexpr size_t piece = size_t{1} << 16;
  Bytes bytes;
  for (;;) {
    const size_t done = bytes.size();
    if (done > limit) return Error{ErrorKind::file, what + ": unpacks to more than is taken; split it"};
    bytes.resize(done + piece);
    const zip_int64_t n = zip_fread(file.get(), bytes.data() + done, piece);
    if (n < 0) return Error{ErrorKind::file, what + ": damaged: " + zip_file_strerror(file.get())};
    bytes.resize(done + static_cast<size_t>(n));
    if (n > 0) continue;
    bytes.shrink_to_fit();  // an archive may hold any number of tiny entries
    return bytes;
  }
}

Result<Archive> open_memory(BytesView bytes, const std::string& what) {
  if (bytes.empty()) return Error{ErrorKind::file, what + ": empty"};  // libzip takes that for an archive
  zip_error_t error;
  zip_error_init(&error);
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error));
  if (!source) return zip_error(what, error);
  Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY, &error));
  if (!archive) return zip_error(what, error);
  (void)source.release();  // the archive owns it now
  return archive;
}

Status add_entry(zip_t* archive, const ZipEntry& entry, bool compressed) {
  zip_source_t* source = zip_source_buffer(archive, entry.bytes.data(), entry.bytes.size(), 0);
  const zip_int64_t index =
      source ? zip_file_add(archive, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8) : zip_int64_t{-1};
  if (index < 0) {
    zip_source_free(source);
    return Error{ErrorKind::file, "zip: can't add '" + entry.name + "': " + zip_strerror(archive)};
  }
  const auto added = static_cast<zip_uint64_t>(index);
  // 1980-01-01, the oldest time that the format knows: no clock in the bytes.
  zip_file_set_dostime(archive, added, 0, (1 << 5) | 1, 0);
  zip_set_file_compression(archive, added, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  return {};
}

Result<Bytes> read_back(zip_source_t* source) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_stat(source, &stat) != 0 || zip_source_open(source) != 0)
    return Error{ErrorKind::internal, "zip: can't read the archive back"};
  Bytes bytes(static_cast<size_t>(stat.size));
  const zip_int64_t n = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (n != static_cast<zip_int64_t>(bytes.size()))
    return Error{ErrorKind::internal, "zip: can't read the archive back"};
  return bytes;
}

// A source in memory that outlives the archive made in it. It owns a copy of `start`: libzip 1.7 frees the
// part that it keeps as it is, even where that is someone else's.
Result<Source> memory(BytesView start) {
  zip_error_t error;
  zip_error_init(&error);
  void* copy = start.empty() ? nullptr : std::malloc(start.size());
  if (copy) std::memcpy(copy, start.data(), start.size());
  if (!copy && !start.empty()) return Error{ErrorKind::internal, "zip: out of memory"};
  Source source(zip_source_buffer_create(copy, start.size(), 1, &error));
  if (!source) {
    std::free(copy);
    return zip_error("zip", error);
  }
  zip_source_keep(source.get());  // closing the archive drops one reference; the bytes are read after that
  return source;
}

Result<Archive> open_for_writing(zip_source_t* source, int flags) {
  zip_error_t error;
  zip_error_init(&error);
  Archive archive(zip_open_from_source(source, flags, &error));
  if (archive) return archive;
  zip_source_free(source);
  return zip_error("zip", error);
}

Result<Bytes> close(Archive archive, zip_source_t* source) {
  if (zip_close(archive.get()) != 0)
    return Error{ErrorKind::file, std::string("zip: can't write: ") + zip_strerror(archive.get())};
  (void)archive.release();
  return read_back(source);
}

// The number of the entry of each name; nullopt: it is there twice.
using Numbers = std::map<std::string, std::optional<zip_uint64_t>>;
Numbers numbers_of(zip_t* archive) {
  Numbers out;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive, 0));
  for (zip_uint64_t i = 0; i < count; ++i)
    if (const char* name = zip_get_name(archive, i, 0))
      if (const auto [found, is_new] = out.emplace(name, i); !is_new) found->second = std::nullopt;
  return out;
}

Status replace_entry(zip_t* archive, const Numbers& numbers, const ZipEntry& entry, const std::string& what) {
  const auto found = numbers.find(entry.name);
  if (found == numbers.end()) return Error{ErrorKind::file, what + ": no entry '" + entry.name + "'"};
  if (!found->second) return Error{ErrorKind::file, what + ": '" + entry.name + "' is there twice"};
  zip_stat_t stat;
  zip_stat_init(&stat);
  const zip_uint64_t place = *found->second;
  const bool known = zip_stat_index(archive, place, 0, &stat) == 0;
  zip_source_t* source = zip_source_buffer(archive, entry.bytes.data(), entry.bytes.size(), 0);
  if (!source || zip_file_replace(archive, place, source, 0) != 0) {
    zip_source_free(source);
    return Error{ErrorKind::file, what + ": can't replace '" + entry.name + "': " + zip_strerror(archive)};
  }
  if (known && (stat.valid & ZIP_STAT_COMP_METHOD))
    zip_set_file_compression(archive, place, stat.comp_method, 0);
  if (known && (stat.valid & ZIP_STAT_MTIME)) zip_file_set_mtime(archive, place, stat.mtime, 0);
  return {};
}

// Whether an entry, read to its end and checked by libzip, is these bytes.
bool reads_as(zip_t* archive, zip_uint64_t index, BytesView content) {
  std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(archive, index, 0));
  if (!file) return false;
  Bytes piece(size_t{1} << 16);
  for (;;) {
    const zip_int64_t n = zip_fread(file.get(), piece.data(), piece.size());
    if (n <= 0) return n == 0 && content.empty();
    const auto size = static_cast<size_t>(n);
    if (size > content.size() || std::memcmp(piece.data(), content.data(), size) != 0) return false;
    content = content.subspan(size);
  }
}

// Of an entry that is stored as it is; nullopt: it is not, or can't be read.
std::optional<BytesView> content_of(zip_t* archive, BytesView bytes, zip_uint64_t index,
                                    const std::vector<ZipPlace>& places) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr auto needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(archive, index, 0, &stat) != 0 || (stat.valid & needed) != needed ||
      stat.comp_method != ZIP_CM_STORE || index >= places.size())
    return std::nullopt;
  const size_t place = places[index].content;
  if (place > bytes.size() || stat.size > bytes.size() - place) return std::nullopt;
  const BytesView content = bytes.subspan(place, static_cast<size_t>(stat.size));
  if (!reads_as(archive, index, content)) return std::nullopt;
  return content;
}

// What replaces an entry that is stored as it is by as many bytes goes into its place: libzip would write the
// whole archive anew, and what PyTorch laid on certain offsets would lie elsewhere. Gives the archive, and
// leaves in `replacements` what is still to be done. Nullopt: nothing was.
std::optional<Bytes> overwritten(BytesView bytes, std::vector<const ZipEntry*>& replacements) {
  const auto archive = open_memory(bytes, "archive");
  if (!archive.ok()) return std::nullopt;
  const Numbers numbers = numbers_of(archive->get());
  const std::vector<ZipPlace> places = zip_places(bytes);
  std::vector<const ZipEntry*> left;
  std::vector<std::pair<zip_uint64_t, const ZipEntry*>> done;
  for (const ZipEntry* entry : replacements) {
    const auto found = numbers.find(entry->name);
    const auto index = found == numbers.end() ? std::nullopt : found->second;
    const auto now = index ? content_of(archive->get(), bytes, *index, places) : std::nullopt;
    if (now && now->size() == entry->bytes.size() && lies_alone(places, *index))
      done.emplace_back(*index, entry);
    else
      left.push_back(entry);
  }
  if (done.empty()) return std::nullopt;
  Bytes out(bytes.begin(), bytes.end());
  for (const auto& [index, entry] : done) overwrite_entry(out, places[index], entry->bytes);
  const auto again = open_memory(out, "archive");
  for (const auto& [index, entry] : done)
    if (!again.ok() || !reads_as(again->get(), index, entry->bytes)) return std::nullopt;
  replacements = std::move(left);
  return out;
}

bool is_packed(zip_t* archive, zip_uint64_t index) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  return zip_stat_index(archive, index, 0, &stat) == 0 && (stat.valid & ZIP_STAT_COMP_METHOD) &&
         stat.comp_method != ZIP_CM_STORE;
}

}  // namespace

std::vector<std::string> entries_in_head(BytesView head) {
  constexpr size_t local_mark = 0x04034b50, fixed_size = 30;
  std::vector<std::string> names;
  if (number_at(head, 0, 4) != local_mark) return names;
  for (size_t at = 0; at + fixed_size <= head.size(); ++at) {
    if (number_at(head, at, 4) != local_mark) continue;
    const size_t length = std::min(*number_at(head, at + 26, 2), head.size() - at - fixed_size);
    names.emplace_back(reinterpret_cast<const char*>(head.data() + at + fixed_size), length);
  }
  return names;
}

std::optional<BytesView> stored_entry(BytesView bytes, const std::string& name) {
  const auto archive = open_memory(bytes, "archive");
  if (!archive.ok()) return std::nullopt;
  const zip_int64_t index = zip_name_locate(archive->get(), name.c_str(), 0);
  if (index < 0) return std::nullopt;
  return content_of(archive->get(), bytes, static_cast<zip_uint64_t>(index), zip_places(bytes));
}

Result<std::vector<ZipView>> stored_entries(BytesView bytes, const std::string& what,
                                            std::vector<std::string>* packed) {
  FETAFIX_TRY(const Archive archive, open_memory(bytes, what));
  const std::vector<ZipPlace> places = zip_places(bytes);
  std::vector<ZipView> entries;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t index = 0; index < count; ++index) {
    const char* name = zip_get_name(archive.get(), index, 0);
    if (!name) return Error{ErrorKind::file, what + ": entry " + std::to_string(index) + " has no name"};
    if (*name && name[std::strlen(name) - 1] == '/') continue;
    const auto content = content_of(archive.get(), bytes, index, places);
    if (!content && packed && is_packed(archive.get(), index)) {
      packed->emplace_back(name);
      entries.push_back({name, {}});
      continue;
    }
    if (!content)
      return Error{ErrorKind::file, what + ": '" + name + "' is packed or damaged; expected it as it is"};
    entries.push_back({name, *content});
  }
  return entries;
}

Result<Bytes> rezip(BytesView bytes, const std::vector<ZipEntry>& replacements, const std::string& what,
                    const std::vector<ZipEntry>& additions) {
  std::vector<const ZipEntry*> left;
  for (const ZipEntry& entry : replacements) left.push_back(&entry);
  auto begun = overwritten(bytes, left);
  if (begun && left.empty() && additions.empty()) return std::move(*begun);
  FETAFIX_TRY(Source source, memory(begun ? BytesView(*begun) : bytes));
  begun.reset();  // the source has a copy
  FETAFIX_TRY(Archive archive, open_for_writing(source.get(), 0));
  const Numbers numbers = numbers_of(archive.get());
  for (const ZipEntry* entry : left) FETAFIX_CHECK(replace_entry(archive.get(), numbers, *entry, what));
  for (const ZipEntry& entry : additions) FETAFIX_CHECK(add_entry(archive.get(), entry, false));
  return close(std::move(archive), source.get());
}

Result<std::vector<ZipEntry>> unzip(BytesView bytes, const std::string& what, size_t limit,
                                    const std::vector<std::string>& wanted) {
  FETAFIX_TRY(Archive archive, open_memory(bytes, what));
  std::vector<ZipEntry> entries;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* name = zip_get_name(archive.get(), index, 0);
    if (!name) return Error{ErrorKind::file, what + ": entry " + std::to_string(i) + " has no name"};
    if (*name && name[std::strlen(name) - 1] == '/') continue;
    if (!wanted.empty() && std::ranges::find(wanted, name) == wanted.end()) {
      entries.push_back({name, {}});
      continue;
    }
    FETAFIX_TRY(Bytes content, read_entry(archive.get(), index, what + ": '" + name + "'", limit));
    limit -= std::min(limit, content.size());
    entries.push_back({name, std::move(content)});
  }
  return entries;
}

Result<Bytes> zip(const std::vector<ZipEntry>& entries, bool compressed) {
  FETAFIX_TRY(Source source, memory({}));
  FETAFIX_TRY(Archive archive, open_for_writing(source.get(), ZIP_CREATE | ZIP_TRUNCATE));
  for (const ZipEntry& entry : entries) FETAFIX_CHECK(add_entry(archive.get(), entry, compressed));
  return close(std::move(archive), source.get());
}

}  // namespace fetafix
