#include "data/npy.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/zip.h"
#include "tensor/half.h"

namespace fetafix::data {
namespace {

// A version 1 file with the given dictionary and data.
Bytes npy(const std::string& header, const std::vector<unsigned char>& data) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(header.size() & 255);
  text += static_cast<char>(header.size() >> 8);
  text += header;
  text.append(data.begin(), data.end());
  const BytesView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

std::string failure(const std::string& header, const std::vector<unsigned char>& data = {}) {
  auto tensor = parse_npy(npy(header, data), "x.npy");
  return tensor.ok() ? "" : tensor.error().message;
}

TEST(Npy, RoundTripsEveryType) {
  for (DType dtype :
       {DType::float32, DType::float64, DType::float16, DType::int8, DType::uint8, DType::int16,
        DType::uint16, DType::int32, DType::uint32, DType::int64, DType::uint64, DType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{2, 0, 4}}) {
      auto tensor = Tensor::zeros(dtype, shape);
      ASSERT_TRUE(tensor.ok());
      auto bytes = tensor->mutable_bytes();
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i % 2);
      auto written = npy_bytes(*tensor);
      ASSERT_TRUE(written.ok());
      auto read = parse_npy(*written, "x");
      ASSERT_TRUE(read.ok()) << read.error().message;
      EXPECT_TRUE(read->identical(*tensor)) << to_text(*read);
    }
  }
}

TEST(Npy, DataStartsAlignedAsNumpyWantsIt) {
  auto bytes = npy_bytes(Tensor::vector<float>({1, 2}));
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->size(), 128u + 8u);
  EXPECT_EQ((*bytes)[127], std::byte{'\n'});
}

TEST(Npy, Bfloat16BecomesFloat32) {
  auto half = cast(Tensor::vector<float>({1.5F, -2}), DType::bfloat16);
  auto bytes = npy_bytes(*half);
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(parse_npy(*bytes, "x")->identical(Tensor::vector<float>({1.5F, -2})));
}

TEST(Npy, FortranOrderAndBigEndian) {
  auto tensor = parse_npy(npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n",
                              {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 1, 0}),
                          "x");
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_TRUE(tensor->identical(Tensor::of<int16_t>({1, 2, 3, 4, 5, 256}, {2, 3})));
}

TEST(Npy, KeysInAnyOrderAndLooseSpaces) {
  auto tensor = parse_npy(npy(R"({"shape":( 2 , ),"descr":"|u1","fortran_order":False})", {7, 8}), "x");
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_TRUE(tensor->identical(Tensor::vector<uint8_t>({7, 8})));
}

TEST(Npy, BooleansAreZeroOrOne) {
  auto tensor = parse_npy(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", {0, 255}), "x");
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->bytes()[1], std::byte{1});
}

TEST(Npy, RefusesHostileHeaders) {
  const std::string type = "'descr': '<f4', 'fortran_order': False, ";
  EXPECT_NE(failure("{" + type + "'shape': (1000000000000,)}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (-1,)}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (99999999999999999999,)}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (4294967296, 4294967296, 4294967296)}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (1,), 'more': 1}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (1,), 'shape': (1,)}"), "");
  EXPECT_NE(failure("{" + type + "}"), "");
  EXPECT_NE(failure("{" + type + "'shape': (1,)} junk"), "");
  EXPECT_NE(failure("__import__('os')"), "");
  EXPECT_NE(failure(""), "");
  EXPECT_EQ(failure("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
            "x.npy: elements of type '|O'; only numbers and booleans are read");
  EXPECT_EQ(failure("{" + type + "'shape': (2,)}", {0, 0, 0, 0}),
            "x.npy: truncated: shape [2] of float32, and 4 bytes of data");
}

TEST(Npy, EveryTruncationIsAnError) {
  auto whole = npy_bytes(Tensor::of<float>({1, 2, 3, 4}, {2, 2}));
  ASSERT_TRUE(whole.ok());
  for (size_t n = 0; n < whole->size(); ++n)
    EXPECT_FALSE(parse_npy(BytesView(*whole).first(n), "x").ok()) << n;
}

TEST(Npz, RoundTripIsDeterministic) {
  auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  const std::vector<NamedTensor> arrays{{"image", Tensor::of<float>({1, 2}, {2, 1})},
                                        {"a/b:0", Tensor::vector<int64_t>({3})}};
  ASSERT_TRUE(write_npz(folder->path() / "1.npz", arrays).ok());
  ASSERT_TRUE(write_npz(folder->path() / "2.npz", arrays).ok());
  EXPECT_EQ(*read_file(folder->path() / "1.npz"), *read_file(folder->path() / "2.npz"));
  auto read = read_arrays(folder->path() / "1.npz");
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[1].name, "a/b:0");
  EXPECT_TRUE((*read)[0].tensor.identical(arrays[0].tensor));
}

TEST(Npz, RefusesWhatIsNone) {
  auto folder = TemporaryFolder::make();
  const auto path = folder->path() / "x.npz";
  ASSERT_TRUE(write_file(path, std::string("hello")).ok());
  EXPECT_FALSE(read_arrays(path).ok());
  ASSERT_TRUE(write_file(path, std::string("PK\3\4 and nothing more")).ok());
  EXPECT_FALSE(read_arrays(path).ok());
  auto archive = zip({{"a.npy", Bytes(10)}});
  ASSERT_TRUE(write_file(path, *archive).ok());
  EXPECT_FALSE(read_arrays(path).ok());
}

TEST(Zip, LimitHoldsAgainstBombs) {
  auto archive = zip({{"a", Bytes(4000)}, {"b", Bytes(4000)}});
  ASSERT_TRUE(archive.ok());
  EXPECT_TRUE(unzip(*archive, "x", 8000).ok());
  EXPECT_FALSE(unzip(*archive, "x", 7999).ok());
  for (size_t n = 0; n < archive->size(); n += 97)
    EXPECT_FALSE(unzip(BytesView(*archive).first(n), "x").ok()) << n;
}

}  // namespace
}  // namespace fetafix::data
