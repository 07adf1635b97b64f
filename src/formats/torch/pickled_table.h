// Weights as PyTorch 2.8 and before store them: an archive of torch.save inside of the program's, with a
// pickle of names and tensors, and the elements of each storage in an entry of its own.
#pragma once

#include "base/zip.h"
#include "formats/torch/file.h"
#include "formats/torch/pickle_write.h"

namespace fetafix::formats::torch {

// Reads the entry `archive`: its entries become entries of the file ("ARCHIVE/archive/data/0"), its tensors
// those of the table; what is no tensor is left out. An empty one is an empty table. Error kind `file`:
// damaged, or no dict of names; `unsupported`: code, or of a machine that is not little-endian.
Status read_pickled_table(File& file, Table table, const std::string& archive);

// What changes in a table's archive. Entries have their names in the file.
struct PickledChange {
  std::vector<ZipEntry> replaced, added;
  std::map<std::string, PickledItem> items;  // by their names, new or instead of what these have
};

// The archive anew: its other entries keep their bytes, and the pickle goes on where it ended.
Result<Bytes> changed_table(const File& file, const PickledTable& table, PickledChange change);

}  // namespace fetafix::formats::torch
