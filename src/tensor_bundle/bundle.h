// TensorFlow's checkpoint files ("TensorBundle"): PREFIX.index says what there is, PREFIX.data-00000-of-0000N
// hold it. In a SavedModel the prefix is FOLDER/variables/variables.
#pragma once

#include <filesystem>
#include <string_view>

#include "tensor_bundle/index.h"

namespace fetafix::tensor_bundle {

class Bundle {
 public:
  // Reads the index. Shards are opened when something of theirs is read: one that is missing is no error
  // here. Errors: as of read_index().
  static Result<Bundle> open(const std::filesystem::path& prefix);

  const std::filesystem::path& prefix() const { return prefix_; }
  const Index& index() const { return index_; }
  const std::vector<Entry>& entries() const { return index_.entries; }  // keys ascend, as bytes
  const Entry* find(std::string_view key) const;                        // null: not there

  // A tensor, its checksum verified. Errors: `file` (a shard that is missing or too short, other bytes than
  // were written), `unsupported` (a partitioned variable, strings, a type that we don't hold).
  Result<Tensor> read(const Entry& entry) const;
  // The bytes of any entry as they are in its shard; those that are not is_plain() without looking at the
  // checksum, which is of another form of them.
  Result<Bytes> raw(const Entry& entry) const;

 private:
  Bundle(std::filesystem::path prefix, Index index) : prefix_(std::move(prefix)), index_(std::move(index)) {}

  std::filesystem::path prefix_;
  Index index_;
};

}  // namespace fetafix::tensor_bundle
