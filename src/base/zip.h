// Zip archives behind a small face.
#pragma once

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

// The archive with the content of some entries replaced; all else stays as it is, their order too. Error kind
// `file`: an entry that is not there, or there twice.
Result<Bytes> rezip(BytesView archive, const std::vector<ZipEntry>& replacements, const std::string& what);

// An archive of stored (or compressed) entries; the same bytes for the same entries.
Result<Bytes> zip(const std::vector<ZipEntry>& entries, bool compressed = false);

}  // namespace fetafix
