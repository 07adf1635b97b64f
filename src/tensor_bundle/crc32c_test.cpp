#include "tensor_bundle/crc32c.h"

#include <gtest/gtest.h>

namespace fetafix::tensor_bundle {
namespace {

// One bit after the other, as the polynomial is defined.
uint32_t slow(BytesView bytes) {
  uint32_t crc = ~0u;
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(Crc32c, IsTheOneOfTheStandard) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);  // the check value of its catalogues
  EXPECT_EQ(crc32c(Bytes(32)), 0x8a9136aau);              // RFC 3720, B.4
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, EveryLengthAndPlaceComesOutAsBitByBit) {
  Bytes bytes(700);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i + 7 * i);
  for (size_t size = 0; size < 600; ++size) {
    const BytesView view = BytesView(bytes).subspan(size % 16, size);
    EXPECT_EQ(crc32c(view), slow(view)) << size;
    EXPECT_EQ(crc32c(view.subspan(size / 3), crc32c(view.first(size / 3))), slow(view)) << size;
  }
}

TEST(Crc32c, UnmaskingTakesTheMaskAway) {
  for (uint32_t crc : {0u, 1u, 0xe3069283u, ~0u}) {
    EXPECT_EQ(unmasked(masked(crc)), crc);
    EXPECT_NE(masked(crc), crc);
  }
}

}  // namespace
}  // namespace fetafix::tensor_bundle
