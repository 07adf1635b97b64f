// The BMP files that people have: 8 bits with a palette, 24 and 32 bits, not compressed.
#include "data/image_codecs.h"

namespace fetafix::data {
namespace {

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}
  // Little endian; 0 outside of the file.
  int64_t number(size_t at, size_t size) const {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i)
      value |= (at + i < bytes_.size() ? static_cast<uint32_t>(bytes_[at + i]) : 0u) << (8 * i);
    return size == 4 ? static_cast<int64_t>(static_cast<int32_t>(value)) : static_cast<int64_t>(value);
  }
  uint8_t byte(size_t at) const { return at < bytes_.size() ? static_cast<uint8_t>(bytes_[at]) : uint8_t{0}; }

 private:
  BytesView bytes_;
};

struct Layout {
  size_t data = 0;     // where the pixels start
  size_t palette = 0;  // where the colors start: blue, green, red, unused
  size_t bytes = 3;    // a pixel
  size_t stride = 0;   // rows are padded to 4 bytes
  bool top_down = false;
};

void read_row(const Reader& in, size_t at, const Layout& layout, int width, uint8_t* out) {
  for (size_t x = 0; x < static_cast<size_t>(width); ++x) {
    const size_t pixel = at + x * layout.bytes;
    const size_t color = layout.bytes == 1 ? layout.palette + 4 * size_t{in.byte(pixel)} : pixel;
    for (size_t c = 0; c < 3; ++c) out[3 * x + c] = in.byte(color + 2 - c);
  }
}

}  // namespace

Result<Image> decode_bmp(BytesView bytes) {
  const Reader in(bytes);
  const int64_t header = in.number(14, 4);
  const int64_t height = in.number(22, 4);
  const int64_t bits = in.number(28, 2);
  const int64_t compression = in.number(30, 4);
  // Bit fields (3) of 32-bit files are in practice the plain order of bytes.
  if (header < 40 || (bits != 8 && bits != 24 && bits != 32) ||
      (compression != 0 && !(compression == 3 && bits == 32)))
    return image_error("a BMP with " + std::to_string(bits) + " bits, compression " +
                       std::to_string(compression) +
                       "; 8, 24 and 32 bits without compression are read: convert it to PNG");
  FETAFIX_TRY(Image image, blank_image(in.number(18, 4), height < 0 ? -height : height, 3));
  Layout layout;
  layout.data = static_cast<size_t>(in.number(10, 4) & 0xFFFFFFFF);
  layout.palette = static_cast<size_t>(14 + header);
  layout.bytes = static_cast<size_t>(bits / 8);
  layout.stride = (static_cast<size_t>(image.width) * layout.bytes + 3) / 4 * 4;
  layout.top_down = height < 0;
  const size_t rows = static_cast<size_t>(image.height);
  if (layout.data + layout.stride * rows > bytes.size()) return image_error("truncated BMP");
  for (size_t y = 0; y < rows; ++y) {
    const size_t stored = layout.top_down ? y : rows - 1 - y;
    read_row(in, layout.data + stored * layout.stride, layout, image.width,
             &image.pixels[y * static_cast<size_t>(image.width) * 3]);
  }
  return image;
}

}  // namespace fetafix::data
