// Bytes as text.
#pragma once

#include "base/files.h"

namespace fetafix {

std::string base64(BytesView bytes);
// Error kind `file`: not base64.
Result<Bytes> unbase64(const std::string& text);

}  // namespace fetafix
