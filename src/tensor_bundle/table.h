// The sorted table that an index file is: LevelDB's table format, as TensorFlow uses it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace fetafix::tensor_bundle {

struct Record {
  std::string key, value;  // any bytes
  bool operator==(const Record&) const = default;
};

// Ignored only in fuzzing: a changed byte would get no further than its checksum.
enum class Checksums { verified, ignored };

// All records, their keys strictly ascending. What it allocates follows from the size of the file. Errors:
// `file`; `unsupported` for compressed blocks, which TensorFlow does not write.
Result<std::vector<Record>> read_table(BytesView file, Checksums checksums = Checksums::verified);

// Byte for byte what TensorFlow's own writer makes of these records, whose keys must be strictly ascending.
Result<Bytes> write_table(std::span<const Record> records);

}  // namespace fetafix::tensor_bundle
