#include <webp/decode.h>

#include "data/image_codecs.h"

namespace fetafix::data {

Result<Image> decode_webp(BytesView bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(data, bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) return image_error("truncated WebP");
  if (status != VP8_STATUS_OK) return image_error("damaged WebP");
  if (features.has_animation) return image_error("an animated WebP; save one frame of it as PNG");
  FETAFIX_TRY(Image image, blank_image(features.width, features.height, features.has_alpha ? 4 : 3));
  const int stride = image.width * image.channels;
  auto* decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(data, bytes.size(), image.pixels.data(), image.pixels.size(), stride))
    return image_error("truncated or damaged WebP");
  return image;
}

}  // namespace fetafix::data
