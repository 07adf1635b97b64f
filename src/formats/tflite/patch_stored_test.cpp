// Real numbers written into quantized, float16 and shared constants; the patched file, lifted again, holds
// what the patched view holds.
#include <algorithm>

#include "formats/tflite/build_for_test.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

using graph::Edit;
using graph::Role;

// What a patched file lifts to; its constants must be those of the patched view, node by node.
Lifted patched(const Build& build, std::vector<Edit> edits) {
  const graph::Patch patch = patch_of(std::move(edits));
  auto model = build.native()->patched(patch);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  if (!model.ok()) return {};
  Lifted again = lifted(**model), view = lifted(*build.native());
  const Status applied = graph::apply(view.graph, patch);
  EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().message);
  EXPECT_EQ(types(again.graph), types(view.graph));
  for (size_t n = 0; n < again.graph.nodes.size() && n < view.graph.nodes.size(); ++n)
    for (size_t i = 0; i < again.graph.nodes[n].inputs.size(); ++i) {
      const Tensor& expected = operand(view.graph, view.graph.nodes[n], i).constant;
      const Tensor& actual = operand(again.graph, again.graph.nodes[n], i).constant;
      EXPECT_TRUE(expected.identical(actual)) << n << " " << i << " " << to_text(expected) << to_text(actual);
    }
  return again;
}

std::string refusal(const Build& build, std::vector<Edit> edits) {
  auto model = build.native()->patched(patch_of(std::move(edits)));
  return model.ok() ? "" : model.error().message;
}

const schema::TensorT& tensor_of(const schema::ModelT& model, int op, int slot) {
  const auto& graph = *model.subgraphs[0];
  return *graph.tensors[static_cast<size_t>(
      graph.operators[static_cast<size_t>(op)]->inputs[static_cast<size_t>(slot)])];
}

std::unique_ptr<schema::ModelT> patched_file(const Build& build, std::vector<Edit> edits) {
  auto folder = TemporaryFolder::make();
  auto model = build.native()->patched(patch_of(std::move(edits)));
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  EXPECT_TRUE((*model)->write(folder->path() / "m").ok());
  return schema::UnPackModel(read_file(folder->path() / "m")->data());
}

// FULLY_CONNECTED or CONV_2D, int8 with an int32 bias; the channels are axis 0.
struct QuantizedNet : Build {
  explicit QuantizedNet(bool per_channel, bool with_bias = true) {
    using schema::TensorType;
    const int x = input("x", {1, 1, 1, 2}, TensorType::INT8), y = tensor("y", {1, 1, 1, 2}, TensorType::INT8);
    const int w = constant<int8_t>("w", {2, 1, 1, 2}, {1, 2, 3, 4});
    const int b = constant<int32_t>("b", {2}, {16, -32});
    quantize(x, {0.5f}, {0});
    quantize(y, {0.5f}, {0});
    quantize(w, per_channel ? std::vector<float>{0.25f, 0.5f} : std::vector<float>{0.25f},
             per_channel ? std::vector<int64_t>{0, 0} : std::vector<int64_t>{0});
    quantize(b, per_channel ? std::vector<float>{0.125f, 0.25f} : std::vector<float>{0.125f},
             per_channel ? std::vector<int64_t>{0, 0} : std::vector<int64_t>{0});
    schema::Conv2DOptionsT options;
    options.stride_h = options.stride_w = 1;
    add(Builtin::CONV_2D, {x, w, with_bias ? b : -1}, {y}, options);
    output(y);
  }
};

Tensor kernel(std::vector<float> values) {  // as the view has it: OIHW
  return Tensor::of(values, {2, 2, 1, 1});
}

TEST(PatchStored, RealWeightsThatFit) {
  for (bool per_channel : {false, true}) {
    const QuantizedNet net(per_channel);
    const auto file = patched_file(net, {graph::SetTensor{at(0), 1, kernel({1, 2, 3, 31.5f})}});
    const auto& data = file->buffers[tensor_of(*file, 0, 1).buffer]->data;
    EXPECT_EQ(data,
              per_channel ? (std::vector<uint8_t>{4, 8, 6, 63}) : (std::vector<uint8_t>{4, 8, 12, 126}));
    patched(net, {graph::SetTensor{at(0), 1, kernel({1, 2, 3, 31.5f})}});
    patched(net, {graph::SetTensor{at(0, Role::constant), 1, kernel({1, 2, 3, 31.5f})}});
  }
}

TEST(PatchStored, AWiderRangeTakesScaleAndBiasAlong) {
  for (bool per_channel : {false, true}) {
    const QuantizedNet net(per_channel);
    const std::vector<Edit> edits{graph::SetTensor{at(0), 1, kernel({127, 1, 1, 2})}};
    const auto file = patched_file(net, edits);
    const auto& weights = *tensor_of(*file, 0, 1).quantization;
    const auto& bias = *tensor_of(*file, 0, 2).quantization;
    EXPECT_EQ(weights.scale, per_channel ? (std::vector<float>{1, 0.5f}) : (std::vector<float>{1}));
    EXPECT_EQ(bias.scale, per_channel ? (std::vector<float>{0.5f, 0.25f}) : (std::vector<float>{0.5f}));
    const auto after = patched(net, edits);
    const auto& steps = node_of(after.graph, "DequantizeLinear", 2);
    EXPECT_TRUE(operand(after.graph, steps, 0)
                    .constant.identical(Tensor::vector<int32_t>({4, per_channel ? -32 : -8})));
  }
}

TEST(PatchStored, RealBiases) {
  for (bool per_channel : {false, true}) {
    const QuantizedNet net(per_channel);
    const Tensor bias = Tensor::vector<float>({1, -3});
    const auto after = patched(net, {graph::SetTensor{at(0), 2, bias}});
    EXPECT_TRUE(operand(after.graph, node_of(after.graph, "DequantizeLinear", 2), 0)
                    .constant.identical(Tensor::vector<int32_t>({8, per_channel ? -12 : -24})));
    // Weights and bias of one group: the bias counts in the steps that the weights have then.
    const auto both =
        patched(net, {graph::SetTensor{at(0), 1, kernel({127, 1, 1, 2})}, graph::SetTensor{at(0), 2, bias}});
    EXPECT_TRUE(operand(both.graph, node_of(both.graph, "DequantizeLinear", 2), 0)
                    .constant.identical(Tensor::vector<int32_t>({2, per_channel ? -12 : -6})));
    EXPECT_NE(refusal(net, {graph::SetTensor{at(0), 2, Tensor::vector<float>({1e10f, 0})}})
                  .find("does not fit int32"),
              std::string::npos);
  }
}

TEST(PatchStored, AnAbsentBiasIsAddedInSteps) {
  const QuantizedNet net(true, false);
  const auto file = patched_file(net, {graph::SetTensor{at(0), 2, Tensor::vector<float>({1, -3})}});
  const auto& bias = tensor_of(*file, 0, 2);
  EXPECT_EQ(bias.type, schema::TensorType::INT32);
  EXPECT_EQ(bias.quantization->scale, (std::vector<float>{0.125f, 0.25f}));
  const auto* values = reinterpret_cast<const int32_t*>(file->buffers[bias.buffer]->data.data());
  EXPECT_EQ(values[0], 8);
  EXPECT_EQ(values[1], -12);
}

// Two convolutions of one kernel; the second reads what the first writes in steps of 0.5.
struct TwoConvolutions : QuantizedNet {
  TwoConvolutions() : QuantizedNet(true) {
    const int z = tensor("z", {1, 1, 1, 2}, schema::TensorType::INT8);
    quantize(z, {0.5f}, {0});
    schema::Conv2DOptionsT options;
    options.stride_h = options.stride_w = 1;
    add(Builtin::CONV_2D, {op(0).outputs[0], op(0).inputs[1], op(0).inputs[2]}, {z}, options);
    graph().outputs = {z};
  }
};

TEST(PatchStored, ScalesOfSharedConstantsAreCopiedWithThem) {
  const TwoConvolutions net;
  const auto file = patched_file(net, {graph::SetTensor{at(1), 1, kernel({127, 1, 1, 2})}});
  EXPECT_EQ(tensor_of(*file, 0, 1).quantization->scale, (std::vector<float>{0.25f, 0.5f}));
  EXPECT_EQ(tensor_of(*file, 1, 1).quantization->scale, (std::vector<float>{1, 0.5f}));
  EXPECT_EQ(tensor_of(*file, 0, 2).quantization->scale, (std::vector<float>{0.125f, 0.25f}));
  EXPECT_EQ(tensor_of(*file, 1, 2).quantization->scale, (std::vector<float>{0.5f, 0.25f}));
  patched(net, {graph::SetTensor{at(1), 1, kernel({127, 1, 1, 2})}});
}

TEST(PatchStored, TheSameChangeOfAllUsesNeedsNoCopy) {
  const TwoConvolutions net;
  const Tensor large = kernel({127, 1, 1, 2});
  const size_t tensors = patched_file(net, {})->subgraphs[0]->tensors.size();
  const auto file = patched_file(net, {graph::SetTensor{at(0), 1, large}, graph::SetTensor{at(1), 1, large}});
  EXPECT_EQ(file->subgraphs[0]->tensors.size(), tensors);
  EXPECT_EQ(tensor_of(*file, 0, 2).quantization->scale, (std::vector<float>{0.5f, 0.25f}));
  patched(net, {graph::SetTensor{at(0), 1, large}, graph::SetTensor{at(1), 1, large}});
  const auto two = patched_file(
      net, {graph::SetTensor{at(0), 1, large}, graph::SetTensor{at(1), 1, kernel({1, 1, 1, 1})}});
  EXPECT_GT(two->subgraphs[0]->tensors.size(), tensors);
}

TEST(PatchStored, SharedBuffersOfTheSameNewContentAreSharedAgain) {
  Build b;
  const int x = b.input("x", {1, 4}), c = b.ramp("c", {4}), d = b.tensor("d", {4}), e = b.ramp("e", {4});
  auto& tensors = b.graph().tensors;
  tensors[static_cast<size_t>(d)]->buffer = tensors[static_cast<size_t>(c)]->buffer;
  tensors[static_cast<size_t>(e)]->buffer = tensors[static_cast<size_t>(c)]->buffer;
  int y = x;
  for (int constant : {c, d, e}) {
    const int next = b.tensor("y", {1, 4});
    b.add(Builtin::ADD, {y, constant}, {next}, schema::AddOptionsT());
    y = next;
  }
  b.output(y);
  const Tensor one = Tensor::vector<float>({1, 1, 1, 1});
  const auto file = patched_file(b, {graph::SetTensor{at(0), 1, one}, graph::SetTensor{at(1), 1, one}});
  EXPECT_EQ(tensor_of(*file, 0, 1).buffer, tensor_of(*file, 1, 1).buffer);
  EXPECT_NE(tensor_of(*file, 0, 1).buffer, tensor_of(*file, 2, 1).buffer);
}

TEST(PatchStored, Float16ConstantsAreRounded) {
  Build b;
  const int x = b.input("x", {1, 2}), y = b.tensor("y", {1, 2}), unpacked = b.tensor("c", {2});
  const int stored = b.tensor("c16", {2}, schema::TensorType::FLOAT16);
  b.graph().tensors[static_cast<size_t>(stored)]->buffer = static_cast<uint32_t>(b.model().buffers.size());
  b.model().buffers.push_back(std::make_unique<schema::BufferT>());
  b.model().buffers.back()->data = {0, 0x3c, 0, 0x40};  // 1 and 2
  b.add(Builtin::DEQUANTIZE, {stored}, {unpacked});
  b.add(Builtin::ADD, {x, unpacked}, {y}, schema::AddOptionsT());
  b.output(y);
  const auto after = patched(b, {graph::SetTensor{at(1), 1, Tensor::vector<float>({0.1f, 3})}});
  const float rounded = operand(after.graph, node_of(after.graph, "Add"), 1).constant.as<float>()[0];
  EXPECT_NE(rounded, 0.1f);
  EXPECT_NEAR(rounded, 0.1f, 1e-4f);
  EXPECT_NE(refusal(b, {graph::SetTensor{at(1), 1, Tensor::vector<float>({1e6f, 3})}}).find("float16"),
            std::string::npos);
}

TEST(PatchStored, ABiasSaysInWhichStepsItWasCounted) {
  for (bool per_channel : {false, true}) {
    QuantizedNet net(per_channel);
    const auto view = lifted(*net.native());
    const auto claims = [](const graph::Graph& graph) {
      return std::ranges::count_if(graph.values, [](const graph::Value& value) {
        return value.lens && value.lens->attribute == "claimed_scale";
      });
    };
    EXPECT_EQ(claims(view.graph), 1);
    net.graph().tensors[static_cast<size_t>(net.op(0).inputs[2])]->quantization = nullptr;
    EXPECT_EQ(claims(lifted(*net.native()).graph), 0);
  }
}

TEST(PatchStored, AScaleOfAComputedTensorIsSetForAllWhoReadIt) {
  const TwoConvolutions net;
  const std::vector<Edit> edits{
      graph::SetTensor{at(0, Role::quantize), output_scale_slot, Tensor::scalar(0.25f)}};
  const auto file = patched_file(net, edits);
  EXPECT_EQ(tensor_of(*file, 1, 0).quantization->scale, (std::vector<float>{0.25f}));
  patched(net, edits);
}

TEST(PatchStored, AnotherTensorIsReadInItsOwnSteps) {
  Build net;
  using schema::TensorType;
  const int a = net.input("a", {1, 2}, TensorType::INT8), b = net.input("b", {1, 2}, TensorType::INT8);
  const int c = net.tensor("c", {1, 2}, TensorType::INT8), y = net.tensor("y", {1, 2}, TensorType::INT8);
  net.quantize(a, {0.5f}, {1});
  net.quantize(b, {0.25f}, {-3});
  net.quantize(c, {2}, {0});
  net.quantize(y, {1}, {0});
  net.add(Builtin::ADD, {a, b}, {c}, schema::AddOptionsT());
  net.add(Builtin::ADD, {c, a}, {y}, schema::AddOptionsT());
  net.output(y);
  graph::ValueAddress other;
  other.graph_input = 1;
  const std::vector<Edit> edits{graph::SetOperand{at(1), 1, other}};
  EXPECT_EQ(tensor_of(*patched_file(net, edits), 1, 1).name, "b");
  patched(net, edits);
}

TEST(PatchStored, AnInsertedOperatorCountsAsTheEditSays) {
  const TwoConvolutions net;
  auto insert =
      insertion(output_of(at(0, Role::quantize)), "Add",
                {{"output_scale", 0.75f}, {"output_zero_point", int64_t{5}}}, {std::nullopt, std::nullopt});
  graph::ValueAddress image;
  image.graph_input = 0;
  insert.other_operands.emplace_back(1, image);
  for (const auto& edge : {output_of(at(0, Role::quantize)), output_of(at(1, Role::dequantize))}) {
    insert.edge = edge;
    const auto file = patched_file(net, {insert});
    const auto& made = tensor_of(*file, 2, 0);
    EXPECT_EQ(made.quantization->scale, (std::vector<float>{0.75f}));
    EXPECT_EQ(made.quantization->zero_point, (std::vector<int64_t>{5}));
    EXPECT_EQ(tensor_of(*file, 1, 0).quantization->scale, (std::vector<float>{0.5f}));
    patched(net, {insert});
  }
  auto constant = insertion(insert.edge, "Add", insert.attributes, {std::nullopt, Tensor::scalar(3.0f)});
  EXPECT_NE(refusal(net, {constant}).find("of a constant"), std::string::npos);
  insert.attributes.clear();
  EXPECT_NE(refusal(net, {insert}).find("would need a scale"), std::string::npos);
}

}  // namespace
}  // namespace fetafix::formats::tflite
