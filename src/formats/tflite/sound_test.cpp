// Files that no runtime loads: what is wrong is found in the file alone, and mending it makes a view of it.
#include "formats/tflite/sound.h"
#include "formats/tflite/build_for_test.h"

namespace fetafix::formats::tflite {
namespace {

// A convolution, an activation and a second convolution of the same size.
struct Net : Build {
  int image, kernel, second, a, b, c;
  Net() {
    image = input("image", {1, 4, 4, 2});
    kernel = ramp("kernel", {2, 1, 1, 2});
    second = ramp("second", {2, 1, 1, 2});
    a = tensor("a", {1, 4, 4, 2});
    b = tensor("b", {1, 4, 4, 2});
    c = tensor("c", {1, 4, 4, 2});
    schema::Conv2DOptionsT options;
    options.padding = schema::Padding::SAME;
    options.stride_h = options.stride_w = 1;
    options.dilation_h_factor = options.dilation_w_factor = 1;
    add(Builtin::CONV_2D, {image, kernel}, {a}, options);
    add(Builtin::LOGISTIC, {a}, {b});
    add(Builtin::CONV_2D, {b, second}, {c}, options);
    graph().outputs = {c};
  }
};

struct Mended {
  std::vector<std::string> patterns;
  std::string view;
};

Mended mended(const std::function<void(Net&)>& damage) {
  Net net;
  damage(net);
  const auto file = TfliteModel::parse(net.bytes());
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message);
  Mended out;
  graph::Patch patch;
  for (const Defect& defect : (*file)->defects({})) {
    out.patterns.push_back(defect.pattern);
    patch.groups.push_back({defect.ways[0], defect.explanation});
  }
  const auto patched = (*file)->patched(patch);
  if (!patched.ok()) return {out.patterns, patched.error().message};
  const auto view = (*patched)->lift();
  out.view = view.ok() ? graph::to_text(view->graph) : view.error().message;
  return out;
}

std::string sound() {
  return mended([](Net&) {}).view;
}

schema::OperatorCodeT& own_code(Net& net, int op) {
  net.model().operator_codes.push_back(
      std::make_unique<schema::OperatorCodeT>(*net.model().operator_codes[net.op(op).opcode_index]));
  net.op(op).opcode_index = static_cast<uint32_t>(net.model().operator_codes.size() - 1);
  return *net.model().operator_codes.back();
}

TEST(Sound, ARightFileHasNoDefect) {
  EXPECT_TRUE(mended([](Net&) {}).patterns.empty());
}

TEST(Sound, WhatHasOneWayGivesTheModelBack) {
  const std::vector<std::pair<std::string, std::function<void(Net&)>>> table{
      {"schema-version", [](Net& n) { n.model().version = 9; }},
      {"operator-version", [](Net& n) { own_code(n, 2).version = 99; }},
      {"operator-code", [](Net& n) { own_code(n, 2).builtin_code = Builtin::FULLY_CONNECTED; }},
      {"operator-order", [](Net& n) { std::swap(n.graph().operators[0], n.graph().operators[1]); }},
      {"dangling-operand",
       [](Net& n) {
         n.op(2).inputs[0] = n.tensor("lost", {1, 4, 4, 2});
       }},
      {"cycle", [](Net& n) { n.op(1).inputs[0] = n.c; }},
      {"tensor-type",
       [](Net& n) { n.graph().tensors[static_cast<size_t>(n.second)]->type = schema::TensorType::INT32; }},
      {"tensor-type",
       [](Net& n) { n.graph().tensors[static_cast<size_t>(n.a)]->type = schema::TensorType::INT32; }},
      {"input-type",
       [](Net& n) { n.graph().tensors[static_cast<size_t>(n.image)]->type = schema::TensorType::UINT8; }},
  };
  for (const auto& [pattern, damage] : table) {
    const Mended out = mended(damage);
    EXPECT_EQ(out.patterns, std::vector<std::string>{pattern});
    EXPECT_EQ(out.view, sound()) << pattern;
  }
}

TEST(Sound, AnOutputThatNothingComputesIsWhatNobodyReads) {
  const Mended out = mended([](Net& n) { n.graph().outputs[0] = n.tensor("lost", {1, 4, 4, 2}); });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"missing-output"});
  EXPECT_NE(out.view.find("output %c"), std::string::npos) << out.view;
}

TEST(Sound, ATensorWithoutDataGetsZerosOfItsShape) {
  const Mended out = mended([](Net& n) { n.graph().tensors[static_cast<size_t>(n.second)]->buffer = 0; });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"missing-tensor"});
}

// Files that lead outside themselves: refused as a model, read as one that lacks something.
TEST(Sound, WhatLeadsNowhereIsAbsent) {
  struct Row {
    std::string pattern, message;
    std::function<void(Net&)> damage;
  };
  const std::vector<Row> table{
      {"missing-tensor", "has buffer 99",
       [](Net& n) { n.graph().tensors[static_cast<size_t>(n.second)]->buffer = 99; }},
      {"missing-tensor", "its buffer holds 15",
       [](Net& n) {
         const auto buffer = n.graph().tensors[static_cast<size_t>(n.second)]->buffer;
         n.model().buffers[buffer]->data.pop_back();
       }},
      {"tensor-shape", "has shape [2,1,1,4]",
       [](Net& n) {
         n.graph().tensors[static_cast<size_t>(n.second)]->shape = {2, 1, 1, 4};
       }},
      {"dangling-operand", "an operand is tensor 99", [](Net& n) { n.op(2).inputs[0] = 99; }},
      {"missing-output", "an output is tensor 99", [](Net& n) { n.graph().outputs[0] = 99; }},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.message);
    Net net;
    row.damage(net);
    const auto file = TfliteModel::parse(net.bytes());
    ASSERT_TRUE(file.ok());
    const auto view = (*file)->lift();
    ASSERT_FALSE(view.ok());
    EXPECT_NE(view.error().message.find(row.message), std::string::npos) << view.error().message;
    const Mended out = mended(row.damage);
    EXPECT_EQ(out.patterns, std::vector<std::string>{row.pattern});
    EXPECT_NE(out.view.find("%c = "), std::string::npos) << out.view;
  }
}

TEST(Sound, ABiasThatCountsIsMadeReal) {
  const Mended out = mended([](Net& n) {
    const int bias = n.ramp("bias", {2});
    auto& tensor = *n.graph().tensors[static_cast<size_t>(bias)];
    tensor.type = schema::TensorType::INT32;
    n.model().buffers[tensor.buffer]->data = {3, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff};
    n.op(2).inputs.push_back(bias);
  });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"tensor-type"});
  EXPECT_NE(out.view.find("float32[2] {3, -4}"), std::string::npos) << out.view;
}

TEST(Sound, ATensorThatIsWrittenTwiceBecomesTwo) {
  const Mended out = mended([](Net& n) {
    n.op(2).outputs[0] = n.a;
    n.graph().outputs[0] = n.a;
  });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"duplicate-name"});
  EXPECT_NE(out.view.find("output %a/p"), std::string::npos) << out.view;
}

}  // namespace
}  // namespace fetafix::formats::tflite
