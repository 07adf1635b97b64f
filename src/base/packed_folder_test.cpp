#include "base/packed_folder.h"

#include <gtest/gtest.h>

namespace fetafix {
namespace {

namespace fs = std::filesystem;

TEST(PackedFolder, GivesTheSameFilesAgain) {
  const auto from = TemporaryFolder::make(), to = TemporaryFolder::make();
  ASSERT_TRUE(from.ok() && to.ok());
  fs::create_directories(from->path() / "variables");
  ASSERT_TRUE(write_file(from->path() / "graph.pb", std::string("graph")).ok());
  ASSERT_TRUE(write_file(from->path() / "variables" / "data", std::string()).ok());
  const auto packed = read_packed(from->path());
  ASSERT_TRUE(packed.ok());
  EXPECT_TRUE(is_packed_folder(*packed));
  ASSERT_TRUE(unpack_folder(*packed, to->path()).ok());
  const auto again = read_packed(to->path());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *packed);
  EXPECT_EQ(fs::file_size(to->path() / "variables" / "data"), 0u);
}

TEST(PackedFolder, OfAFileIsTheFile) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(write_file(folder->path() / "a", std::string("content")).ok());
  const auto bytes = read_packed(folder->path() / "a");
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->size(), 7u);
  EXPECT_FALSE(is_packed_folder(*bytes));
}

TEST(PackedFolder, RefusesDamageAndNamesThatLeadOut) {
  const auto from = TemporaryFolder::make(), to = TemporaryFolder::make();
  ASSERT_TRUE(from.ok() && to.ok());
  ASSERT_TRUE(write_file(from->path() / "ab", std::string("content")).ok());
  const auto packed = read_packed(from->path());
  ASSERT_TRUE(packed.ok());
  for (size_t size = 0; size < packed->size(); ++size) {
    const auto status = unpack_folder(BytesView(*packed).first(size), to->path());
    EXPECT_EQ(status.ok(), size == 17) << size;  // an empty folder
  }
  Bytes hostile = *packed;
  hostile[25] = hostile[26] = std::byte{'.'};
  EXPECT_FALSE(unpack_folder(hostile, to->path()).ok());
}

}  // namespace
}  // namespace fetafix
