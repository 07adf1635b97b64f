// Shared memory that carries the tensors of one direction. It only grows (sealed against shrinking, so
// that the other end can't make a read fault), and what a message held is overwritten by the next one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "channel/descriptor.h"
#include "channel/protocol.h"

namespace fetafix::channel {

class Arena {
 public:
  // A new one, close-on-exec. Error kind internal: no memory for it.
  static Result<Arena> create();
  // The other end of one, through an inherited descriptor.
  static Result<Arena> adopt(Descriptor descriptor);

  int descriptor() const { return descriptor_.get(); }

  // Replaces the content; gives the "tensors" member of the message. One copy of each tensor.
  Result<Json> write(std::span<const NamedTensor> tensors);

  enum class Mode {
    copy,  // the tensors are their own
    view,  // they point into the arena: good until the other end writes again
  };
  // Everything that `entries` says is checked against the memory that is really there.
  Result<std::vector<NamedTensor>> read(const Json& entries, Mode mode);

 private:
  struct Mapping;  // unmapped when the last view of it dies

  explicit Arena(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Status reserve(size_t bytes);
  Status map(size_t bytes);
  void give_back(size_t keep);
  Result<NamedTensor> read_one(const Json& entry, size_t file_size, Mode mode);

  Descriptor descriptor_;
  std::shared_ptr<Mapping> mapping_;
  size_t touched_ = 0;  // bytes that have had memory since the last give_back
};

}  // namespace fetafix::channel
