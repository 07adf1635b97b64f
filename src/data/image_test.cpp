#include "data/image.h"

#include <gtest/gtest.h>

#include <map>

#include "data/npy.h"
#include "data/preprocess.h"
#include "data/resize.h"

namespace fetafix::data {
namespace {

std::map<std::string, Tensor> arrays_of(const char* path) {
  std::map<std::string, Tensor> out;
  auto read = read_arrays(path);
  EXPECT_TRUE(read.ok());
  if (read.ok())
    for (NamedTensor& array : *read) out[array.name] = array.tensor;
  return out;
}

const std::map<std::string, Tensor>& golden() {
  static const auto arrays = arrays_of(FETAFIX_DATA_TESTDATA "/pillow.npz");
  return arrays;
}

Image image_of(const Tensor& tensor) {
  const auto pixels = tensor.as<uint8_t>();
  return {static_cast<int>(tensor.shape()[1]), static_cast<int>(tensor.shape()[0]),
          static_cast<int>(tensor.shape()[2]), std::vector<uint8_t>(pixels.begin(), pixels.end())};
}

// The largest difference in the first three channels; 999 for another size.
int difference(const Image& image, const Tensor& expected) {
  if (image.width != expected.shape()[1] || image.height != expected.shape()[0]) return 999;
  const auto channels = static_cast<size_t>(image.channels),
             wanted = static_cast<size_t>(expected.shape()[2]);
  int worst = 0;
  for (size_t i = 0; i * wanted < expected.byte_size(); ++i)
    for (size_t c = 0; c < wanted; ++c)
      worst =
          std::max(worst, std::abs(image.pixels[i * channels + c] - expected.as<uint8_t>()[i * wanted + c]));
  return worst;
}

TEST(Resize, EqualsPillow) {
  int compared = 0;
  for (const auto& [name, expected] : golden()) {
    const auto filter = filter_from_name(name.substr(0, name.find('_')));
    if (!filter) continue;
    const Image out = resize(image_of(golden().at("source")), static_cast<int>(expected.shape()[1]),
                             static_cast<int>(expected.shape()[0]), *filter);
    EXPECT_EQ(difference(out, expected), 0) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 15);
  EXPECT_EQ(difference(resize(image_of(golden().at("gray_source")), 9, 7, Filter::bicubic),
                       golden().at("gray_bicubic_9x7")),
            0);
}

TEST(Resize, IsWithinOneGrayLevelOfOpenCvTensorFlowAndTorch) {
  size_t compared = 0;
  for (const auto& [name, expected] : arrays_of(FETAFIX_DATA_TESTDATA "/resized.npz")) {
    const auto filter = filter_from_name(name.substr(0, name.find('/')));
    ASSERT_TRUE(filter) << name;
    const Image out = resize(image_of(golden().at("source")), static_cast<int>(expected.shape()[1]),
                             static_cast<int>(expected.shape()[0]), *filter);
    EXPECT_LE(difference(out, expected), 1) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 41u);
}

TEST(Resize, ExtremesStayInside) {
  const Image source = image_of(golden().at("source"));
  for (Filter filter : all_filters()) {
    EXPECT_EQ(resize(source, 1, 1, filter).pixels.size(), 3u);
    EXPECT_EQ(resize(source, 1, 200, filter).pixels.size(), 600u);
    EXPECT_EQ(resize(resize(source, 1, 1, filter), 5, 4, filter).pixels.size(), 60u);
  }
}

TEST(Decode, EqualsPillow) {
  int compared = 0;
  for (const auto& [name, bytes] : golden()) {
    if (!name.starts_with("file/")) continue;
    const std::string file = name.substr(5);
    auto image = decode_image(bytes.bytes(), file);
    ASSERT_TRUE(image.ok()) << image.error().message;
    // Two versions of the JPEG and WebP libraries may round otherwise.
    const bool lossy = file.ends_with(".jpg") || file == "lossy.webp";
    EXPECT_LE(difference(*image, golden().at("rgb/" + file)), lossy ? 2 : 0) << file;
    const bool alpha = file.find("alpha") != std::string::npos || file.find("rgba") != std::string::npos;
    EXPECT_EQ(image->channels, alpha ? 4 : 3) << file;
    ++compared;
  }
  EXPECT_GE(compared, 25);
}

TEST(Decode, EveryTruncationEndsInAnErrorOrAnImage) {
  for (const auto& [name, tensor] : golden()) {
    if (!name.starts_with("file/")) continue;
    const BytesView bytes = tensor.bytes();
    for (size_t n = 0; n < bytes.size(); ++n) {
      // Only the very end of a file may be missing unnoticed.
      if (decode_image(bytes.first(n), name).ok()) {
        EXPECT_GE(n + 16, bytes.size()) << name << " cut to " << n;
      }
    }
    EXPECT_FALSE(decode_image(bytes.first(bytes.size() / 2), name).ok()) << name;
  }
}

TEST(Decode, FlippedBytesNeverCrash) {
  for (const auto& [name, tensor] : golden()) {
    if (!name.starts_with("file/")) continue;
    Bytes bytes(tensor.bytes().begin(), tensor.bytes().end());
    for (size_t i = 0; i < bytes.size(); ++i) {
      const std::byte before = bytes[i];
      bytes[i] = ~before;
      (void)decode_image(bytes, name).ok();
      bytes[i] = before;
    }
  }
}

TEST(Thumbnail, IsASmallJpeg) {
  const Image source = image_of(golden().at("source"));
  const Bytes bytes = thumbnail_jpeg(source, 12);
  auto small = decode_image(bytes, "x");
  ASSERT_TRUE(small.ok()) << small.error().message;
  EXPECT_EQ(small->width, 12);
  EXPECT_EQ(small->height, 8);
  EXPECT_EQ(bytes, thumbnail_jpeg(source, 12));
  EXPECT_EQ(decode_image(thumbnail_jpeg(source, 100), "x")->width, source.width);  // never enlarged
  EXPECT_FALSE(thumbnail_jpeg(image_of(golden().at("gray_source")), 8).empty());
  EXPECT_TRUE(thumbnail_jpeg(Image{}, 8).empty());
}

TEST(Decode, SaysWhatAFileIs) {
  const auto message = [](const std::string& text) {
    return decode_image(as_bytes(text), "x").error().message;
  };
  EXPECT_EQ(message("GIF89a...."), "x: a GIF file; JPEG, PNG, WebP and BMP are read: convert it to PNG");
  EXPECT_EQ(message("hello"), "x: not an image; JPEG, PNG, WebP and BMP are read");
  EXPECT_EQ(message(""), "x: not an image; JPEG, PNG, WebP and BMP are read");
  EXPECT_EQ(image_kind(as_bytes("BMX is a text file")), ImageKind::none);
}

}  // namespace
}  // namespace fetafix::data
