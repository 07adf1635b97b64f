// libjpeg reports errors through a function that must not return. The functions that call setjmp therefore
// hold no object with a destructor; everything that lives longer is in JpegReader.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

#include "data/image_codecs.h"

namespace fetafix::data {
namespace {

struct JpegReader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};
  bool truncated = false;
  ~JpegReader() { jpeg_destroy_decompress(&info); }
};

JpegReader& reader_of(j_common_ptr info) {
  return *static_cast<JpegReader*>(info->client_data);
}

void on_error(j_common_ptr info) {
  JpegReader& reader = reader_of(info);
  info->err->format_message(info, reader.message);
  std::longjmp(reader.jump, 1);
}

// libjpeg fills a truncated picture with gray and only warns.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  if (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER)
    reader_of(info).truncated = true;
}

bool start(JpegReader& reader, BytesView bytes) {
  reader.info.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = on_error;
  reader.errors.emit_message = on_message;
  reader.info.client_data = &reader;
  if (setjmp(reader.jump)) return false;
  jpeg_create_decompress(&reader.info);
  reader.info.client_data = &reader;
  jpeg_mem_src(&reader.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&reader.info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&reader.info, TRUE);
  const bool four = reader.info.num_components == 4;
  reader.info.out_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_calc_output_dimensions(&reader.info);
  return true;
}

bool read_rows(JpegReader& reader, uint8_t* out) {
  if (setjmp(reader.jump)) return false;
  jpeg_start_decompress(&reader.info);
  const size_t stride = size_t{reader.info.output_width} * static_cast<size_t>(reader.info.output_components);
  while (reader.info.output_scanline < reader.info.output_height) {
    JSAMPROW row = out + reader.info.output_scanline * stride;
    jpeg_read_scanlines(&reader.info, &row, 1);
  }
  jpeg_finish_decompress(&reader.info);
  return true;
}

int orientation_of(const JpegReader& reader) {
  for (auto* marker = reader.info.marker_list; marker; marker = marker->next) {
    const BytesView data(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
    if (data.size() > 6 && std::memcmp(data.data(), "Exif\0\0", 6) == 0)
      return exif_orientation(data.subspan(6));
  }
  return 1;
}

// Adobe's files hold inverted inks, so a product of two bytes is the light that is left.
Image cmyk_to_rgb(const Image& cmyk, bool inverted) {
  Image rgb{cmyk.width, cmyk.height, 3, {}};
  const size_t count = cmyk.pixels.size() / 4;
  rgb.pixels.resize(count * 3);
  for (size_t i = 0; i < count; ++i) {
    const int black = inverted ? cmyk.pixels[4 * i + 3] : 255 - cmyk.pixels[4 * i + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int ink = inverted ? cmyk.pixels[4 * i + c] : 255 - cmyk.pixels[4 * i + c];
      rgb.pixels[3 * i + c] = static_cast<uint8_t>((ink * black + 127) / 255);
    }
  }
  return rgb;
}

}  // namespace

Result<Image> decode_jpeg(BytesView bytes) {
  JpegReader reader;
  if (!start(reader, bytes)) return image_error(std::string("damaged JPEG: ") + reader.message);
  const int orientation = orientation_of(reader);  // finishing forgets the markers
  const bool four = reader.info.out_color_space == JCS_CMYK;
  FETAFIX_TRY(Image image, blank_image(reader.info.output_width, reader.info.output_height, four ? 4 : 3));
  if (!read_rows(reader, image.pixels.data()))
    return image_error(std::string("damaged JPEG: ") + reader.message);
  if (reader.truncated) return image_error("truncated JPEG");
  if (four) image = cmyk_to_rgb(image, reader.info.saw_Adobe_marker);
  return oriented(std::move(image), orientation);
}

}  // namespace fetafix::data
