#include "tensor_bundle/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <bit>

namespace fetafix::tensor_bundle {
namespace {

constexpr uint32_t mask_delta = 0xa282ead8u;
constexpr size_t most_at_once = size_t{1} << 30;  // ISA-L counts in int

}  // namespace

uint32_t crc32c(BytesView bytes, uint32_t crc) {
  crc = ~crc;  // ISA-L leaves the two inversions to its caller
  while (!bytes.empty()) {
    const BytesView piece = bytes.first(std::min(bytes.size(), most_at_once));
    // It only reads; its interface has no const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(piece.data()));
    crc = ::crc32_iscsi(data, static_cast<int>(piece.size()), crc);
    bytes = bytes.subspan(piece.size());
  }
  return ~crc;
}

uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + mask_delta;
}

uint32_t unmasked(uint32_t stored) {
  return std::rotl(stored - mask_delta, 15);
}

}  // namespace fetafix::tensor_bundle
