#include "pipeline/recorded.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "data/npy.h"
#include "graph/parse_text.h"

namespace fetafix::pipeline {
namespace {

Tensor numbers(const Shape& shape) {
  Tensor out = *Tensor::zeros(DType::float32, shape);
  float next = 0;
  for (float& v : out.mutable_as<float>()) v = next++;
  return out;
}

class Recorded : public ::testing::Test {
 protected:
  void SetUp() override {
    auto parsed =
        graph::parse_text("input %x float32[1,2]\n%y = Relu(%x)\n%z = Neg(%y)\noutput %y\noutput %z\n");
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    view = std::move(parsed).value();
    for (auto& value : view.values) value.native_name = value.name;
    view.value(view.outputs[0]).shape = Shape{1, 2};
  }
  std::string error_of(const std::vector<data::NamedTensor>& arrays) {
    EXPECT_TRUE(data::write_npz(path, arrays).ok());
    const auto read = read_recorded(path, view, 3);
    if (read.ok()) return "";
    EXPECT_EQ(read.error().kind, ErrorKind::usage);
    return read.error().message;
  }

  TemporaryFolder folder = TemporaryFolder::make().value();
  std::filesystem::path path = folder.path() / "outputs.npz";
  graph::Graph view;
};

TEST_F(Recorded, RowsBecomeSamples) {
  ASSERT_TRUE(data::write_npz(path, {{"z", numbers({3, 5})}, {"y", numbers({3, 2})}}).ok());
  const auto read = read_recorded(path, view, 3);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[1][0].shape(), (Shape{1, 2}));
  EXPECT_EQ((*read)[1][0].as<float>()[0], 2);
  EXPECT_EQ((*read)[2][1].shape(), (Shape{5}));
  EXPECT_EQ((*read)[2][1].as<float>()[4], 14);
}

TEST_F(Recorded, SaysWhatIsWrong) {
  EXPECT_NE(error_of({{"y", numbers({3, 2})}}).find("no array for output 'z'; the file holds 'y'"),
            std::string::npos);
  EXPECT_NE(error_of({{"y", numbers({3, 4})}, {"z", numbers({3, 2})}}).find("expected a row of shape [1,2]"),
            std::string::npos);
  EXPECT_NE(error_of({{"y", numbers({4, 2})}, {"z", numbers({3, 2})}}).find("expected 3 samples"),
            std::string::npos);
  EXPECT_EQ(read_recorded(folder.path() / "no.npz", view, 3).error().kind, ErrorKind::file);
}

}  // namespace
}  // namespace fetafix::pipeline
