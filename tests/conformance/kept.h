// How a test says which check is not kept.
#pragma once

#include <gtest/gtest.h>

#include "base/result.h"

namespace fetafix::conformance {

inline ::testing::AssertionResult kept(const char* check, const Status& status) {
  if (status.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << check << ": " << status.error().message;
}

}  // namespace fetafix::conformance

#define EXPECT_OK(status) EXPECT_PRED_FORMAT1(kept, status)
