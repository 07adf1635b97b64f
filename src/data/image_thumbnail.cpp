// As in image_jpeg.cpp: the function that calls setjmp holds no object with a destructor.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>

#include <jpeglib.h>

#include <algorithm>

#include "data/image.h"
#include "data/resize.h"

namespace fetafix::data {
namespace {

struct JpegWriter {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf jump{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  ~JpegWriter() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

void on_error(j_common_ptr info) {
  std::longjmp(static_cast<JpegWriter*>(info->client_data)->jump, 1);
}

void on_message(j_common_ptr, int) {}

bool encode(JpegWriter& writer, const uint8_t* pixels, int width, int height, int channels, int quality) {
  writer.info.err = jpeg_std_error(&writer.errors);
  writer.errors.error_exit = on_error;
  writer.errors.emit_message = on_message;
  writer.info.client_data = &writer;
  if (setjmp(writer.jump)) return false;
  jpeg_create_compress(&writer.info);
  writer.info.client_data = &writer;
  jpeg_mem_dest(&writer.info, &writer.bytes, &writer.size);
  writer.info.image_width = static_cast<JDIMENSION>(width);
  writer.info.image_height = static_cast<JDIMENSION>(height);
  writer.info.input_components = channels;
  writer.info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_EXT_RGBX : JCS_RGB;
  jpeg_set_defaults(&writer.info);
  jpeg_set_quality(&writer.info, quality, TRUE);
  jpeg_start_compress(&writer.info, TRUE);
  const size_t stride = static_cast<size_t>(width) * static_cast<size_t>(channels);
  while (writer.info.next_scanline < writer.info.image_height) {
    JSAMPROW row = const_cast<uint8_t*>(pixels) + writer.info.next_scanline * stride;
    jpeg_write_scanlines(&writer.info, &row, 1);
  }
  jpeg_finish_compress(&writer.info);
  return true;
}

}  // namespace

Bytes thumbnail_jpeg(const Image& image, int side, int quality) {
  if (image.pixels.empty() || side < 1) return {};
  const double shrink = std::min(1.0, static_cast<double>(side) / std::max(image.width, image.height));
  const auto size = [&](int full) { return std::max(1, static_cast<int>(full * shrink)); };
  const Image small = resize(image, size(image.width), size(image.height), Filter::bilinear);
  JpegWriter writer;
  if (!encode(writer, small.pixels.data(), small.width, small.height, small.channels, quality)) return {};
  const auto* bytes = reinterpret_cast<const std::byte*>(writer.bytes);
  return Bytes(bytes, bytes + writer.size);
}

}  // namespace fetafix::data
