#include "pipeline/budget.h"

#include <gtest/gtest.h>

namespace fetafix::pipeline {
namespace {

constexpr size_t mb = 1 << 20;

TEST(Budget, WithoutALimitEverythingFits) {
  Budget budget;
  EXPECT_TRUE(budget.hold("all", size_t{1} << 50, "").ok());
  EXPECT_EQ(budget.share(8, 1000), 1000u);
}

TEST(Budget, TheErrorListsWhatIsHeld) {
  Budget budget(100);
  EXPECT_EQ(budget.share(10, 1000 * mb), 10 * mb);
  EXPECT_TRUE(budget.hold("models", 60 * mb, "").ok());
  EXPECT_TRUE(budget.check("values", 40 * mb, "").ok());
  const auto status = budget.hold("values", 41 * mb, "use less");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::usage);
  EXPECT_EQ(status.error().message,
            "--memory 100: at least 101 MB are needed (models 60 MB, values 41 MB); use less");
  EXPECT_TRUE(budget.hold("values", 40 * mb, "").ok());  // what was refused is not held
}

}  // namespace
}  // namespace fetafix::pipeline
