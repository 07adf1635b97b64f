#include "data/samples.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/labels.h"

namespace fetafix::data {
namespace {

// A 1x1 BMP of one color.
std::string bmp(char blue, char green, char red) {
  std::string text(58, '\0');
  text[0] = 'B', text[1] = 'M', text[10] = 54, text[14] = 40, text[18] = 1, text[22] = 1, text[26] = 1,
  text[28] = 24;
  text[54] = blue, text[55] = green, text[56] = red;
  return text;
}

struct Folder {
  TemporaryFolder folder = std::move(TemporaryFolder::make()).value();
  void add(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    ASSERT_TRUE(write_file(folder.path() / name, text).ok());
  }
};

const InputSpec pixel{"x", DType::float32, {1, 1, 1, 3}, 0, 0};

TEST(Samples, FolderListsImagesAndNamesTheRest) {
  Folder f;
  f.add("b/cat@2.jpg", bmp(1, 2, 3));  // the content decides, not the name
  f.add("b/cat.bmp", bmp(4, 5, 6));
  f.add("a.bmp", bmp(7, 8, 9));
  f.add(".hidden.bmp", bmp(0, 0, 0));
  f.add("labels.csv", "file,class\n");
  f.add("x.gif", "GIF89a......");
  f.add("empty.png", "");
  auto source = SampleSource::open(f.folder.path());
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source->samples().size(), 3u);
  EXPECT_EQ(source->samples()[1].name, "b/cat.bmp");
  EXPECT_EQ(source->originals(), (std::vector<std::string>{"a", "b/cat", "b/cat"}));
  EXPECT_EQ(
      source->warnings(),
      (std::vector<std::string>{
          "1 file hidden and left out: .hidden.bmp", "1 file unreadable or empty and left out: empty.png",
          "1 file of an image kind that is not read (convert to PNG) and left out: x.gif",
          "1 file no image and left out: labels.csv"}));
  EXPECT_EQ(source->image(0)->pixels, (std::vector<uint8_t>{9, 8, 7}));
}

TEST(Samples, EmptyOrMissingIsAnErrorWithTheWayOut) {
  Folder f;
  EXPECT_NE(SampleSource::open(f.folder.path()).error().message.find("give a folder of images or a .npz"),
            std::string::npos);
  EXPECT_NE(SampleSource::open(f.folder.path() / "no").error().message.find("no such file"),
            std::string::npos);
  f.add("a.txt", "hello");
  EXPECT_NE(SampleSource::open(f.folder.path() / "a.txt").error().message.find("neither an image nor"),
            std::string::npos);
}

TEST(Samples, LimitGrowsTheSet) {
  Folder f;
  for (char c = 'a'; c <= 'h'; ++c) f.add(std::string(1, c) + ".bmp", bmp(c, c, c));
  auto three = SampleSource::open(f.folder.path(), 3), five = SampleSource::open(f.folder.path(), 5);
  ASSERT_EQ(three->samples().size(), 3u);
  ASSERT_EQ(five->samples().size(), 5u);
  size_t shared = 0;
  for (size_t i = 0; i < 3; ++i)
    for (const SampleName& s : five->samples())
      if (s.name == three->samples()[i].name) ++shared;
  EXPECT_EQ(shared, 3u);
  EXPECT_EQ(three->image(1)->pixels[0], static_cast<uint8_t>(three->samples()[1].name[0]));
}

TEST(Loader, ImagesAreDecodedOnceAndCached) {
  Folder f;
  f.add("a.bmp", bmp(7, 8, 9));
  auto source = std::make_shared<SampleSource>(*SampleSource::open(f.folder.path()));
  auto loader = Loader::make(source, {pixel}, {});
  ASSERT_TRUE(loader.ok()) << loader.error().message;
  auto first = loader->load(0);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ((*first)[0].tensor.as<float>()[0], 9);
  std::filesystem::remove(f.folder.path() / "a.bmp");
  EXPECT_TRUE(loader->load(0).ok());
  auto uncached = Loader::make(source, {pixel}, {}, 0);
  EXPECT_NE(uncached->load(0).error().message.find("sample 'a.bmp'"), std::string::npos);
  EXPECT_FALSE(loader->load(1).ok());
}

TEST(Loader, ImagesNeedOneImageInput) {
  Folder f;
  f.add("a.bmp", bmp(7, 8, 9));
  auto source = std::make_shared<SampleSource>(*SampleSource::open(f.folder.path()));
  EXPECT_NE(Loader::make(source, {pixel, pixel}, {}).error().message.find(".npz"), std::string::npos);
}

TEST(Loader, ArraysByNameThenByOrder) {
  Folder f;
  const auto path = f.folder.path() / "x.npz";
  ASSERT_TRUE(write_npz(path, {{"b", Tensor::of<float>({1, 2, 3, 4}, {2, 2})},
                               {"a", Tensor::of<int64_t>({5, 6}, {2})}})
                  .ok());
  auto source = std::make_shared<SampleSource>(*SampleSource::open(path));
  ASSERT_EQ(source->samples().size(), 2u);
  EXPECT_EQ(source->samples()[1].name, "#1");
  auto named =
      Loader::make(source, {{"a", DType::int64, {-1}, 0, 0}, {"b", DType::float32, {1, 2}, 0, 0}}, {});
  ASSERT_TRUE(named.ok()) << named.error().message;
  EXPECT_TRUE(named->assumptions().empty());
  auto second = named->load(1);
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_TRUE((*second)[0].tensor.identical(Tensor::of<int64_t>({6}, {1})));
  EXPECT_TRUE((*second)[1].tensor.identical(Tensor::of<float>({3, 4}, {1, 2})));
  auto ordered =
      Loader::make(source, {{"p", DType::float32, {2}, 0, 0}, {"q", DType::int32, {-1}, 0, 0}}, {});
  ASSERT_TRUE(ordered.ok()) << ordered.error().message;
  EXPECT_EQ(ordered->assumptions().size(), 3u);  // twice by order, once a change of type
  EXPECT_TRUE((*ordered->load(0))[0].tensor.identical(Tensor::vector<float>({1, 2})));
  EXPECT_FALSE(Loader::make(source, {{"p", DType::float32, {2}, 0, 0}}, {}).ok());
  EXPECT_FALSE(
      Loader::make(source, {{"p", DType::float32, {7}, 0, 0}, {"q", DType::int32, {-1}, 0, 0}}, {}).ok());
}

TEST(Loader, ArraysAreTurnedToTheLayoutOfTheInput) {
  Folder f;
  const auto path = f.folder.path() / "x.npy";
  ASSERT_TRUE(write_npy(path, Tensor::of<float>({1, 2, 3, 4, 5, 6}, {1, 1, 2, 3})).ok());
  auto source = std::make_shared<SampleSource>(*SampleSource::open(path));
  auto loader = Loader::make(source, {{"x", DType::float32, {-1, 3, -1, -1}, 0, 0}}, {});
  ASSERT_TRUE(loader.ok()) << loader.error().message;
  EXPECT_TRUE((*loader->load(0))[0].tensor.identical(Tensor::of<float>({1, 4, 2, 5, 3, 6}, {1, 3, 1, 2})));
  EXPECT_NE(loader->assumptions().back().find("turned to NCHW"), std::string::npos);
}

TEST(Loader, ValuesThatATypeDoesNotHoldAreErrors) {
  Folder f;
  const auto path = f.folder.path() / "x.npy";
  ASSERT_TRUE(write_npy(path, Tensor::of<float>({1, 2.5F, 300, NAN}, {4, 1})).ok());
  auto source = std::make_shared<SampleSource>(*SampleSource::open(path));
  auto loader = Loader::make(source, {{"x", DType::uint8, {1, 1}, 0, 0}}, {});
  ASSERT_TRUE(loader.ok()) << loader.error().message;
  EXPECT_TRUE(loader->load(0).ok());
  for (size_t i = 1; i < 4; ++i) EXPECT_FALSE(loader->load(i).ok()) << i;
}

TEST(Samples, ArraysOfDifferentLengthAreRefused) {
  Folder f;
  const auto path = f.folder.path() / "x.npz";
  ASSERT_TRUE(
      write_npz(path, {{"a", Tensor::vector<float>({1})}, {"b", Tensor::vector<float>({1, 2})}}).ok());
  EXPECT_NE(SampleSource::open(path).error().message.find("hold 1 and 2 samples"), std::string::npos);
  ASSERT_TRUE(write_npz(path, {{"a", Tensor::scalar<float>(1)}}).ok());
  EXPECT_FALSE(SampleSource::open(path).ok());
}

TEST(Samples, NoiseIsSeeded) {
  const std::vector<InputSpec> inputs{{"x", DType::float32, {-1, 3, -1, 8}, 0, 0},
                                      {"t", DType::int64, {1, -1}, 0, 0}};
  const auto load = [&](uint64_t seed, size_t i) {
    auto source = std::make_shared<SampleSource>(SampleSource::synthetic(inputs, 2, seed));
    return std::move(Loader::make(source, inputs, {})->load(i)).value();
  };
  const auto a = load(1, 0);
  EXPECT_EQ(a[0].tensor.shape(), (Shape{1, 3, 224, 8}));
  EXPECT_EQ(a[1].tensor.shape(), (Shape{1, 16}));
  EXPECT_TRUE(a[0].tensor.identical(load(1, 0)[0].tensor));
  EXPECT_FALSE(a[0].tensor.identical(load(1, 1)[0].tensor));
  EXPECT_FALSE(a[0].tensor.identical(load(2, 0)[0].tensor));
  double sum = 0, squares = 0;
  for (float v : a[0].tensor.as<float>()) sum += v, squares += double{v} * v;
  EXPECT_NEAR(sum / 5376, 0, 0.05);
  EXPECT_NEAR(squares / 5376, 1, 0.05);
}

TEST(Labels, EveryForm) {
  const auto names = [](const std::string& text) { return parse_labels(text, "x")->names; };
  const std::vector<std::string> two{"tench, Tinca", "shark"};
  EXPECT_EQ(names("tench, Tinca\nshark\n"), two);
  EXPECT_EQ(names("\xef\xbb\xbftench, Tinca\r\nshark\r\n\r\n"), two);
  EXPECT_EQ(names(R"(["tench, Tinca", "shark"])"), two);
  EXPECT_EQ(names(R"({"1": ["n2", "shark"], "0": ["n1", "tench, Tinca"]})"), two);
  EXPECT_EQ(names("index,name\n0,\"tench, Tinca\"\n1,shark\n"), two);
  auto csv = parse_labels("file,class_index,wnid,name\na.jpg,2,n1,bird\n", "x");
  ASSERT_TRUE(csv.ok());
  EXPECT_EQ(csv->name(2), "bird");
  EXPECT_EQ(csv->name(0), "");
  EXPECT_EQ(csv->name(-1), "");
  EXPECT_EQ(csv->classes.at("a.jpg"), 2);
}

TEST(Labels, Refuses) {
  for (const char* text :
       {"", " \n", "[1, 2]", "{\"a\": \"b\"}", "[\"a\"", "index,name\nx,a\n", "index,name\n99999999999,a\n"})
    EXPECT_FALSE(parse_labels(text, "x").ok()) << text;
}

}  // namespace
}  // namespace fetafix::data
