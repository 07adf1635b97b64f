#include <cstring>

#include "data/image_codecs.h"

namespace fetafix::data {
namespace {

// Reads numbers of a TIFF structure; outside of it everything is 0.
class Tiff {
 public:
  explicit Tiff(BytesView bytes) : bytes_(bytes) {
    little_ = bytes.size() >= 2 && bytes[0] == std::byte{'I'};
  }
  uint32_t number(size_t at, size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i)
      value = value << 8 | static_cast<uint32_t>(bytes_[little_ ? at + size - 1 - i : at + i]);
    return value;
  }

 private:
  BytesView bytes_;
  bool little_ = false;
};

}  // namespace

int exif_orientation(BytesView exif) {
  const Tiff tiff(exif);
  if (tiff.number(2, 2) != 42) return 1;
  const size_t directory = tiff.number(4, 4);
  const size_t entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (tiff.number(entry, 2) != 0x0112) continue;
    const uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image oriented(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swapped = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{swapped ? image.height : image.width, swapped ? image.width : image.height, image.channels, {}};
  out.pixels.resize(image.pixels.size());
  const auto channels = static_cast<size_t>(image.channels);
  // (x, y) of the result comes from (column, row) of the stored picture, flips being those of the stored
  // axes.
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int column = swapped ? y : x;
      int row = swapped ? x : y;
      if (flip_x) column = image.width - 1 - column;
      if (flip_y) row = image.height - 1 - row;
      const size_t from =
          (static_cast<size_t>(row) * static_cast<size_t>(image.width) + static_cast<size_t>(column)) *
          channels;
      const size_t to =
          (static_cast<size_t>(y) * static_cast<size_t>(out.width) + static_cast<size_t>(x)) * channels;
      std::memcpy(&out.pixels[to], &image.pixels[from], channels);
    }
  }
  return out;
}

}  // namespace fetafix::data
