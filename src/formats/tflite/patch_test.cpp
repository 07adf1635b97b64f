// Each kind of edit on a small net: applied, read again, lifted again.
#include <algorithm>

#include "formats/tflite/build_for_test.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

using graph::Address;
using graph::Edit;
using graph::Role;

Result<std::unique_ptr<NativeModel>> patch(const Build& build, std::vector<Edit> edits) {
  return build.native()->patched(patch_of(std::move(edits)));
}

Lifted patched(const Build& build, std::vector<Edit> edits) {
  auto model = patch(build, std::move(edits));
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? lifted(**model) : Lifted{};
}

std::string refusal(const Build& build, std::vector<Edit> edits) {
  auto model = patch(build, std::move(edits));
  EXPECT_FALSE(model.ok());
  if (model.ok()) return "";
  EXPECT_EQ(model.error().kind, ErrorKind::unsupported);
  return model.error().message;
}

Tensor ones(Shape shape) {
  Tensor out = *Tensor::zeros(DType::float32, std::move(shape));
  for (float& x : out.mutable_as<float>()) x = 1;
  return out;
}

template <class T>
std::string packed(const T& object) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(T::TableType::Pack(builder, &object));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

TEST(Patch, SetTensorGoesThroughTheLens) {
  SmallNet net;
  const auto view = lifted(*net.native());
  Tensor kernel = operand(view.graph, node_of(view.graph, "Conv"), 1).constant;
  kernel.mutable_as<float>()[1] = -7;
  const auto after = patched(net, {graph::SetTensor{at(0), 1, kernel}});
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Conv"), 1).constant.identical(kernel));
  EXPECT_EQ(types(after.graph), types(view.graph));
}

TEST(Patch, AConstantOfALoopsBodyIsWrittenInItsSubgraph) {
  Counting net;
  graph::Graph view = lifted(*net.native()).graph;
  const auto held = [](const graph::Graph& graph) {
    const graph::Graph* body = graph::body_of(graph, subgraph_name(2));
    return body ? operand(*body, body->nodes.at(1), 1).constant : Tensor();
  };
  EXPECT_FALSE(held(view).identical(ones({1, 2})));
  const std::vector<Edit> edits{graph::SetTensor{{{subgraph_name(2), 1}}, 1, ones({1, 2})}};
  const Lifted after = patched(net, edits);
  EXPECT_TRUE(held(after.graph).identical(ones({1, 2})));
  ASSERT_TRUE(graph::apply(view, patch_of(edits)).ok());
  EXPECT_TRUE(held(view).identical(ones({1, 2})));
  EXPECT_EQ(graph::to_text(after.graph), graph::to_text(lifted(*net.native()).graph));  // the main one
  EXPECT_NE(refusal(net, {graph::SetTensor{{{subgraph_name(7), 1}}, 1, ones({1, 2})}}).find("no loop"),
            std::string::npos);
}

TEST(Patch, NothingElseChanges) {
  SmallNet net;
  auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  auto model = patch(net, {graph::SetTensor{at(0), 2, ones({4})}});
  ASSERT_TRUE(model.ok());
  ASSERT_TRUE((*model)->write(folder->path() / "m").ok());
  auto bytes = read_file(folder->path() / "m");
  ASSERT_TRUE(bytes.ok());
  auto after = schema::GetModel(bytes->data())->UnPack();
  ASSERT_EQ(after->buffers.size(), net.model().buffers.size());
  for (size_t i = 0; i < after->buffers.size(); ++i)
    EXPECT_EQ(packed(*after->buffers[i]) == packed(*net.model().buffers[i]), i != 2) << i;
  for (size_t i = 0; i < after->buffers.size(); ++i) {
    const auto* data = schema::GetModel(bytes->data())->buffers()->Get(static_cast<uint32_t>(i))->data();
    EXPECT_EQ(data ? (data->Data() - reinterpret_cast<const uint8_t*>(bytes->data())) % 16 : 0, 0);
  }
  for (size_t i = 0; i < net.graph().tensors.size(); ++i)
    EXPECT_EQ(packed(*after->subgraphs[0]->tensors[i]), packed(*net.graph().tensors[i]));
  for (size_t i = 0; i < net.graph().operators.size(); ++i)
    EXPECT_EQ(packed(*after->subgraphs[0]->operators[i]), packed(*net.graph().operators[i]));
  EXPECT_EQ(after->description, "for a test");
  delete after;
}

TEST(Patch, SharedConstantsAreCopied) {
  Build b;
  const int x = b.input("x", {1, 4}), c = b.ramp("c", {4}), y = b.tensor("y", {1, 4}),
            z = b.tensor("z", {1, 4});
  b.add(Builtin::ADD, {x, c}, {y}, schema::AddOptionsT());
  b.add(Builtin::MUL, {y, c}, {z}, schema::MulOptionsT());
  b.output(z);
  const auto after = patched(b, {graph::SetTensor{at(1), 1, ones({4})}});
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Mul"), 1).constant.identical(ones({4})));
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Add"), 1)
                  .constant.identical(Tensor::vector<float>({0, 0.5f, 1, 1.5f})));
}

TEST(Patch, SharedBuffersAreCopied) {
  SmallNet net;
  auto& tensors = net.graph().tensors;
  const int twin = net.tensor("twin", {4});
  tensors[static_cast<size_t>(twin)]->buffer = tensors[static_cast<size_t>(net.bias)]->buffer;
  const int y = net.tensor("y", {1, 2, 2, 4});
  net.add(Builtin::ADD, {net.pooled, twin}, {y}, schema::AddOptionsT());
  net.output(y);
  const auto after = patched(net, {graph::SetTensor{at(0), 2, ones({4})}});
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Add", 1), 1)
                  .constant.identical(Tensor::vector<float>({0, 0.5f, 1, 1.5f})));
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Conv"), 2).constant.identical(ones({4})));
}

TEST(Patch, AbsentBiasIsAdded) {
  SmallNet net;
  net.op(0).inputs.resize(2);
  net.op(3).inputs[2] = -1;
  const auto after =
      patched(net, {graph::SetTensor{at(0), 2, ones({4})}, graph::SetTensor{at(3), 2, ones({5})}});
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Conv"), 2).constant.identical(ones({4})));
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Add"), 1).constant.identical(ones({5})));
  EXPECT_NE(refusal(net, {graph::SetTensor{at(1), 1, ones({4})}}).find("absent"), std::string::npos);
}

TEST(Patch, AxesKeepTheirType) {
  SmallNet net;
  const auto after = patched(net, {graph::SetTensor{at(2), 1, Tensor::vector<int64_t>({1, -1})}});
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Reshape"), 1)
                  .constant.identical(Tensor::vector<int64_t>({1, -1})));
  EXPECT_NE(refusal(net, {graph::SetTensor{at(2), 1, Tensor::vector<float>({1.5f, 2})}})
                .find("can't be stored as int32"),
            std::string::npos);
}

TEST(Patch, QuantizedWeightsAndScales) {
  Build b;
  const int x = b.input("x", {1, 2}, schema::TensorType::INT8),
            y = b.tensor("y", {1, 2}, schema::TensorType::INT8);
  const int w = b.constant<int8_t>("w", {2, 2}, {1, 2, 3, 4});
  for (int t : {x, y, w}) b.quantize(t, {0.5f}, {0});
  b.add(Builtin::FULLY_CONNECTED, {x, w}, {y}, schema::FullyConnectedOptionsT());
  b.output(y);
  const Address weights = at(0, Role::constant);
  const auto after = patched(b, {graph::SetTensor{weights, 1, Tensor::of<int8_t>({5, 6, 7, 8}, {2, 2})},
                                 graph::SetTensor{weights, scale_slot + 1, Tensor::scalar(0.25f)}});
  const auto& node = node_of(after.graph, "DequantizeLinear", 1);
  EXPECT_TRUE(operand(after.graph, node, 0).constant.identical(Tensor::of<int8_t>({5, 6, 7, 8}, {2, 2})));
  EXPECT_TRUE(operand(after.graph, node, 1).constant.identical(Tensor::scalar(0.25f)));
  const auto real = patched(b, {graph::SetTensor{weights, 1, ones({2, 2})}});
  EXPECT_TRUE(operand(real.graph, node_of(real.graph, "DequantizeLinear", 1), 0)
                  .constant.identical(Tensor::of<int8_t>({2, 2, 2, 2}, {2, 2})));
  EXPECT_NE(refusal(b, {insertion(output_of(at(0, Role::quantize)), "Sigmoid")}).find("scale"),
            std::string::npos);
}

TEST(Patch, Strides) {
  SmallNet net;
  const auto after = patched(net, {graph::SetAttribute{at(0), "strides", std::vector<int64_t>{1, 1}},
                                   graph::SetAttribute{at(0), "pads", std::vector<int64_t>{1, 1, 1, 1}}});
  EXPECT_EQ(types(after.graph, 0), "Transpose Conv Clip Transpose");
  EXPECT_EQ(graph::to_text(node_of(after.graph, "Conv").attributes.at("pads")), "[1,1,1,1]");
  EXPECT_EQ(*after.graph.value(node_of(after.graph, "MaxPool").outputs[0]).shape,
            (Shape{1, 4, 4, 4}));  // given on
}

TEST(Patch, PadsThatAreSame) {
  SmallNet net;
  net.op(0).builtin_options.AsConv2DOptions()->padding = schema::Padding::VALID;
  const auto after = patched(net, {graph::SetAttribute{at(0), "pads", std::vector<int64_t>{0, 0, 1, 1}}});
  EXPECT_EQ(types(after.graph, 0), "Transpose Conv Clip Transpose");
  EXPECT_EQ(graph::to_text(node_of(after.graph, "Conv").attributes.at("pads")), "[0,0,1,1]");
}

TEST(Patch, OtherPadsBecomeAPad) {
  SmallNet net;
  const auto after = patched(net, {graph::SetAttribute{at(0), "pads", std::vector<int64_t>{1, 1, 0, 0}}});
  EXPECT_EQ(types(after.graph, 0), "Pad");
  EXPECT_EQ(graph::to_text(node_of(after.graph, "Conv").attributes.at("pads")), "[0,0,0,0]");
  EXPECT_TRUE(operand(after.graph, node_of(after.graph, "Pad"), 1)
                  .constant.identical(Tensor::vector<int64_t>({0, 1, 1, 0, 0, 0, 0, 0})));
}

TEST(Patch, ActivationComesAndGoes) {
  SmallNet net;
  EXPECT_EQ(types(patched(net, {graph::RemoveNode{at(0, Role::activation)}}).graph, 0),
            "Transpose Conv Transpose");
  // A restored one is fused where there is room ...
  const auto fused =
      patched(net, {graph::RemoveNode{at(0, Role::activation)}, insertion(output_of(at(0)), "Relu")});
  EXPECT_EQ(types(fused.graph, 0), "Transpose Conv Relu Transpose");
  // ... and one behind the native tensor too; between core and function the function moves out.
  EXPECT_EQ(types(patched(net, {insertion(output_of(at(1, Role::bridge, 1)), "Relu")}).graph, 1),
            "Transpose MaxPool Relu Transpose");
  const auto between = patched(net, {insertion(output_of(at(0)), "Sigmoid")});
  EXPECT_EQ(types(between.graph).substr(0, 40), "Transpose Conv Transpose Sigmoid Clip Tr");
}

TEST(Patch, LostBiasComesBackAsBias) {
  SmallNet net;
  net.op(3).inputs.resize(2);
  const auto after = patched(net, {insertion(output_of(at(3)), "Add", {}, {std::nullopt, ones({5})})});
  EXPECT_EQ(types(after.graph, 3), "MatMul Add");
  EXPECT_EQ(node_of(after.graph, "Add").role, Role::bias);
}

TEST(Patch, ConstantsTurnWithTheEdge) {
  SmallNet net;
  Tensor per_channel = Tensor::of<float>({1, 2, 3, 4}, {4, 1, 1});
  const auto after = patched(net, {insertion(output_of(at(1)), "Mul", {}, {per_channel, std::nullopt})});
  const auto& constant = operand(after.graph, node_of(after.graph, "Mul"), 0).constant;
  EXPECT_EQ(constant.shape(), (Shape{1, 1, 1, 4}));
}

TEST(Patch, InsertedOperatorsLiftAgain) {
  SmallNet net;
  const auto inner = output_of(at(1));  // channels first
  const auto whole = output_of(at(3, Role::bias));
  const auto one = [&](const graph::ValueAddress& edge, const std::string& type, graph::Attributes attributes,
                       std::vector<std::optional<Tensor>> operands) {
    return types(patched(net, {insertion(edge, type, std::move(attributes), std::move(operands))}).graph);
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  for (const char* type : {"Abs", "Ceil", "Cos", "Elu", "Exp", "Floor", "Gelu", "HardSwish", "LeakyRelu",
                           "Log", "Neg", "Round", "Sigmoid", "Sign", "Sin", "Sqrt", "Tanh"})
    EXPECT_TRUE(has(one(whole, type, {}, {std::nullopt}), std::string("Add ") + type + " Softmax")) << type;
  for (const char* type : {"Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu"})
    EXPECT_TRUE(has(one(whole, type, {}, {std::nullopt, ones({5})}), std::string("Add ") + type + " Softmax"))
        << type;
  EXPECT_TRUE(has(one(whole, "Softmax", {}, {std::nullopt}), "Softmax Softmax"));
  EXPECT_TRUE(has(one(whole, "Reciprocal", {}, {std::nullopt}), "Add Div"));
  EXPECT_TRUE(has(one(whole, "Transpose", {{"perm", std::vector<int64_t>{1, 0}}}, {std::nullopt}),
                  "Add Transpose Softmax"));
  EXPECT_TRUE(
      has(one(whole, "Reshape", {}, {std::nullopt, Tensor::vector<int64_t>({5, 1})}), "Add Reshape Softmax"));
  EXPECT_TRUE(has(one(whole, "MatMul", {}, {std::nullopt, ones({5, 3})}), "Add MatMul Softmax"));
  EXPECT_TRUE(
      has(one(whole, "Clip", {}, {std::nullopt, Tensor::scalar(-2.f), Tensor::scalar(2.f)}), "Add Max Min"));
  EXPECT_TRUE(has(one(inner, "Pad", {}, {std::nullopt, Tensor::vector<int64_t>({0, 0, 1, 1, 0, 0, 1, 1})}),
                  "MaxPool Transpose Pad"));
  const std::vector<int64_t> two{2, 2};
  EXPECT_TRUE(has(one(inner, "AveragePool", {{"kernel_shape", two}}, {std::nullopt}),
                  "Transpose AveragePool Transpose"));
  EXPECT_TRUE(has(one(inner, "MaxPool", {{"kernel_shape", two}}, {std::nullopt}),
                  "MaxPool Transpose Transpose MaxPool"));
  EXPECT_TRUE(
      has(one(inner, "Conv", {}, {std::nullopt, ones({3, 4, 1, 1})}), "Transpose Conv Transpose Reshape"));
  EXPECT_TRUE(has(one(inner, "Conv", {{"group", int64_t{4}}}, {std::nullopt, ones({4, 1, 2, 2})}),
                  "Transpose Conv Transpose Reshape"));
  EXPECT_TRUE(
      has(one(inner, "BatchNormalization", {}, {std::nullopt, ones({4}), ones({4}), ones({4}), ones({4})}),
          "Mul Add Reshape"));
  EXPECT_NE(refusal(net, {insertion(whole, "Erf")}).find("not among"), std::string::npos);
}

TEST(Patch, OneConsumerAlone) {
  Build b;
  const int x = b.input("x", {1, 4}), y = b.tensor("y", {1, 4}), z = b.tensor("z", {1, 4});
  b.add(Builtin::ADD, {x, b.ramp("c", {4})}, {y}, schema::AddOptionsT());
  b.add(Builtin::MUL, {y, y}, {z}, schema::MulOptionsT());
  b.output(z);
  b.output(y);
  auto edit = insertion(output_of(at(0)), "Neg");
  edit.only_consumer = std::pair(at(1), 1);
  const auto after = patched(b, {edit});
  const auto& mul = node_of(after.graph, "Mul");
  EXPECT_EQ(operand(after.graph, mul, 0).name, "y");
  EXPECT_EQ(mul.inputs[1], node_of(after.graph, "Neg").outputs[0]);
}

TEST(Patch, LostJoinComesBack) {
  Build b;
  const int x = b.input("x", {1, 4}), y = b.tensor("y", {1, 4}), z = b.tensor("z", {1, 4});
  b.add(Builtin::NEG, {x}, {y});
  b.add(Builtin::ABS, {y}, {z});
  b.output(z);
  auto edit = insertion(output_of(at(1)), "Add", {}, {std::nullopt, std::nullopt});
  edit.other_operands = {{1, output_of(at(0))}};
  const auto after = patched(b, {edit});
  EXPECT_EQ(types(after.graph), "Neg Abs Add");
  EXPECT_EQ(operand(after.graph, node_of(after.graph, "Add"), 1).name, "y");
  EXPECT_EQ(after.graph.value(after.graph.outputs[0]).name, "z");
}

// 0 Conv, 1 Conv of it, whose output 2 Conv (through a bridge) and 3 Add read.
struct Forked : Build {
  Forked() {
    const int x = input("x", {1, 4, 4, 2});
    const int a = conv(x), b = conv(a), c = conv(b), y = tensor("y", {1, 4, 4, 2});
    add(Builtin::ADD, {b, c}, {y}, schema::AddOptionsT());
    output(y);
  }
  int conv(int from) {
    const int to = tensor("t" + std::to_string(from), {1, 4, 4, 2});
    schema::Conv2DOptionsT options;
    options.stride_h = options.stride_w = 1;
    add(Builtin::CONV_2D, {from, ramp("w", {2, 1, 1, 2}), ramp("b", {2})}, {to}, options);
    return to;
  }
};

TEST(Patch, ARemovedJoinOfTwoReadersIsPutBack) {
  const Forked net;
  const auto inner = [](int op) { return output_of(at(op, Role::bridge, 1)); };
  auto all = insertion(inner(1), "Add", {}, {std::nullopt, std::nullopt});
  all.other_operands = {{1, inner(0)}};
  const std::string whole =
      "Transpose Conv Transpose Transpose Conv Transpose Add Transpose Conv Transpose Add";
  // In front of each reader alone: seen from the third convolution the edge is turned.
  auto first = insertion(output_of(at(2, Role::bridge, 0)), "Add", {}, {std::nullopt, std::nullopt});
  first.other_operands = {{1, output_of(at(0))}};
  auto second = all;
  second.only_consumer = std::pair(at(3), 0);
  const auto readers_of_the_sum = [&](const std::vector<Edit>& edits) {
    const auto after = patched(net, edits);
    EXPECT_EQ(types(after.graph), whole);  // one for both
    const graph::ValueId sum = node_of(after.graph, "Add").outputs[0];
    return std::pair(after.graph.nodes[7].inputs[0] == sum, after.graph.nodes[10].inputs[0] == sum);
  };
  EXPECT_EQ(readers_of_the_sum({all}), std::pair(true, true));
  EXPECT_EQ(readers_of_the_sum({first}), std::pair(true, false));
  EXPECT_EQ(readers_of_the_sum({second}), std::pair(false, true));
  EXPECT_EQ(readers_of_the_sum({first, second}), std::pair(true, true));
  EXPECT_EQ(readers_of_the_sum({second, first}), std::pair(true, true));
}

TEST(Patch, RemoveBypasses) {
  SmallNet net;
  const auto after = patched(net, {graph::RemoveNode{at(4)}});
  EXPECT_EQ(after.graph.value(after.graph.outputs[0]).name, "logits");
  // What was fused into it stays.
  Build b;
  const int x = b.input("x", {1, 4}), y = b.tensor("y", {1, 4});
  schema::AddOptionsT options;
  options.fused_activation_function = schema::ActivationFunctionType::RELU;
  b.add(Builtin::ADD, {x, b.ramp("c", {4})}, {y}, options);
  b.output(y);
  EXPECT_EQ(types(patched(b, {graph::RemoveNode{at(0)}}).graph), "Relu");
}

TEST(Patch, OperandsAreRewired) {
  Build b;
  const int x = b.input("x", {1, 4}), y = b.tensor("y", {1, 4}), z = b.tensor("z", {1, 4});
  b.add(Builtin::NEG, {x}, {y});
  b.add(Builtin::ADD, {y, y}, {z}, schema::AddOptionsT());
  b.output(z);
  graph::ValueAddress input;
  input.graph_input = 0;
  const auto after = patched(b, {graph::SetOperand{at(1), 1, input}});
  EXPECT_EQ(operand(after.graph, node_of(after.graph, "Add"), 1).name, "x");
  EXPECT_NE(refusal(b, {graph::SetOperand{at(0), 0, output_of(at(1))}}).find("computed later"),
            std::string::npos);
}

TEST(Patch, TypesChange) {
  SmallNet net;
  const auto view = lifted(*net.native());
  const auto average =
      patched(net, {graph::ChangeType{at(1), "AveragePool", node_of(view.graph, "MaxPool").attributes}});
  EXPECT_EQ(types(average.graph, 1), "Transpose AveragePool Transpose");
  EXPECT_EQ(types(patched(net, {graph::ChangeType{at(0, Role::activation), "Relu", {}}}).graph, 0),
            "Transpose Conv Relu Transpose");
  EXPECT_NE(refusal(net, {graph::ChangeType{at(0), "MatMul", {}}}).find("can't become MatMul"),
            std::string::npos);
}

TEST(Patch, ArgKeepsItsOutputType) {
  Build b;
  const int x = b.input("x", {1, 4}), y = b.tensor("y", {1}, schema::TensorType::INT32);
  schema::ArgMaxOptionsT options;
  options.output_type = schema::TensorType::INT32;
  b.add(Builtin::ARG_MAX, {x, b.constant<int32_t>("axis", {}, {1})}, {y}, options);
  b.output(y);
  auto model =
      patch(b, {graph::ChangeType{at(0), "ArgMin", {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}}});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(types(lifted(**model).graph), "ArgMin Cast");
}

TEST(Patch, AddressesAreChecked) {
  SmallNet net;
  EXPECT_NE(refusal(net, {graph::SetTensor{at(77), 1, ones({4})}}).find("there is no operator 77"),
            std::string::npos);
  EXPECT_NE(refusal(net, {graph::SetAttribute{at(0), "group", int64_t{2}}}).find("no counterpart"),
            std::string::npos);
  EXPECT_NE(refusal(net, {graph::RemoveNode{at(0, Role::bridge)}}).find("bridge"), std::string::npos);
}

}  // namespace
}  // namespace fetafix::formats::tflite
