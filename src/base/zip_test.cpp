#include "base/zip.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/zip_places.h"

namespace fetafix {
namespace {

Bytes text(const std::string& content) {
  const BytesView view = as_bytes(content);
  return {view.begin(), view.end()};
}

const std::vector<ZipEntry> three{
    {"a", text("first")}, {"folder/b", Bytes(5000, std::byte{7})}, {"c", text("")}};

TEST(Zip, WhatIsPackedIsUnpacked) {
  for (bool compressed : {false, true}) {
    const auto archive = zip(three, compressed);
    ASSERT_TRUE(archive.ok());
    EXPECT_EQ(archive->size() < 1000, compressed);
    EXPECT_EQ(*archive, *zip(three, compressed));
    const auto entries = unzip(*archive, "x");
    ASSERT_TRUE(entries.ok()) << entries.error().message;
    ASSERT_EQ(entries->size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ((*entries)[i].name, three[i].name);
      EXPECT_EQ((*entries)[i].bytes, three[i].bytes);
    }
  }
}

TEST(Zip, OnlyWhatIsWantedIsUnpacked) {
  const auto archive = zip(three, true);
  const auto some = unzip(*archive, "x", 10, {"a", "c"});
  ASSERT_TRUE(some.ok()) << some.error().message;
  ASSERT_EQ(some->size(), 3u);
  EXPECT_EQ((*some)[0].bytes, three[0].bytes);
  EXPECT_EQ((*some)[1].name, "folder/b");
  EXPECT_TRUE((*some)[1].bytes.empty());
  EXPECT_FALSE(unzip(*archive, "x", 10).ok());
}

TEST(Zip, WhatIsStoredIsFoundInItsPlace) {
  const auto archive = zip(three);
  for (const ZipEntry& entry : three) {
    const auto found = stored_entry(*archive, entry.name);
    ASSERT_TRUE(found) << entry.name;
    EXPECT_EQ(Bytes(found->begin(), found->end()), entry.bytes);
    EXPECT_TRUE(found->data() >= archive->data() &&
                found->data() + found->size() <= archive->data() + archive->size());
  }
  EXPECT_FALSE(stored_entry(*archive, "d"));
  EXPECT_FALSE(stored_entry(*zip(three, true), "folder/b"));
  EXPECT_FALSE(stored_entry(Bytes(100), "a"));
}

// Whatever an archive says of a place: what is found there is what unzip gives.
TEST(Zip, AFalsePlaceIsNotBelieved) {
  const Bytes archive = *zip(three);
  for (size_t at = 0; at < archive.size(); ++at) {
    if (at > 100 && at < 5000) continue;  // inside of the long entry
    Bytes damaged = archive;
    damaged[at] = static_cast<std::byte>(std::to_integer<int>(damaged[at]) ^ 1);
    const auto found = stored_entry(damaged, "folder/b");
    if (!found) continue;
    EXPECT_EQ(Bytes(found->begin(), found->end()), three[1].bytes) << at;
  }
  Bytes damaged = archive;
  damaged[1000] = std::byte{8};
  EXPECT_FALSE(stored_entry(damaged, "folder/b"));  // its checksum says otherwise
}

TEST(Zip, ReplacedEntriesAloneChange) {
  for (bool compressed : {false, true}) {
    const auto archive = zip(three, compressed);
    const auto changed = rezip(*archive, {{"a", text("second")}}, "x");
    ASSERT_TRUE(changed.ok()) << changed.error().message;
    const auto entries = unzip(*changed, "x");
    ASSERT_TRUE(entries.ok() && entries->size() == 3);
    EXPECT_EQ((*entries)[0].bytes, text("second"));
    EXPECT_EQ((*entries)[1].name, "folder/b");
    EXPECT_EQ((*entries)[1].bytes, three[1].bytes);
    EXPECT_EQ(*rezip(*archive, {}, "x"), *archive);
    EXPECT_EQ(*changed, *rezip(*archive, {{"a", text("second")}}, "x"));
    const auto back = rezip(*changed, {{"a", text("first")}}, "x");
    EXPECT_EQ(*back, *archive);
  }
}

TEST(Zip, WhatIsNotThereOrThereTwiceIsNotReplaced) {
  auto archive = zip({{"one", text("1")}, {"two", text("2")}});
  EXPECT_NE(rezip(*archive, {{"three", text("3")}}, "x").error().message.find("no entry 'three'"),
            std::string::npos);
  for (size_t i = 0; i + 3 <= archive->size(); ++i)
    if (std::memcmp(archive->data() + i, "two", 3) == 0) std::memcpy(archive->data() + i, "one", 3);
  const auto twice = rezip(*archive, {{"one", text("3")}}, "x");
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().message.find("twice"), std::string::npos);
}

TEST(StoredEntries, AreAllEntriesWhereTheyLie) {
  const std::vector<ZipEntry> two{{"folder/a", text("first")}, {"b", text("")}};
  const auto archive = zip(two);
  const auto found = stored_entries(*archive, "x");
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].name, "folder/a");
  EXPECT_EQ(Bytes((*found)[0].bytes.begin(), (*found)[0].bytes.end()), two[0].bytes);
  EXPECT_GE((*found)[0].bytes.data(), archive->data());
  EXPECT_TRUE((*found)[1].bytes.empty());
  const auto packed = stored_entries(*zip({{"a", Bytes(1000)}}, true), "x");
  ASSERT_FALSE(packed.ok());
  EXPECT_NE(packed.error().message.find("packed"), std::string::npos);
  EXPECT_FALSE(stored_entries(Bytes(100), "x").ok());
}

// The archive of one entry "a" with this content, whose check sum stands behind it, as PyTorch writes them.
Bytes with_sums_behind(const std::string& content, uint32_t sum) {
  const auto number = [](uint64_t value, size_t size) {
    std::string out;
    for (size_t i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<char>(value));
    return out;
  };
  const auto size = number(content.size(), 4);
  const std::string kind =
      number(20, 2) + number(8, 2) + number(0, 6);  // version, flags, not packed, no time
  std::string out =
      number(0x04034b50, 4) + kind + number(0, 12) + number(1, 2) + number(0, 2) + "a" + content;
  out += number(0x08074b50, 4) + number(sum, 4) + size + size;
  const size_t list = out.size();
  out += number(0x02014b50, 4) + number(20, 2) + kind + number(sum, 4) + size + size + number(1, 2) +
         number(0, 16) + "a";
  const size_t length = out.size() - list;
  return text(out + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) + number(length, 4) +
              number(list, 4) + number(0, 2));
}

TEST(Rezip, AsManyBytesGoIntoTheirPlace) {
  const Bytes before = with_sums_behind("first", 0x9271ee57), after = with_sums_behind("other", 0xd9583520);
  ASSERT_TRUE(stored_entries(before, "x").ok());
  const auto changed = rezip(before, {{"a", text("other")}}, "x");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(*changed, after);
  const auto archive = zip(three);
  const auto both = rezip(*archive, {{"a", text("other")}, {"c", text("more")}}, "x");
  ASSERT_TRUE(both.ok());
  EXPECT_EQ((*unzip(*both, "x"))[0].bytes, text("other"));
  EXPECT_EQ((*unzip(*both, "x"))[2].bytes, text("more"));
}

// Some writers say that check sums follow and write none: what follows is the next entry.
TEST(Rezip, CheckSumsThatAreNotThereAreNotWritten) {
  Bytes before = *zip({{"a", text("first")}, {"b", text("second")}});
  before[zip_places(before)[0].header + 6] |= std::byte{8};
  const auto changed = rezip(before, {{"a", text("other")}}, "x");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_EQ(changed->size(), before.size());
  const auto entries = stored_entries(*changed, "x");
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  EXPECT_EQ((*unzip(*changed, "x"))[0].bytes, text("other"));
  EXPECT_EQ((*unzip(*changed, "x"))[1].bytes, text("second"));
}

TEST(Rezip, AnEntryThatHasTheSameBytesKeepsThem) {
  Bytes before = *zip({{"a", text("first")}, {"b", text("first")}});
  const auto places = zip_places(before);
  std::fill_n(before.begin() + static_cast<std::ptrdiff_t>(places[1].listed + 42), 4, std::byte{0});
  ASSERT_EQ(zip_places(before)[1].header, places[0].header);
  const auto changed = rezip(before, {{"a", text("other")}}, "x");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  const auto entries = unzip(*changed, "x");
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  EXPECT_EQ((*entries)[0].bytes, text("other"));
  EXPECT_EQ((*entries)[1].bytes, text("first"));
}

TEST(Rezip, AddsEntriesBehindTheOthers) {
  const auto archive = zip({{"a", text("first")}});
  const auto more = rezip(*archive, {}, "x", {{"b", text("second")}});
  ASSERT_TRUE(more.ok()) << more.error().message;
  const auto entries = stored_entries(*more, "x");
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ(entries_in_head(*more), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(entries_in_head(Bytes(100)).empty());
}

}  // namespace
}  // namespace fetafix
