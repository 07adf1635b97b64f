#include "graph/operators.h"

#include <gtest/gtest.h>

namespace fetafix::graph {
namespace {

TEST(Operators, AreThoseOfTheViewsOpset) {
  for (const char* type : {"Abs", "Add", "Conv", "Div", "Gelu", "LSTM", "LayerNormalization", "Xor"})
    EXPECT_TRUE(is_operator(type)) << type;
  for (const char* type : {"", "Erfc", "conv", "Upsample", "RMSNormalization", "FusedConv"})
    EXPECT_FALSE(is_operator(type)) << type;
}

}  // namespace
}  // namespace fetafix::graph
