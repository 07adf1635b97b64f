// Where the parts of an archive's entries lie: libzip knows and doesn't tell.
#pragma once

#include <vector>

#include "base/files.h"

namespace fetafix {

// Offsets in the archive.
struct ZipPlace {
  size_t listed = 0;  // its line of the archive's list of entries
  size_t header = 0;  // in front of its content
  size_t content = 0;
};

// As the archive says of each of its entries, until it stops making sense. Guesses, to be held against what
// libzip reads; archives over 4 GB say it in another way and are not read here.
std::vector<ZipPlace> zip_places(BytesView archive);

// Puts content of the same length in the place of an entry that is stored as it is, with its check sum
// wherever that stands.
void overwrite_entry(Bytes& archive, const ZipPlace& place, BytesView content);

}  // namespace fetafix
