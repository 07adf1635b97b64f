// The delta is the wanted size, then runs of: number of own bytes, those bytes, number of copied bytes, their
// offset in the base. All numbers are in groups of 7 bits, low ones first.
//
// Copies are found as rsync finds them: every block of the base is known by a hash that can be rolled along
// the wanted file one byte at a time; a hit is then extended in both directions.
#include "graph/patch_delta.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace fetafix::graph {
namespace {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

constexpr uint64_t factor = 0x9e3779b97f4a7c15;  // odd, so that no byte of a block loses its weight

class Rolling {
 public:
  Rolling(View data, size_t block) : data_(data), block_(block) {
    for (size_t i = 1; i < block; ++i) oldest_ *= factor;
  }
  uint64_t start(size_t at) {
    at_ = at;
    hash_ = 0;
    for (size_t i = 0; i < block_; ++i) hash_ = hash_ * factor + byte(at + i);
    return hash_;
  }
  uint64_t next() {
    hash_ = (hash_ - byte(at_) * oldest_) * factor + byte(at_ + block_);
    ++at_;
    return hash_;
  }

 private:
  uint64_t byte(size_t i) const { return std::to_integer<uint64_t>(data_[i]) + 1; }

  View data_;
  size_t block_;
  size_t at_ = 0;
  uint64_t hash_ = 0;
  uint64_t oldest_ = 1;
};

void put(Bytes& out, uint64_t number) {
  for (; number >= 128; number >>= 7) out.push_back(static_cast<std::byte>(number | 128));
  out.push_back(static_cast<std::byte>(number));
}

// Short blocks find more; but the table of a large file must not outgrow the file.
size_t block_size(size_t base) {
  size_t block = 32;
  while (base / block > (1u << 20)) block *= 2;
  return block;
}

// A few bytes of a hostile delta must not ask for any number of copies of the whole base.
uint64_t most_copied(size_t base) {
  return 8 * static_cast<uint64_t>(base);
}

struct Copy {
  size_t from = 0, to = 0, size = 0;  // in base and wanted
};

// The largest copy around a hit that does not reach back behind `done`.
Copy extended(View base, View wanted, size_t from, size_t to, size_t done) {
  size_t back = 0, size = 0;
  while (back < from && to - back > done && base[from - back - 1] == wanted[to - back - 1]) ++back;
  while (from + size < base.size() && to + size < wanted.size() && base[from + size] == wanted[to + size])
    ++size;
  return {from - back, to - back, size + back};
}

void put_run(Bytes& out, View wanted, size_t done, const Copy& copy) {
  put(out, copy.to - done);
  out.insert(out.end(), wanted.begin() + static_cast<std::ptrdiff_t>(done),
             wanted.begin() + static_cast<std::ptrdiff_t>(copy.to));
  put(out, copy.size);
  put(out, copy.from);
}

class Reader {
 public:
  explicit Reader(View data) : data_(data) {}
  bool at_end() const { return at_ == data_.size(); }
  bool number(uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 63 && at_ < data_.size(); shift += 7) {
      const auto byte = std::to_integer<uint64_t>(data_[at_++]);
      out |= (byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  }
  bool bytes(uint64_t size, View& out) {
    if (size > data_.size() - at_) return false;
    out = data_.subspan(at_, size);
    at_ += size;
    return true;
  }

 private:
  View data_;
  size_t at_ = 0;
};

}  // namespace

Bytes make_delta(View base, View wanted) {
  const size_t block = block_size(base.size());
  std::unordered_map<uint64_t, size_t> known;
  Rolling in_base(base, block);
  for (size_t at = 0; at + block <= base.size(); at += block) known.try_emplace(in_base.start(at), at);

  Bytes out;
  put(out, wanted.size());
  Rolling rolling(wanted, block);
  size_t done = 0, at = 0;
  uint64_t copies = 0;
  uint64_t hash = wanted.size() >= block ? rolling.start(0) : 0;
  while (at + block <= wanted.size()) {
    const auto hit = known.find(hash);
    if (hit != known.end() && std::equal(wanted.begin() + static_cast<std::ptrdiff_t>(at),
                                         wanted.begin() + static_cast<std::ptrdiff_t>(at + block),
                                         base.begin() + static_cast<std::ptrdiff_t>(hit->second))) {
      const Copy copy = extended(base, wanted, hit->second, at, done);
      if ((copies += copy.size) > most_copied(base.size())) break;
      put_run(out, wanted, done, copy);
      done = at = copy.to + copy.size;
      if (at + block <= wanted.size()) hash = rolling.start(at);
    } else {
      if (at + block < wanted.size()) hash = rolling.next();
      ++at;
    }
  }
  if (done < wanted.size()) put_run(out, wanted, done, {0, wanted.size(), 0});
  return out;
}

Result<Bytes> apply_delta(View base, View delta) {
  const Error damaged{ErrorKind::file, "the patch's way back is damaged, or not for this file"};
  Reader reader(delta);
  uint64_t size = 0, copies = 0;
  if (!reader.number(size)) return damaged;
  Bytes out;
  while (!reader.at_end()) {
    uint64_t own = 0, copied = 0, from = 0;
    View bytes;
    if (!reader.number(own) || !reader.bytes(own, bytes) || !reader.number(copied) || !reader.number(from))
      return damaged;
    if (from > base.size() || copied > base.size() - from || out.size() + own + copied > size) return damaged;
    if ((copies += copied) > most_copied(base.size())) return damaged;
    out.insert(out.end(), bytes.begin(), bytes.end());
    const View part = base.subspan(from, copied);
    out.insert(out.end(), part.begin(), part.end());
  }
  if (out.size() != size) return damaged;
  return out;
}

}  // namespace fetafix::graph
