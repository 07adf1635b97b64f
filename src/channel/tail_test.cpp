#include "channel/tail.h"

#include <gtest/gtest.h>

namespace fetafix::channel {
namespace {

TEST(Tail, KeepsTheLastLines) {
  Tail tail;
  for (int i = 0; i < 1000; ++i) tail.add("line " + std::to_string(i) + "\n");
  tail.add("\n \nno end\x01");
  const std::string text = tail.text();
  EXPECT_TRUE(text.starts_with("line 991 | ")) << text;
  EXPECT_TRUE(text.ends_with("line 999 | no end?")) << text;
}

TEST(Tail, LeavesOutStackTraces) {
  Tail tail;
  tail.add("check failed: x\n*** stack trace: ***\n    @   0x7f");
  for (int i = 0; i < 1000; ++i) tail.add("00  some::function()\n    @   0x7f");
  tail.add("00 main\nend\n");
  EXPECT_EQ(tail.text(), "check failed: x | *** stack trace: *** | end");
}

}  // namespace
}  // namespace fetafix::channel
