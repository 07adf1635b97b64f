#include "data/image.h"

#include <array>
#include <cstring>

#include "data/image_codecs.h"

namespace fetafix::data {
namespace {

struct Magic {
  std::string_view start;
  size_t offset;
  ImageKind kind;
  std::string_view name;
};

using namespace std::string_view_literals;
constexpr std::array<Magic, 11> magics{{{"\xff\xd8\xff"sv, 0, ImageKind::jpeg, "JPEG"},
                                        {"\x89PNG\r\n\x1a\n"sv, 0, ImageKind::png, "PNG"},
                                        {"WEBP"sv, 8, ImageKind::webp, "WebP"},
                                        {"BM"sv, 0, ImageKind::bmp, "BMP"},
                                        {"GIF8"sv, 0, ImageKind::other, "GIF"},
                                        {"II*\0"sv, 0, ImageKind::other, "TIFF"},
                                        {"MM\0*"sv, 0, ImageKind::other, "TIFF"},
                                        {"ftypavif"sv, 4, ImageKind::other, "AVIF"},
                                        {"ftyphei"sv, 4, ImageKind::other, "HEIF"},
                                        {"\0\0\0\x0cjP  "sv, 0, ImageKind::other, "JPEG 2000"},
                                        {"qoif"sv, 0, ImageKind::other, "QOI"}}};

const Magic* find_magic(BytesView bytes) {
  for (const Magic& magic : magics) {
    if (bytes.size() < magic.offset + magic.start.size()) continue;
    if (std::memcmp(bytes.data() + magic.offset, magic.start.data(), magic.start.size()) != 0) continue;
    // "BM" alone starts many a text file: bytes 6 to 9 of a BMP are zero.
    if (magic.kind == ImageKind::bmp &&
        (bytes.size() < 10 || std::memcmp(bytes.data() + 6, "\0\0\0\0", 4) != 0))
      continue;
    if (magic.kind == ImageKind::webp && std::memcmp(bytes.data(), "RIFF", 4) != 0) continue;
    return &magic;
  }
  return nullptr;
}

Result<Image> decode(ImageKind kind, BytesView bytes) {
  switch (kind) {
    case ImageKind::jpeg:
      return decode_jpeg(bytes);
    case ImageKind::png:
      return decode_png(bytes);
    case ImageKind::webp:
      return decode_webp(bytes);
    case ImageKind::bmp:
      return decode_bmp(bytes);
    case ImageKind::other:
      return image_error("a " + std::string(image_kind_name(bytes)) +
                         " file; JPEG, PNG, WebP and BMP are read: convert it to PNG");
    case ImageKind::none:
      break;
  }
  return image_error("not an image; JPEG, PNG, WebP and BMP are read");
}

}  // namespace

ImageKind image_kind(BytesView bytes) {
  const Magic* magic = find_magic(bytes);
  return magic ? magic->kind : ImageKind::none;
}

std::string_view image_kind_name(BytesView bytes) {
  const Magic* magic = find_magic(bytes);
  return magic ? magic->name : std::string_view();
}

Result<Image> decode_image(BytesView bytes, const std::string& what) {
  auto image = decode(image_kind(bytes), bytes);
  if (!image) return in_context(what, image.error());
  return image;
}

Result<Image> blank_image(int64_t width, int64_t height, int channels) {
  constexpr int64_t most_pixels = 200'000'000;  // 600 MB as RGB; larger is a mistake or an attack
  if (width <= 0 || height <= 0 || width > most_pixels || height > most_pixels / width)
    return image_error("a size of " + std::to_string(width) + "x" + std::to_string(height) + " is not taken");
  Image image{static_cast<int>(width), static_cast<int>(height), channels, {}};
  image.pixels.resize(static_cast<size_t>(width * height * channels));
  return image;
}

}  // namespace fetafix::data
