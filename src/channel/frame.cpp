#include "channel/frame.h"

#include <cstdint>
#include <utility>

#include "channel/protocol.h"

namespace fetafix::channel {
namespace {

constexpr size_t header_size = 8;

}  // namespace

std::string encode_frame(const std::string& text) {
  std::string frame;
  frame.reserve(header_size + text.size());
  for (size_t i = 0; i < header_size; ++i)
    frame.push_back(static_cast<char>((static_cast<uint64_t>(text.size()) >> (8 * i)) & 0xff));
  return frame += text;
}

size_t FrameReader::missing() const {
  if (header_.size() < header_size) return header_size - header_.size();
  return length_ - body_.size();
}

Status FrameReader::feed(std::span<const char> bytes) {
  if (header_.size() == header_size) {
    body_.append(bytes.data(), bytes.size());
    return {};
  }
  header_.append(bytes.data(), bytes.size());
  if (header_.size() < header_size) return {};
  uint64_t length = 0;
  for (size_t i = 0; i < header_size; ++i)
    length |= static_cast<uint64_t>(static_cast<unsigned char>(header_[i])) << (8 * i);
  if (length == 0 || length > max_frame_bytes)
    return Error{ErrorKind::runtime_failed, "a message announces " + std::to_string(length) +
                                                " bytes; expected 1 to " + std::to_string(max_frame_bytes)};
  length_ = static_cast<size_t>(length);
  return {};
}

std::string FrameReader::take() {
  header_.clear();
  length_ = 0;
  return std::exchange(body_, {});
}

}  // namespace fetafix::channel
