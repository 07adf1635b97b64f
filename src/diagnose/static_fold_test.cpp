#include "diagnose/static_fold.h"

#include <gtest/gtest.h>

#include <numeric>

namespace fetafix::diagnose {
namespace {

using Ints = std::vector<int64_t>;

graph::Node node(const char* type, graph::Attributes attributes = {}) {
  graph::Node out;
  out.type = type;
  out.attributes = std::move(attributes);
  return out;
}

Tensor ints(const Ints& values) {
  return Tensor::vector(values);
}

Ints values_of(const Tensor& tensor) {
  if (tensor.dtype() != DType::int64) return {-99};
  const auto values = tensor.as<int64_t>();
  return {values.begin(), values.end()};
}

TEST(Fold, ATorchPadding) {
  // What torch writes for pads 0, 1, 2, 3 of the last two dimensions: last dimension first, so turned around.
  const Tensor zeros = fold(node("ConstantOfShape", {{"value", ints({0})}}), {ints({4})});
  const Tensor list = fold(node("Concat"), {ints({0, 1, 2, 3}), zeros});
  EXPECT_EQ(values_of(list), (Ints{0, 1, 2, 3, 0, 0, 0, 0}));
  const Tensor pairs = fold(node("Reshape"), {list, ints({-1, 2})});
  const Tensor turned = fold(node("Slice"), {pairs, ints({-1}), ints({-INT64_MAX}), ints({0}), ints({-1})});
  EXPECT_EQ(values_of(turned), (Ints{0, 0, 0, 0, 2, 3, 0, 1}));
  const Tensor sides = fold(node("Transpose", {{"perm", Ints{1, 0}}}), {turned});
  const Tensor pads = fold(node("Reshape"), {sides, ints({-1})});
  EXPECT_EQ(values_of(fold(node("Cast", {{"to", int64_t{7}}}), {pads})), (Ints{0, 0, 2, 0, 0, 0, 3, 1}));
}

TEST(Fold, Slices) {
  Tensor six = ints({0, 1, 2, 3, 4, 5});
  EXPECT_EQ(values_of(fold(node("Slice"), {six, ints({1}), ints({-1})})), (Ints{1, 2, 3, 4}));
  EXPECT_EQ(values_of(fold(node("Slice"), {six, ints({4}), ints({0}), ints({0}), ints({-2})})), (Ints{4, 2}));
  const Tensor grid = six.reshaped({2, 3});
  EXPECT_EQ(values_of(fold(node("Slice"), {grid, ints({1}), ints({99}), ints({-1})})), (Ints{1, 2, 4, 5}));
}

TEST(Fold, WhatMakesNoSenseIsNotKnown) {
  EXPECT_TRUE(fold(node("ConstantOfShape"), {ints({1 << 20, 1 << 20})}).empty());
  EXPECT_TRUE(fold(node("ConstantOfShape"), {ints({-1})}).empty());
  EXPECT_TRUE(fold(node("Reshape"), {ints({1, 2, 3}), ints({2, -1})}).empty());
  EXPECT_TRUE(fold(node("Concat"), {ints({1}), Tensor()}).empty());
  EXPECT_TRUE(fold(node("Slice"), {ints({1}), ints({0}), ints({1}), ints({5})}).empty());
  EXPECT_TRUE(fold(node("Cast", {{"to", int64_t{8}}}), {ints({1})}).empty());
  EXPECT_TRUE(fold(node("Transpose", {{"perm", Ints{7, 0}}}), {ints({1, 2}).reshaped({1, 2})}).empty());
  EXPECT_TRUE(fold(node("Relu"), {ints({1})}).empty());
}

}  // namespace
}  // namespace fetafix::diagnose
