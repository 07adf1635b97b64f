// A folder as one run of bytes: for what works on files of any number, like the way back of a patch.
#pragma once

#include "base/files.h"

namespace fetafix {

// The names of all regular files below a folder, relative to it, in their order.
Result<std::vector<std::string>> files_below(const std::filesystem::path& folder);

// The bytes of a file; of a folder, names and contents of all regular files in it, in the order of their
// names.
Result<Bytes> read_packed(const std::filesystem::path& path);

// Whether bytes are a packed folder.
bool is_packed_folder(BytesView bytes);

// Writes the files of a packed folder below `to`. Error kind `file`: damaged, or a name that leads out of the
// folder.
Status unpack_folder(BytesView bytes, const std::filesystem::path& to);

}  // namespace fetafix
