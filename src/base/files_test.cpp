#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace fetafix {
namespace {

namespace fs = std::filesystem;

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string text_of(const fs::path& path) {
  auto bytes = read_file(path);
  return bytes.ok() ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size())
                    : bytes.error().message;
}

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryFolder::make();
    ASSERT_TRUE(made.ok());
    folder.emplace(std::move(made).value());
  }
  fs::path in(const char* name) const { return folder->path() / name; }
  std::optional<TemporaryFolder> folder;
};

TEST_F(Files, WhatIsWrittenIsRead) {
  const std::string text("a\0b\n", 4);
  ASSERT_TRUE(write_file(in("x"), text).ok());
  EXPECT_EQ(text_of(in("x")), text);
  ASSERT_TRUE(write_file(in("x"), std::string()).ok());
  EXPECT_EQ(text_of(in("x")), "");
  EXPECT_EQ(entries(folder->path()), 1u);
}

TEST_F(Files, AFailedWriteLeavesTheOldFileAndNothingElse) {
  fs::create_directories(in("taken") / "inside");  // a folder that isn't empty can't be replaced
  const Status status = write_file(in("taken"), "new");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::file);
  EXPECT_NE(status.error().message.find("taken"), std::string::npos);
  EXPECT_EQ(entries(folder->path()), 1u);
  EXPECT_TRUE(fs::is_directory(in("taken")));
}

TEST_F(Files, WritingIntoAMissingFolderSaysWhere) {
  const Status status = write_file(in("none/x"), "new");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("none/x"), std::string::npos);
}

// Renaming over the name, not writing through it: whoever has the old file open or linked keeps it.
TEST_F(Files, ReadersOfTheOldFileKeepIt) {
  ASSERT_TRUE(write_file(in("x"), "old").ok());
  fs::create_hard_link(in("x"), in("linked"));
  ASSERT_TRUE(write_file(in("x"), "new").ok());
  EXPECT_EQ(text_of(in("linked")), "old");
  EXPECT_EQ(text_of(in("x")), "new");
}

TEST_F(Files, ReadingWhatIsNoFileIsAnError) {
  for (const fs::path& path : {in("missing"), folder->path(), fs::path("/dev/null"), fs::path("")}) {
    const auto bytes = read_file(path);
    ASSERT_FALSE(bytes.ok()) << path;
    EXPECT_EQ(bytes.error().kind, ErrorKind::file);
    EXPECT_NE(bytes.error().message.find(path.string()), std::string::npos);
  }
}

TEST_F(Files, ATemporaryFolderGoesWithItsObject) {
  fs::path path;
  {
    auto made = TemporaryFolder::make();
    ASSERT_TRUE(made.ok());
    TemporaryFolder moved = std::move(made).value();
    path = moved.path();
    ASSERT_TRUE(write_file(path / "x", "y").ok());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Sha256, KnownVectors) {
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Overwrites, InputsAndWhatHoldsThemAndWhatLiesInThem) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  const std::filesystem::path root = folder->path(), model = root / "model", graph = model / "graph.pb";
  std::filesystem::create_directories(model);
  ASSERT_TRUE(write_file(graph, std::string("graph")).ok());
  std::filesystem::create_hard_link(graph, root / "same.pb");
  EXPECT_TRUE(overwrites(graph, graph));
  EXPECT_TRUE(overwrites(root / "same.pb", graph));
  EXPECT_TRUE(overwrites(model / ".." / "model" / "", graph));  // the folder that holds it
  EXPECT_TRUE(overwrites(model, model));
  EXPECT_TRUE(overwrites(model / "fixed", model));
  EXPECT_FALSE(overwrites(root / "model2", model));
  EXPECT_FALSE(overwrites(root / "fixed", model));
  EXPECT_FALSE(overwrites(model / "fixed.pb", graph));
  EXPECT_FALSE(overwrites("", graph));
}

}  // namespace
}  // namespace fetafix
