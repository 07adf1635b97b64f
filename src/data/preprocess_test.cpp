#include "data/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/derive.h"

namespace fetafix::data {
namespace {

const InputSpec nchw{"x", DType::float32, {1, 3, 4, 4}, 0, 0};
const InputSpec nhwc{"x", DType::float32, {-1, 4, 4, 3}, 0, 0};

std::string failure(const std::string& text) {
  auto spec = parse_preprocess(text);
  return spec.ok() ? "" : spec.error().message;
}

// Pixel (x, y) is {x, 10 y, 100}.
Image ramp(int width, int height) {
  Image image{width, height, 3, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int value : {x, 10 * y, 100}) image.pixels.push_back(static_cast<uint8_t>(value));
  return image;
}

Result<Tensor> run(const std::string& text, const InputSpec& input, const Image& image) {
  FETAFIX_TRY(auto spec, parse_preprocess(text));
  FETAFIX_TRY(auto preprocessing, resolve(spec, input));
  return apply(image, preprocessing);
}

TEST(PreprocessText, RoundTrips) {
  for (const char* text : {"resize=256:bilinear,crop=224,layout=NCHW,channels=RGB,scale=0.5,mean=0.485:0.456:"
                           "0.406,std=0.229:0.224:0.225",
                           "crop=0.875,resize=224x160:bicubic", "resize=input:lanczos,channels=BGR",
                           "crop=224x200", "crop=1.0", "scale=1,axes=WH,order=NHWC", ""}) {
    auto spec = parse_preprocess(text);
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    EXPECT_EQ(to_text(*spec), text);
  }
  auto third = parse_preprocess("scale=1/255");
  EXPECT_EQ(*third->scale, 1.0 / 255);
  EXPECT_EQ(to_text(*third), "scale=1/255");
  EXPECT_EQ(*parse_preprocess(to_text(*third))->scale, 1.0 / 255);
}

TEST(PreprocessText, PresetsParseAndAreOverridden) {
  for (const Preset& preset : preprocess_presets())
    EXPECT_TRUE(parse_preprocess(preset.name).ok()) << preset.name;
  auto spec = parse_preprocess("torchvision,resize=232:bicubic,crop=224,channels=BGR");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->steps.size(), 2u);
  EXPECT_EQ(spec->steps[0].width, 232);
  EXPECT_EQ(spec->mean.size(), 3u);
  EXPECT_EQ(*spec->channels, Channels::bgr);
}

TEST(PreprocessText, ErrorsNameTheItemAndTheWayOut) {
  EXPECT_EQ(failure("resize=256:cube"),
            "preprocessing: 'resize=256:cube': no filter 'cube'; use one of nearest, box, bilinear, bicubic, "
            "lanczos, "
            "linear, cubic, tf-cubic, area, cv-nearest, tf1-linear");
  EXPECT_EQ(failure("layout=CHW"), "preprocessing: 'layout=CHW': expected one of NCHW, NHWC");
  EXPECT_EQ(failure("size=3"),
            "preprocessing: 'size=3': no such key; use resize, crop, layout, channels, scale, mean, std, "
            "axes or order");
  EXPECT_NE(failure("imagenet").find("presets: efficientnet-lite, torchvision"), std::string::npos);
  for (const char* text : {"resize=", "resize=0", "resize=-3", "resize=99999999999", "resize=2x", "crop=1.5",
                           "crop=0.0", "scale=0", "scale=1/0", "scale=nan", "std=0", "std=-1", "mean=1:2",
                           "mean=", "mean=a", ",", "scale=1,", "resize=256:bilinear:x"})
    EXPECT_NE(failure(text), "") << text;
}

TEST(PreprocessResolve, TakesTheRestFromTheInput) {
  auto p = resolve({}, nhwc);
  ASSERT_TRUE(p.ok()) << p.error().message;
  EXPECT_EQ(*p->spec.layout, Layout::nhwc);
  EXPECT_EQ(*p->spec.channels, Channels::rgb);
  const std::vector<std::string> expected = {
      "layout NHWC taken from input 'x' float32[?,4,4,3]", "channels RGB assumed for input 'x'",
      "resize to 4x4 (bilinear, aspect not kept) taken from input 'x'",
      "pixel values 0 to 255 left as they are for input 'x': no scale, mean or std was given"};
  EXPECT_EQ(p->assumptions, expected);
  auto whole = parse_preprocess("resize=4x4,layout=NCHW,channels=RGB,scale=1");
  EXPECT_TRUE(resolve(*whole, nchw)->assumptions.empty());
  EXPECT_EQ(*resolve({}, {"g", DType::float32, {1, 28, 28, 1}, 0, 0})->spec.channels, Channels::gray);
}

TEST(PreprocessResolve, SizeOfTheOtherModel) {
  const InputSpec any{"x", DType::float32, {-1, 3, -1, -1}, 0, 0},
      other{"y", DType::float32, {1, 6, 8, 3}, 0, 0};
  const auto sized = [&](const std::string& text, const InputSpec& input, const InputSpec& like) {
    return sized_like(*parse_preprocess(text), input, like).shape;
  };
  EXPECT_EQ(sized("keras-tf", any, other), (Shape{-1, 3, 6, 8}));
  EXPECT_EQ(sized("", any, other), (Shape{-1, 3, 6, 8}));
  EXPECT_EQ(sized("resize=4x4", any, other), any.shape);  // it says a size itself
  EXPECT_EQ(sized("keras-tf", other, any), other.shape);  // that has one
  EXPECT_EQ(sized("keras-tf", any, {"y", DType::float32, {-1, -1, -1, -1}, 0, 0}), any.shape);
  EXPECT_EQ(sized("keras-tf", any, {"y", DType::float32, {1, 10}, 0, 0}), any.shape);
}

TEST(PreprocessResolve, Refuses) {
  const auto why = [](const std::string& text, const InputSpec& input) {
    auto p = resolve(*parse_preprocess(text), input);
    return p.ok() ? std::string() : p.error().message;
  };
  EXPECT_NE(why("", {"x", DType::float32, {1, 3, 224, 3}, 0, 0}).find("say layout=NCHW or layout=NHWC"),
            std::string::npos);
  EXPECT_NE(why("", {"x", DType::float32, {1, 10}, 0, 0}).find(".npz"), std::string::npos);
  EXPECT_NE(why("", {"x", DType::float32, {1, 3, -1, -1}, 0, 0}).find("takes any size"), std::string::npos);
  EXPECT_NE(why("keras-tf", {"x", DType::float32, {1, 3, -1, -1}, 0, 0}).find("name the size"),
            std::string::npos);
  EXPECT_NE(why("resize=256,crop=224", nchw).find("ends with 224x224 pixels"), std::string::npos);
  EXPECT_NE(why("layout=NHWC", {"x", DType::float32, {1, 3, 8, 8}, 0, 0}).find("puts 8 channels there"),
            std::string::npos);
  EXPECT_NE(why("channels=GRAY", nchw).find("has 3 channels, and the specification gives 1"),
            std::string::npos);
  EXPECT_NE(why("scale=1/255", {"x", DType::uint8, {1, 4, 4, 3}, 0, 0}).find("no quantization"),
            std::string::npos);
  EXPECT_NE(why("", {"x", DType::boolean, {1, 4, 4, 3}, 0, 0}), "");
  EXPECT_EQ(why("torchvision", {"x", DType::float32, {1, 3, -1, -1}, 0, 0}), "");
}

TEST(PreprocessApply, LayoutChannelsAndValues) {
  const Image image = ramp(4, 4);
  auto a = run("scale=1,mean=0:0:100,std=1:10:1", nchw, image);
  ASSERT_TRUE(a.ok()) << a.error().message;
  EXPECT_EQ(a->shape(), (Shape{1, 3, 4, 4}));
  EXPECT_EQ(a->as<float>()[5], 1);       // red at (1, 1): x
  EXPECT_EQ(a->as<float>()[16 + 4], 1);  // green at (0, 1): 10 y / 10
  EXPECT_EQ(a->as<float>()[32], 0);      // blue: 100 - 100
  auto b = run("channels=BGR,scale=1", nhwc, image);
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(b->shape(), (Shape{1, 4, 4, 3}));
  EXPECT_EQ(b->as<float>()[0], 100);
  EXPECT_EQ(b->as<float>()[5], 1);
  auto gray = run("", {"x", DType::uint8, {1, 4, 4, 1}, 0, 0}, ramp(4, 4));
  ASSERT_TRUE(gray.ok());
  EXPECT_EQ(gray->as<uint8_t>()[0], 11);  // 0.114 * 100
}

TEST(PreprocessApply, IntegerInputs) {
  const Image image = ramp(4, 4);
  auto raw = run("", {"x", DType::int8, {1, 4, 4, 3}, 0, 0}, image);
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(raw->as<int8_t>()[2], 100 - 128);
  // (100 - 127.5) / 127.5 at scale 1/128, zero point 0.
  auto quantized = run("keras-tf", {"x", DType::int8, {1, 4, 4, 3}, 1.0 / 128, 0}, image);
  ASSERT_TRUE(quantized.ok());
  EXPECT_EQ(quantized->as<int8_t>()[2], -28);
  EXPECT_EQ(quantized->as<int8_t>()[0], -128);
}

TEST(PreprocessApply, GeometryAsTorchvision) {
  // 9x6: short side 4 makes 6x4; the center 4x4 starts at column 1.
  auto a = run("resize=4:nearest,crop=4,scale=1", nchw, ramp(9, 6));
  ASSERT_TRUE(a.ok()) << a.error().message;
  EXPECT_EQ(a->as<float>()[0], 2);
  auto fraction = run("crop=0.5,scale=1", nchw, ramp(12, 8));
  ASSERT_TRUE(fraction.ok()) << fraction.error().message;
  EXPECT_EQ(fraction->as<float>()[0], 4);
  EXPECT_EQ(fraction->as<float>()[16], 20);
  EXPECT_NE(run("crop=4,scale=1", nchw, ramp(3, 8)).error().message.find("resize first"), std::string::npos);
  EXPECT_FALSE(run("resize=4,scale=1", nchw, ramp(9, 6)).ok());
  EXPECT_FALSE(run("resize=16384,crop=4", nchw, ramp(2000, 1)).ok());
}

TEST(PreprocessApply, FixedBatchAndNoBatch) {
  auto three = run("scale=1", {"x", DType::float32, {3, 3, 4, 4}, 0, 0}, ramp(4, 4));
  ASSERT_TRUE(three.ok());
  EXPECT_EQ(three->shape(), (Shape{3, 3, 4, 4}));
  EXPECT_EQ(three->as<float>()[5], three->as<float>()[5 + 96]);
  EXPECT_EQ(run("scale=1", {"x", DType::float32, {4, 4, 3}, 0, 0}, ramp(4, 4))->shape(), (Shape{4, 4, 3}));
}

TEST(Derive, FlipAndShift) {
  const Tensor t = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {1, 1, 2, 3});
  EXPECT_TRUE(
      flip_horizontal(t, Layout::nchw)->identical(Tensor::of<float>({3, 2, 1, 6, 5, 4}, {1, 1, 2, 3})));
  EXPECT_TRUE(shift(t, Layout::nchw, 1, -1)->identical(Tensor::of<float>({2, 3, 3, 2, 3, 3}, {1, 1, 2, 3})));
  const Tensor c = Tensor::of<uint8_t>({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2});
  EXPECT_TRUE(flip_horizontal(c, Layout::nhwc)
                  ->identical(Tensor::of<uint8_t>({3, 4, 1, 2, 7, 8, 5, 6}, {1, 2, 2, 2})));
  EXPECT_FALSE(shift(Tensor::vector<float>({1}), Layout::nchw, 1, 1).ok());
}

// The same pixels go to the same places in either layout.
TEST(Derive, Scatter) {
  std::vector<float> pixels(48);
  std::iota(pixels.begin(), pixels.end(), 0.0f);
  const Tensor first = Tensor::of(pixels, {1, 3, 4, 4});
  const std::vector<int> order{0, 2, 3, 1};
  const Tensor last = transpose(first, order);
  const auto one = scatter(first, Layout::nchw, 1), other = scatter(last, Layout::nhwc, 1);
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_TRUE(transpose(*one, order).identical(*other));
  EXPECT_FALSE(one->identical(first));
  std::vector<float> moved(one->as<float>().begin(), one->as<float>().end());
  std::sort(moved.begin(), moved.end());
  EXPECT_EQ(moved, pixels);
}

}  // namespace
}  // namespace fetafix::data
