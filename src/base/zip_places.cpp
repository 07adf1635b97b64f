#include "base/zip_places.h"

#include <algorithm>
#include <array>
#include <optional>

namespace fetafix {
namespace {

constexpr size_t end_mark = 0x06054b50, entry_mark = 0x02014b50, local_mark = 0x04034b50;
constexpr size_t sums_mark = 0x08074b50;  // of what may follow the content

void write_number(Bytes& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

// The check sum of zip archives (CRC-32 of IEEE 802.3).
uint32_t check_sum(BytesView bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> out{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t sum = byte;
      for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320u : 0u);
      out[byte] = sum;
    }
    return out;
  }();
  uint32_t sum = ~uint32_t{0};
  for (std::byte byte : bytes) sum = (sum >> 8) ^ table[(sum ^ std::to_integer<uint32_t>(byte)) & 0xFF];
  return ~sum;
}

}  // namespace

std::optional<size_t> number_at(BytesView bytes, size_t at, size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
  size_t out = 0;
  for (size_t i = 0; i < size; ++i) out |= std::to_integer<size_t>(bytes[at + i]) << (8 * i);
  return out;
}

std::vector<ZipPlace> zip_places(BytesView archive) {
  constexpr size_t end_size = 22, most_comment = 65535;
  if (archive.size() < end_size) return {};
  size_t end = archive.size() - end_size;
  const size_t first = end - std::min(end, most_comment);
  while (number_at(archive, end, 4) != end_mark)
    if (end-- == first) return {};
  std::vector<ZipPlace> places;
  for (size_t at = number_at(archive, end + 16, 4).value_or(0);;) {
    const auto size = number_at(archive, at + 20, 4), name = number_at(archive, at + 28, 2),
               extra = number_at(archive, at + 30, 2), comment = number_at(archive, at + 32, 2),
               local = number_at(archive, at + 42, 4);
    if (!local || number_at(archive, at, 4) != entry_mark) return places;
    const auto local_name = number_at(archive, *local + 26, 2),
               local_extra = number_at(archive, *local + 28, 2);
    if (!local_extra || number_at(archive, *local, 4) != local_mark) return places;
    const size_t content = *local + 30 + *local_name + *local_extra;
    places.push_back({at, *local, content, content + *size});
    at += 46 + *name + *extra + *comment;
  }
}

bool lies_alone(const std::vector<ZipPlace>& places, size_t index) {
  const ZipPlace& place = places[index];
  return std::ranges::all_of(places, [&](const ZipPlace& other) {
    return &other == &place || other.end <= place.header || place.end <= other.header;
  });
}

void overwrite_entry(Bytes& archive, const ZipPlace& place, BytesView content) {
  std::ranges::copy(content, archive.begin() + static_cast<std::ptrdiff_t>(place.content));
  constexpr size_t sums_follow = 1 << 3;
  const bool has_more = (number_at(archive, place.header + 6, 2).value_or(0) & sums_follow) != 0;
  const size_t behind = place.end + (number_at(archive, place.end, 4) == sums_mark ? 4 : 0);
  const size_t listed = place.listed + 16, in_front = place.header + 14;
  const auto before = number_at(archive, listed, 4);
  const uint32_t sum = check_sum(content);
  for (size_t at : {listed, has_more ? behind : in_front})
    if (number_at(archive, at, 4) == before) write_number(archive, at, sum);
}

}  // namespace fetafix
