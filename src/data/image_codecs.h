// Private to data/: one decoder a kind of file. Messages are without the file's name; decode_image adds it.
#pragma once

#include "data/image.h"

namespace fetafix::data {

Result<Image> decode_jpeg(BytesView bytes);
Result<Image> decode_png(BytesView bytes);
Result<Image> decode_webp(BytesView bytes);
Result<Image> decode_bmp(BytesView bytes);

// Zeros; refuses absurd sizes before anything is allocated.
Result<Image> blank_image(int64_t width, int64_t height, int channels);

// The orientation (1..8) in an EXIF block that starts with the TIFF header; 1 when there is none.
int exif_orientation(BytesView exif);
// Turns and flips as the orientation wants it.
Image oriented(Image image, int orientation);

inline Error image_error(const std::string& why) {
  return {ErrorKind::file, why};
}

}  // namespace fetafix::data
