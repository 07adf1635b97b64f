// What a view may take in memory besides what its file holds: a small hostile file may ask for any amount, by
// constants of any shape, by operators of many results, or by long names that many read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fetafix::formats {

class ViewMemory {
 public:
  // `least`: of a file of any size.
  ViewMemory(uint64_t least, size_t file_bytes) : left_(least + for_each_byte * file_bytes) {}

  // Counts what the view takes; false from when on it is more than it may take.
  bool spend(uint64_t bytes) {
    exhausted_ = exhausted_ || bytes > left_;
    left_ -= std::min(bytes, left_);
    return !exhausted_;
  }
  bool exhausted() const { return exhausted_; }

 private:
  static constexpr uint64_t for_each_byte = 16;
  uint64_t left_;
  bool exhausted_ = false;
};

}  // namespace fetafix::formats
