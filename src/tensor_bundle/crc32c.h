// CRC-32C (Castagnoli), which guards both the blocks of the index and the bytes of each tensor.
#pragma once

#include "base/files.h"

namespace fetafix::tensor_bundle {

// Several GB/s. `crc` continues: crc32c(b, crc32c(a)) is that of a and b in a row.
uint32_t crc32c(BytesView bytes, uint32_t crc = 0);

// Files hold it masked, since the CRC of bytes that hold their own CRC guards little (LevelDB's rule,
// util/crc32c.h).
uint32_t masked(uint32_t crc);
uint32_t unmasked(uint32_t stored);

}  // namespace fetafix::tensor_bundle
