// Zip archives behind a small face.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.h"

namespace fetafix {

struct ZipEntry {
  std::string name;
  Bytes bytes;
};

// All entries of an archive in memory, in the archive's order; folders are left out. Of those that are not
// `wanted` (empty: all are) the name alone. Error kind `file`: not a zip archive, damaged, encrypted, or more
// than `limit` bytes when unpacked (an archive can claim anything).
Result<std::vector<ZipEntry>> unzip(BytesView archive, const std::string& what,
                                    size_t limit = size_t{4} << 30,
                                    const std::vector<std::string>& wanted = {});

// Names of the entries that begin in the head of an archive; none: it is no archive.
std::vector<std::string> entries_in_head(BytesView head);

// Where the content of an entry lies in the archive, if it is stored as it is. Nullopt: it is packed, or
// there is no such entry that can be read. It was read through once: it is what `unzip` would give.
std::optional<BytesView> stored_entry(BytesView archive, const std::string& name);

// An entry where it lies in its archive.
struct ZipView {
  std::string name;
  BytesView bytes;
};

// All entries of an archive that packs none, in its order; folders are left out. Each was read through once.
// Error kind `file`: not a zip archive, damaged, or an entry that is packed. With `packed`, such entries are
// empty and their names go there.
Result<std::vector<ZipView>> stored_entries(BytesView archive, const std::string& what,
                                            std::vector<std::string>* packed = nullptr);

// The archive with the content of some entries replaced, and some added behind; all else stays as it is,
// their order too. Where each replaces as many bytes that are not packed and none is added, no other byte of
// the archive changes. Error kind `file`: an entry to replace that is not there, or there twice.
Result<Bytes> rezip(BytesView archive, const std::vector<ZipEntry>& replacements, const std::string& what,
                    const std::vector<ZipEntry>& additions = {});

// An archive of stored (or compressed) entries; the same bytes for the same entries.
Result<Bytes> zip(const std::vector<ZipEntry>& entries, bool compressed = false);

}  // namespace fetafix
