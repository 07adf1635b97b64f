// Decoded images: 8 bits a channel, rows from the top, upright (EXIF orientation of JPEG and PNG is applied).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace fetafix::data {

// Interleaved channels: 1 (gray), 3 (RGB or BGR) or 4 (with alpha). `pixels` holds height * width * channels
// bytes.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<uint8_t> pixels;
};

// `other`: a picture that is known and not read (GIF, TIFF, HEIF, ...); see image_kind_name.
enum class ImageKind { none, jpeg, png, webp, bmp, other };

// By the first 32 bytes, never by the name.
ImageKind image_kind(BytesView bytes);
// "JPEG", "GIF", ..., for messages; empty for no image.
std::string_view image_kind_name(BytesView bytes);

// RGB, or RGBA when the file has transparency. Gray and palette become RGB; of 16 bits a channel the upper 8
// are kept; gamma and color profiles are left alone. Equal to Pillow's convert("RGB"), save for 16-bit gray,
// which Pillow clips. Error kind `file`: truncated, damaged, an unread kind, more than 200 million pixels;
// starts with `what`.
Result<Image> decode_image(BytesView bytes, const std::string& what);

// A JPEG of at most `side` pixels a side, for reports; alpha is dropped. Empty when it can't be made.
Bytes thumbnail_jpeg(const Image& image, int side, int quality = 75);

}  // namespace fetafix::data
