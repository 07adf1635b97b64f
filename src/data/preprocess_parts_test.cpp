#include "data/preprocess_parts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fetafix::data {
namespace {

PreprocessSpec complete(const std::string& text) {
  const auto spec = parse_preprocess(text);
  EXPECT_TRUE(spec.ok()) << text;
  const auto whole = resolve(*spec, {"x", DType::float32, {1, 3, 8, 8}, 0, 0});
  EXPECT_TRUE(whole.ok()) << whole.error().message;
  return whole->spec;
}

std::string mistake(const std::string& wrong, const std::string& right) {
  const PreprocessSpec a = complete(wrong), b = complete(right);
  std::string out;
  for (Part part : differing_parts(a, b))
    out += std::string(out.empty() ? "" : " ") + std::string(mistake_name(part, a, b));
  return out;
}

TEST(PreprocessParts, NamesMistakes) {
  EXPECT_EQ(mistake("scale=1/255", "scale=1,mean=127,std=128"), "value-range");
  EXPECT_EQ(mistake("unit", "keras-torch"), "mean-std");
  EXPECT_EQ(mistake("channels=BGR", "channels=RGB"), "channel-order");
  EXPECT_EQ(mistake("axes=WH,channels=BGR", ""), "channel-order axes-swapped");
  EXPECT_EQ(mistake("order=NHWC", "order=NCHW"), "reshaped-input");
  EXPECT_EQ(mistake("resize=input:nearest", "resize=input"), "resize-filter");
  EXPECT_EQ(mistake("resize=input", "crop=0.875,resize=input"), "crop");
  EXPECT_EQ(mistake("resize=9,crop=8", "resize=10,crop=8"), "resize-size");
  // The same numbers, written otherwise.
  EXPECT_EQ(mistake("scale=1/127.5,mean=1,std=1", "scale=1/255,mean=0.5,std=0.5"), "");
  EXPECT_EQ(mistake("order=NCHW", ""), "");
}

TEST(PreprocessParts, SaysWhatAPartIs) {
  EXPECT_EQ(part_text(Part::values, complete("unit")), "scale=1/255,mean=0,std=1 (0 to 1)");
  EXPECT_EQ(part_text(Part::values, complete("keras-tf")), "scale=1/127.5,mean=1,std=1 (-1 to 1)");
  EXPECT_EQ(part_text(Part::values, complete("keras-torch")),
            "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225 (-2.12 to 2.64)");
  EXPECT_EQ(part_text(Part::channels, complete("channels=BGR")), "BGR");
  EXPECT_EQ(part_text(Part::geometry, complete("crop=0.5,resize=input:area")), "crop=0.5,resize=input:area");
}

TEST(PreprocessParts, IsSaidShortly) {
  const auto short_of = [](const std::string& text, const Shape& shape) {
    return short_text(*resolve(*parse_preprocess(text), {"x", DType::float32, shape, 0, 0}));
  };
  EXPECT_EQ(short_of("resize=input,scale=1/255,mean=0.5,std=0.5", {1, 3, 8, 8}), "keras-tf");
  EXPECT_EQ(short_of("layout=NHWC,resize=4x4,scale=2", {1, 4, 4, 3}),
            "resize=4x4:bilinear,channels=RGB,scale=2,mean=0,std=1");
  // Here the shape alone does not tell the layout.
  EXPECT_EQ(short_of("layout=NCHW,resize=3x224,scale=2", {1, 3, 224, 3}),
            "resize=3x224:bilinear,layout=NCHW,channels=RGB,scale=2,mean=0,std=1");
}

TEST(PreprocessParts, OnePartIsTakenFromAnother) {
  const PreprocessSpec wrong = complete("unit,channels=BGR,order=NHWC"), right = complete("keras-torch");
  PreprocessSpec mended = right;
  for (Part part : {Part::values, Part::channels, Part::axes, Part::order, Part::geometry})
    mended = with_part(mended, part, wrong);
  EXPECT_TRUE(differing_parts(mended, wrong).empty());
}

// What people get wrong is among what is tried, the simplest first.
TEST(PreprocessParts, VariationsHoldTheUsualMistakes) {
  const PreprocessSpec right = complete("keras-torch");
  const auto values = value_variations(right);
  for (const char* text : {"unit", "raw", "keras-tf", "keras-caffe", "keras-torch,channels=BGR",
                           "keras-torch,axes=WH", "keras-torch,order=NHWC", "unit,channels=BGR,axes=WH"})
    EXPECT_TRUE(std::any_of(values.begin(), values.end(), [&](const PreprocessSpec& v) {
      return differing_parts(v, complete(text)).empty();
    })) << text;
  EXPECT_EQ(differing_parts(values.front(), right).size(), 1u);
  EXPECT_EQ(differing_parts(values.back(), right).size(), 4u);
  for (size_t i = 0; i < values.size(); ++i)
    for (size_t k = i + 1; k < values.size(); ++k)
      EXPECT_FALSE(differing_parts(values[i], values[k]).empty());
  const auto geometry = geometry_variations(complete("resize=9,crop=8"), 8);
  for (const char* text : {"resize=input:area", "crop=0.875,resize=input:bicubic", "resize=9:nearest,crop=8"})
    EXPECT_TRUE(std::any_of(geometry.begin(), geometry.end(), [&](const PreprocessSpec& v) {
      return differing_parts(v, complete(text)).empty();
    })) << text;
}

TEST(PreprocessParts, AxesAndOrderMoveNumbers) {
  const Image image{3, 2, 3, {0, 1, 2, 10, 11, 12, 20, 21, 22, 100, 101, 102, 110, 111, 112, 120, 121, 122}};
  const auto numbers = [&](const std::string& text, const Shape& shape) {
    const auto how = resolve(*parse_preprocess(text), {"x", DType::float32, shape, 0, 0});
    EXPECT_TRUE(how.ok());
    const auto tensor = apply(image, *how);
    EXPECT_TRUE(tensor.ok()) << tensor.error().message;
    return std::vector<float>(tensor->as<float>().begin(), tensor->as<float>().end());
  };
  EXPECT_EQ(
      numbers("resize=input,layout=NCHW,scale=1,axes=WH", {1, 3, 3, 2}),
      (std::vector<float>{0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121, 2, 102, 12, 112, 22, 122}));
  EXPECT_EQ(
      numbers("resize=input,layout=NCHW,scale=1,order=NHWC", {1, 3, 2, 3}),
      (std::vector<float>{0, 1, 2, 10, 11, 12, 20, 21, 22, 100, 101, 102, 110, 111, 112, 120, 121, 122}));
}

}  // namespace
}  // namespace fetafix::data
