// An archive taken apart: the program as JSON, the stored tensors where they lie in the file. That of
// torch.export.save (.pt2), or of torch.jit.save (script.h).
//
// Names of entries and keys: torch/export/pt2_archive/constants.py and torch/_export/serde/schema.py of
// PyTorch 2.15. Three kinds of archives are one `File`: those of PyTorch 2.9 and newer, where a JSON table
// says where each tensor lies; those of 2.8, where a pickle does (pickled_table.h); and those of 2.5 to 2.7,
// which have no folder and other names besides.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/zip.h"
#include "tensor/tensor.h"

namespace fetafix::formats::torch {

// How the file describes a tensor; a size that depends on the run is -1.
struct TensorMeta {
  DType dtype = DType::unknown;
  Shape sizes;
  std::vector<int64_t> strides;
  int64_t offset = 0;  // elements
  bool ranked = true;  // false: TorchScript, where not even the number of sizes is known
};
// Error kind `file`: keys missing or of the wrong kind.
Result<TensorMeta> read_meta(const Json& meta);
// Of a tensor in row-major order.
TensorMeta plain_meta(DType dtype, const Shape& sizes);
Json written_meta(const TensorMeta& meta, bool requires_grad);

DType dtype_from_code(int64_t code);
int64_t dtype_code(DType dtype);

// One tensor of a table of the archive ("data/weights", "data/constants").
struct Stored {
  std::string entry;  // of the archive; several tensors may share one
  TensorMeta meta;
  bool pickled = false;  // an entry of torch.save: what it holds is not read here
};

// The two tables: parameters and buffers, and constants; by the name that the program knows them by.
enum class Table { weights, constants };

// A table that is an archive of torch.save.
struct PickledTable {
  std::string archive;  // the entry: "serialized_state_dict.pt"
  std::string folder;   // of its own entries: "serialized_state_dict.pt/archive/"; empty: it has none
  std::string data() const { return folder + "data/"; }
};
struct Script;  // script.h

struct File {
  std::shared_ptr<const Bytes> bytes;
  std::vector<ZipView> entries;
  std::string prefix;         // of all entries: "model/"
  std::string program_entry;  // "model/models/model.json"
  std::shared_ptr<const Json> document;
  bool without_folder = false;                 // of PyTorch 2.5 to 2.7; `prefix` is empty
  std::map<Table, std::string> table_entries;  // of JSON; those of the others are in `pickled`
  std::map<Table, std::shared_ptr<const Json>> tables;
  std::map<Table, PickledTable> pickled;
  std::map<Table, std::map<std::string, Stored>> stored;
  std::shared_ptr<const Script> script;  // of a TorchScript archive; then `document` is made of its code

  // Where PyTorch leaves entries alone.
  std::string extra_folder() const { return prefix + (without_folder ? "extra_files/" : "extra/"); }
  const ZipView* entry(const std::string& name) const;
  // Shares the file's memory where it lies there in order. Error kind `unsupported`: pickled, of a type that
  // is not known, not in the archive or outside of its entry; `file`: no honest shape.
  Result<Tensor> read(const Stored& tensor) const;
};

// Of an archive's entry "byteorder".
Status check_byte_order(BytesView content, const std::string& what);

// Error kind `file`: damaged, hostile or no exported program; `unsupported`: one of another kind or version.
Result<File> parse_file(Bytes bytes);

// The folder of a table and of its tensors, from the archive's prefix on.
std::string table_folder(Table table);

}  // namespace fetafix::formats::torch
