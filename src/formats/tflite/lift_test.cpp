#include "formats/tflite/build_for_test.h"
#include "formats/tflite/lift_families.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

using graph::Role;
using schema::TensorType;

TEST(Lift, SmallNet) {
  SmallNet net;
  const Lifted view = lifted(*net.native());
  EXPECT_TRUE(view.notes.empty());
  EXPECT_EQ(types(view.graph),
            "Transpose Conv Clip Transpose Transpose MaxPool Transpose Reshape MatMul Add Softmax");
  const auto& conv = node_of(view.graph, "Conv");
  EXPECT_EQ(graph::to_text(conv.attributes.at("pads")), "[0,0,1,1]");  // SAME puts the odd pixel at the end
  EXPECT_EQ(conv.slots, (std::vector<int>{-1, 1, 2}));
  EXPECT_EQ(conv.role, Role::core);
  const auto& kernel = operand(view.graph, conv, 1);
  EXPECT_EQ(kernel.constant.shape(), (Shape{4, 3, 3, 3}));
  EXPECT_EQ(kernel.lens->native_tensor, net.weights);
  EXPECT_EQ(kernel.lens->permutation, (std::vector<int>{0, 3, 1, 2}));
  EXPECT_EQ(node_of(view.graph, "Clip").role, Role::activation);
  EXPECT_EQ(node_of(view.graph, "Transpose").role, Role::bridge);
  EXPECT_EQ(node_of(view.graph, "Transpose").slots, (std::vector<int>{0}));
  EXPECT_EQ(operand(view.graph, node_of(view.graph, "MatMul"), 1).constant.shape(), (Shape{16, 5}));
  EXPECT_EQ(node_of(view.graph, "Add").role, Role::bias);
}

TEST(Lift, ValuesKnowTheirTensors) {
  SmallNet net;
  const Lifted view = lifted(*net.native());
  const auto& out = view.graph.value(view.graph.outputs[0]);
  EXPECT_EQ(out.native_tensor, net.result);
  EXPECT_EQ(out.native_name, "result");
  const auto& inner = view.graph.value(node_of(view.graph, "Conv").outputs[0]);
  EXPECT_EQ(inner.native_tensor, -1);
  EXPECT_TRUE(inner.native_name.empty());
}

TEST(Lift, SameTwice) {
  SmallNet net;
  auto model = net.native();
  EXPECT_EQ(graph::to_text(lifted(*model).graph), graph::to_text(lifted(*model).graph));
}

TEST(LiftWhile, IsOneLoop) {
  const Lifted view = lifted(*Counting().native());
  EXPECT_EQ(view.notes.size(), 1u);
  EXPECT_EQ(types(view.graph), "Less Loop");
  EXPECT_EQ(node_of(view.graph, "Less").role, Role::bridge);
  const auto& loop = node_of(view.graph, "Loop");
  EXPECT_EQ(loop.slots, (std::vector<int>{-1, -1, 0, 1}));
  EXPECT_EQ(view.graph.value(loop.outputs.at(0)).dtype, DType::int32);
  EXPECT_EQ(view.graph.value(loop.outputs.at(1)).native_name, "sum");
  EXPECT_EQ(graph::to_text(*loop.bodies.at("body").graph),
            "input %loop/step int64[]\ninput %loop/condition bool[]\ninput %i int32[]\n"
            "input %v float32[1,2]\nconst %1 int32[] {1}\nconst %w float32[1,2] {0, 0.5}\n"
            "const %3 int32[] {3}\n%next = Add(%i, %1)\n%after = Add(%v, %w)\n%go = Less(%next, %3)\n"
            "output %go\noutput %next\noutput %after\n");
}

TEST(LiftWhile, IsOpaqueWhereItCannotBeEvaluated) {
  const auto reason = [](Build& model) {
    const Lifted view = lifted(*model.native());
    EXPECT_EQ(types(view.graph), "WHILE");
    return view.notes.empty() ? "" : view.notes[0];
  };
  Counting foreign;
  foreign.enter(2);
  foreign.model().operator_codes[foreign.op(1).opcode_index]->builtin_code = Builtin::SVDF;
  foreign.model().operator_codes[foreign.op(1).opcode_index]->deprecated_builtin_code =
      static_cast<int8_t>(Builtin::SVDF);
  EXPECT_NE(reason(foreign).find("SVDF"), std::string::npos);
  Counting missing;
  missing.enter(0);
  missing.op(0).builtin_options.AsWhileOptions()->body_subgraph_index = 9;
  EXPECT_NE(reason(missing).find("no subgraph 9"), std::string::npos);
  Counting growing;
  growing.enter(1);
  growing.graph().tensors[1]->shape = {2, 2};
  EXPECT_NE(reason(growing).find("variable 1 changes its form"), std::string::npos);
  Counting endless;  // the body is the main graph
  endless.enter(0);
  endless.op(0).builtin_options.AsWhileOptions()->body_subgraph_index = 0;
  EXPECT_NE(reason(endless).find("opaque"), std::string::npos);
}

TEST(Lift, DynamicSizesKeepSame) {
  SmallNet net;
  for (auto& tensor : net.graph().tensors)
    if (tensor->name == "image" || tensor->name == "features")
      tensor->shape_signature = {-1, -1, -1, tensor->shape[3]};
  const Lifted view = lifted(*net.native());
  const auto& conv = node_of(view.graph, "Conv");
  EXPECT_EQ(graph::attribute_or(conv, "auto_pad", std::string()), "SAME_UPPER");
  EXPECT_FALSE(conv.attributes.contains("pads"));
  EXPECT_EQ(*view.graph.value(view.graph.inputs[0]).shape, (Shape{-1, -1, -1, 3}));
  // No signature in a dynamic model: the stored shape is one example.
  EXPECT_EQ(*view.graph.value(node_of(view.graph, "MatMul").inputs[0]).shape, (Shape{-1, -1}));
}

TEST(Lift, StridesThatRunNowhereAreWhatTheyAre) {
  Build b;
  const int x = b.input("x", {1, 5, 5, 2}), w = b.ramp("w", {1, 3, 3, 2}), c = b.tensor("c", {1, 5, 5, 2});
  const int y = b.tensor("y", {1, 5, 5, 2});
  schema::DepthwiseConv2DOptionsT convolution;
  convolution.padding = schema::Padding::SAME;
  convolution.stride_h = 0;
  convolution.stride_w = 1;
  convolution.depth_multiplier = 1;
  b.add(Builtin::DEPTHWISE_CONV_2D, {x, w}, {c}, convolution);
  schema::Pool2DOptionsT pool;
  pool.padding = schema::Padding::VALID;
  pool.stride_h = pool.stride_w = 0;
  pool.filter_height = pool.filter_width = 1;
  b.add(Builtin::MAX_POOL_2D, {c}, {y}, pool);
  b.output(y);
  const Lifted view = lifted(*b.native());
  using Ints = std::vector<int64_t>;
  const auto& conv = node_of(view.graph, "Conv");
  EXPECT_EQ(graph::attribute_or(conv, "strides", Ints{}), (Ints{0, 1}));
  EXPECT_EQ(graph::attribute_or(conv, "auto_pad", std::string()), "SAME_UPPER");
  EXPECT_EQ(graph::attribute_or(node_of(view.graph, "MaxPool"), "strides", Ints{}), (Ints{0, 0}));
}

TEST(Lift, ResolvePadding) {
  const Window same = resolve_padding(schema::Padding::SAME, 224, 3, 2, 1);
  EXPECT_EQ(same.output, 112);
  EXPECT_EQ(same.before, 0);
  EXPECT_EQ(same.after, 1);
  EXPECT_EQ(resolve_padding(schema::Padding::VALID, 7, 3, 2, 1).output, 3);
  EXPECT_EQ(resolve_padding(schema::Padding::SAME, 7, 3, 1, 2).before, 2);
  EXPECT_EQ(resolve_padding(schema::Padding::SAME, 7, 1, 2, 1).after, 0);
}

TEST(Lift, DepthwiseKernelAndGroups) {
  Build b;
  const int x = b.input("x", {1, 5, 5, 2}), w = b.ramp("w", {1, 3, 3, 4}), y = b.tensor("y", {1, 3, 3, 4});
  schema::DepthwiseConv2DOptionsT options;
  options.padding = schema::Padding::VALID;
  options.stride_h = options.stride_w = 1;
  options.depth_multiplier = 2;
  b.add(Builtin::DEPTHWISE_CONV_2D, {x, w}, {y}, options);
  b.output(y);
  const Lifted view = lifted(*b.native());
  const auto& conv = node_of(view.graph, "Conv");
  EXPECT_EQ(graph::attribute_or(conv, "group", int64_t{0}), 2);
  EXPECT_EQ(operand(view.graph, conv, 1).constant.shape(), (Shape{4, 1, 3, 3}));
  EXPECT_EQ(operand(view.graph, conv, 1).constant.as<float>()[1], 0.5f * 4);  // next column: 4 channels on
}

// A transposed convolution of a dynamic batch: PACK(STRIDED_SLICE(SHAPE(x)), MUL(height, 2), 8, 2).
struct Upscaled : Build {
  int x, height, sizes, y;

  Upscaled() {
    using enum TensorType;
    x = input("x", {1, 4, 4, 3});
    graph().tensors[static_cast<size_t>(x)]->shape_signature = {-1, 4, 4, 3};
    const int shape = tensor("shape", {4}, INT32);
    add(Builtin::SHAPE, {x}, {shape}, schema::ShapeOptionsT());
    const int batch = dimension(shape, 0), rows = dimension(shape, 1),
              two = constant<int32_t>("two", {}, {2});
    height = tensor("height", {}, INT32);
    add(Builtin::MUL, {rows, two}, {height}, schema::MulOptionsT());
    sizes = tensor("sizes", {4}, INT32);
    schema::PackOptionsT pack;
    pack.values_count = 4;
    add(Builtin::PACK, {batch, height, constant<int32_t>("width", {}, {8}), two}, {sizes}, pack);
    y = tensor("y", {1, 8, 8, 2});
    graph().tensors[static_cast<size_t>(y)]->shape_signature = {-1, 8, 8, 2};
    schema::TransposeConvOptionsT options;
    options.stride_h = options.stride_w = 2;
    options.padding = schema::Padding::SAME;
    add(Builtin::TRANSPOSE_CONV, {sizes, ramp("w", {2, 3, 3, 3}), x}, {y}, options);
    output(y);
  }

  int dimension(int shape, int32_t at) {
    const std::string name = "d" + std::to_string(at);
    const int out = tensor(name, {}, TensorType::INT32);
    schema::StridedSliceOptionsT options;
    options.shrink_axis_mask = 1;
    add(Builtin::STRIDED_SLICE,
        {shape, constant<int32_t>(name + "/begin", {1}, {at}),
         constant<int32_t>(name + "/end", {1}, {at + 1}), constant<int32_t>(name + "/step", {1}, {1})},
        {out}, options);
    return out;
  }
};

TEST(Lift, ComputedOutputSizeIsKnownButTheBatch) {
  const Lifted view = lifted(*Upscaled().native());
  EXPECT_TRUE(view.notes.empty());
  const auto& conv = node_of(view.graph, "ConvTranspose");
  EXPECT_EQ(graph::to_text(conv.attributes.at("pads")), "[0,0,1,1]");
  EXPECT_EQ(graph::to_text(conv.attributes.at("output_padding")), "[0,0]");
}

TEST(Lift, OutputSizeThatDependsOnTheRunIsOpaque) {
  Upscaled b;
  b.graph().tensors[static_cast<size_t>(b.x)]->shape_signature = {-1, -1, 4, 3};
  const Lifted view = lifted(*b.native());
  EXPECT_EQ(types(view.graph, static_cast<int>(b.graph().operators.size()) - 1), "TRANSPOSE_CONV");
  ASSERT_EQ(view.notes.size(), 1u);
  EXPECT_NE(view.notes[0].find("sizes other than the batch"), std::string::npos);
}

TEST(Lift, QuantizedConvolutionIsFloatInside) {
  Build b;
  const int x = b.input("x", {1, 4, 4, 1}, TensorType::INT8);
  b.quantize(x, {0.5f}, {3});
  const int w = b.constant<int8_t>("w", {2, 1, 1, 1}, {10, -20});
  b.quantize(w, {0.25f, 0.125f}, {0, 0}, 0);
  const int bias = b.constant<int32_t>("bias", {2}, {8, 16});
  const int y = b.tensor("y", {1, 4, 4, 2}, TensorType::INT8);
  b.quantize(y, {0.1f}, {-1});
  schema::Conv2DOptionsT options;
  options.stride_h = options.stride_w = 1;
  b.add(Builtin::CONV_2D, {x, w, bias}, {y}, options);
  b.output(y);
  const Lifted view = lifted(*b.native());
  EXPECT_EQ(types(view.graph),
            "DequantizeLinear Transpose DequantizeLinear DequantizeLinear Conv Transpose QuantizeLinear");
  const auto& weights = node_of(view.graph, "DequantizeLinear", 1);
  EXPECT_EQ(weights.role, Role::constant);
  EXPECT_EQ(weights.slots, (std::vector<int>{1, scale_slot + 1, zero_point_slot + 1}));
  EXPECT_EQ(graph::attribute_or(weights, "axis", int64_t{-1}), 0);
  const auto& of_bias = node_of(view.graph, "DequantizeLinear", 2);
  EXPECT_EQ(of_bias.role, Role::bias);
  EXPECT_TRUE(operand(view.graph, of_bias, 1).constant.identical(Tensor::vector<float>({0.125f, 0.0625f})));
  EXPECT_EQ(view.graph.value(view.graph.outputs[0]).dtype, DType::int8);
}

TEST(Lift, Float16ConstantsAreConstants) {
  Build b;
  const int x = b.input("x", {1, 2});
  const int half = b.tensor("half", {2}, TensorType::FLOAT16), full = b.tensor("full", {2}),
            y = b.tensor("y", {1, 2});
  auto buffer = std::make_unique<schema::BufferT>();
  buffer->data = {0x00, 0x3c, 0x00, 0x40};  // 1, 2
  b.graph().tensors[static_cast<size_t>(half)]->buffer = 1;
  b.model().buffers.push_back(std::move(buffer));
  b.add(Builtin::DEQUANTIZE, {half}, {full});
  b.add(Builtin::ADD, {x, full}, {y}, schema::AddOptionsT());
  b.output(y);
  const Lifted view = lifted(*b.native());
  EXPECT_EQ(types(view.graph), "Add");
  const auto& value = operand(view.graph, view.graph.nodes[0], 1);
  EXPECT_TRUE(value.constant.identical(Tensor::vector<float>({1, 2})));
  EXPECT_EQ(value.lens->native_tensor, half);
}

TEST(Lift, StridedSliceMasks) {
  Build b;
  const int x = b.input("x", {4, 5, 6}), y = b.tensor("y", {5, 3});
  schema::StridedSliceOptionsT options;
  options.shrink_axis_mask = 1;
  options.begin_mask = options.end_mask = 2;
  b.add(Builtin::STRIDED_SLICE,
        {x, b.constant<int32_t>("begin", {3}, {-1, 0, 5}), b.constant<int32_t>("end", {3}, {0, 0, -7}),
         b.constant<int32_t>("strides", {3}, {1, 1, -2})},
        {y}, options);
  b.output(y);
  const Lifted view = lifted(*b.native());
  EXPECT_EQ(types(view.graph), "Slice Squeeze");
  const auto& slice = node_of(view.graph, "Slice");
  EXPECT_TRUE(operand(view.graph, slice, 1).constant.identical(Tensor::vector<int64_t>({-1, 0, 5})));
  EXPECT_TRUE(operand(view.graph, slice, 2)
                  .constant.identical(Tensor::vector<int64_t>({2147483647, 2147483647, -7})));
}

TEST(Lift, UnknownOperatorsAreOpaque) {
  Build b;
  const int x = b.input("x", {2}), y = b.tensor("y", {2});
  const int op = b.add(Builtin::CUSTOM, {x, -1}, {y});
  b.model().operator_codes[0]->custom_code = "Mystery";
  b.output(y);
  const Lifted view = lifted(*b.native());
  ASSERT_EQ(view.graph.nodes.size(), 1u);
  EXPECT_TRUE(view.graph.nodes[0].opaque);
  EXPECT_EQ(view.graph.nodes[0].type, "CUSTOM:Mystery");
  EXPECT_EQ(view.graph.nodes[0].native.index, op);
  EXPECT_EQ(view.graph.nodes[0].inputs, (std::vector<graph::ValueId>{view.graph.inputs[0], graph::no_value}));
  ASSERT_EQ(view.notes.size(), 1u);
}

// A form that the function refuses half-way leaves nothing behind.
TEST(Lift, RefusedFormsAreOpaque) {
  SmallNet net;
  net.op(0).builtin_options.AsConv2DOptions()->fused_activation_function =
      schema::ActivationFunctionType::SIGN_BIT;
  const Lifted view = lifted(*net.native());
  EXPECT_EQ(types(view.graph, 0), "CONV_2D");
  EXPECT_TRUE(view.graph.nodes[0].opaque);
  EXPECT_NE(view.notes.at(0).find("fused activation function"), std::string::npos);
}

TEST(Lift, EveryRuleOnce) {
  std::set<Builtin> seen;
  for (const LiftRule& rule : lift_rules())
    EXPECT_TRUE(seen.insert(rule.builtin).second) << builtin_name(rule.builtin);
  EXPECT_EQ(find_lift_rule(Builtin::IF), nullptr);
}

}  // namespace
}  // namespace fetafix::formats::tflite
