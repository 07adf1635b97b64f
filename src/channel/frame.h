// A frame is an 8-byte little-endian length and that many bytes of JSON.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace fetafix::channel {

// Text with its length in front.
std::string encode_frame(const std::string& text);

// Puts a frame together from pieces of any size.
class FrameReader {
 public:
  // Bytes that can be taken without touching the next frame; 0: the frame is complete.
  size_t missing() const;
  // At most missing() bytes. Refuses a length above max_frame_bytes: what speaks is no worker of ours.
  Status feed(std::span<const char> bytes);
  // The complete frame's text; the reader is then ready for the next one.
  std::string take();

 private:
  std::string header_;
  std::string body_;
  size_t length_ = 0;
};

}  // namespace fetafix::channel
