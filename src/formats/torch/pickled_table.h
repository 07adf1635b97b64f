// Weights as PyTorch 2.8 and before store them: an archive of torch.save inside of the program's, with a
// pickle of names and tensors, and the elements of each storage in an entry of its own.
#pragma once

#include "base/zip.h"
#include "formats/torch/file.h"

namespace fetafix::formats::torch {

// Reads the entry `archive`: its entries become entries of the file ("ARCHIVE/archive/data/0"), its tensors
// those of the table. An empty one is an empty table. Error kind `file`: damaged; `unsupported`: something
// else than tensors by their names.
Status read_pickled_table(File& file, Table table, const std::string& archive);

// A tensor for a name, new or instead of what it has.
struct PickledItem {
  std::string key;  // of its storage: the entry that holds it, behind `PickledTable::data`
  DType dtype = DType::unknown;
  Shape sizes;
  bool is_parameter = false;
  bool requires_grad = false;
};

// What changes in a table's archive. Entries have their names in the file.
struct PickledChange {
  std::vector<ZipEntry> replaced, added;
  std::map<std::string, PickledItem> items;
};

// The archive anew: its other entries keep their bytes, and the pickle goes on where it ended.
Result<Bytes> changed_table(const File& file, const PickledTable& table, const PickledChange& change);

}  // namespace fetafix::formats::torch
