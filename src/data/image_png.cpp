// As in image_jpeg.cpp: functions that call setjmp hold no object with a destructor.
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

#include "data/image_codecs.h"

namespace fetafix::data {
namespace {

struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  BytesView rest;
  std::jmp_buf jump{};
  char message[160] = {};
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader.message, sizeof reader.message, "%s", message);
  std::longjmp(reader.jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, size_t size) {
  auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
  if (size > reader.rest.size()) png_error(png, "truncated");
  std::memcpy(out, reader.rest.data(), size);
  reader.rest = reader.rest.subspan(size);
}

// Everything becomes 8-bit RGB or RGBA.
bool start(PngReader& reader) {
  if (setjmp(reader.jump)) return false;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (!reader.png) return false;
  reader.info = png_create_info_struct(reader.png);
  if (!reader.info) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_read_info(reader.png, reader.info);
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_rows(PngReader& reader, png_bytepp rows) {
  if (setjmp(reader.jump)) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, reader.info);
  return true;
}

int orientation_of(const PngReader& reader) {
  png_bytep exif = nullptr;
  png_uint_32 size = 0;
  if (!png_get_eXIf_1(reader.png, reader.info, &size, &exif)) return 1;
  return exif_orientation({reinterpret_cast<const std::byte*>(exif), size});
}

Error png_failure(const PngReader& reader) {
  const std::string message = *reader.message ? reader.message : "out of memory";
  return image_error(message == "truncated" ? "truncated PNG" : "damaged PNG: " + message);
}

}  // namespace

Result<Image> decode_png(BytesView bytes) {
  PngReader reader;
  reader.rest = bytes;
  if (!start(reader)) return png_failure(reader);
  const int channels = png_get_channels(reader.png, reader.info);
  if (channels != 3 && channels != 4)
    return image_error("PNG with " + std::to_string(channels) + " channels");
  FETAFIX_TRY(Image image, blank_image(png_get_image_width(reader.png, reader.info),
                                       png_get_image_height(reader.png, reader.info), channels));
  const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(channels);
  if (png_get_rowbytes(reader.png, reader.info) != stride) return image_error("PNG with unexpected rows");
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.height; ++y)
    rows.push_back(image.pixels.data() + static_cast<size_t>(y) * stride);
  if (!read_rows(reader, rows.data())) return png_failure(reader);
  return oriented(std::move(image), orientation_of(reader));
}

}  // namespace fetafix::data
