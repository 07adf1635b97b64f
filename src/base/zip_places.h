// Where the parts of an archive's entries lie: libzip knows and doesn't tell.
#pragma once

#include <optional>
#include <vector>

#include "base/files.h"

namespace fetafix {

// Offsets in the archive.
struct ZipPlace {
  size_t listed = 0;  // its line of the archive's list of entries
  size_t header = 0;  // in front of its content
  size_t content = 0;
  size_t end = 0;  // of its content
};

// A number of `size` bytes, the smallest first; nullopt: outside.
std::optional<size_t> number_at(BytesView bytes, size_t at, size_t size);

// As the archive says of each of its entries, until it stops making sense. Guesses, to be held against what
// libzip reads; archives over 4 GB say it in another way and are not read here.
std::vector<ZipPlace> zip_places(BytesView archive);

// Whether no other entry has bytes of this one.
bool lies_alone(const std::vector<ZipPlace>& places, size_t index);

// Puts content of the same length in the place of an entry that is stored as it is, with its check sum
// wherever the one before stands.
void overwrite_entry(Bytes& archive, const ZipPlace& place, BytesView content);

}  // namespace fetafix
