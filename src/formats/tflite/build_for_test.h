// Tiny models for the tests of this room, made with the generated object interface.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "formats/tflite/model.h"

namespace fetafix::formats::tflite {

class Build {
 public:
  Build() {
    model_.version = 3;
    model_.description = "for a test";
    model_.buffers.push_back(std::make_unique<schema::BufferT>());
    model_.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
    graph().name = "main";
  }

  schema::ModelT& model() { return model_; }
  schema::SubGraphT& graph() { return *model_.subgraphs[current_]; }
  // What follows goes into another subgraph, a new one for each new number.
  void enter(size_t subgraph) {
    while (model_.subgraphs.size() <= subgraph)
      model_.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
    current_ = subgraph;
  }
  schema::OperatorT& op(int index) { return *graph().operators[static_cast<size_t>(index)]; }

  int tensor(const std::string& name, std::vector<int32_t> shape,
             schema::TensorType type = schema::TensorType::FLOAT32) {
    auto made = std::make_unique<schema::TensorT>();
    made->name = name;
    made->shape = std::move(shape);
    made->type = type;
    made->has_rank = true;
    graph().tensors.push_back(std::move(made));
    return static_cast<int>(graph().tensors.size()) - 1;
  }
  int input(const std::string& name, std::vector<int32_t> shape,
            schema::TensorType type = schema::TensorType::FLOAT32) {
    graph().inputs.push_back(tensor(name, std::move(shape), type));
    return graph().inputs.back();
  }
  template <class T>
  int constant(const std::string& name, std::vector<int32_t> shape, const std::vector<T>& values) {
    const int index = tensor(name, std::move(shape), *wire_of_dtype(dtype_of<T>));
    auto buffer = std::make_unique<schema::BufferT>();
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    buffer->data.assign(bytes, bytes + values.size() * sizeof(T));
    graph().tensors[static_cast<size_t>(index)]->buffer = static_cast<uint32_t>(model_.buffers.size());
    model_.buffers.push_back(std::move(buffer));
    return index;
  }
  // 0, 0.5, 1, ... : every element tells where it came from.
  int ramp(const std::string& name, std::vector<int32_t> shape) {
    size_t count = 1;
    for (int32_t d : shape) count *= static_cast<size_t>(d);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = 0.5f * static_cast<float>(i);
    return constant(name, std::move(shape), values);
  }
  void quantize(int index, std::vector<float> scale, std::vector<int64_t> zero_point, int axis = 0) {
    auto q = std::make_unique<schema::QuantizationParametersT>();
    q->scale = std::move(scale);
    q->zero_point = std::move(zero_point);
    q->quantized_dimension = axis;
    graph().tensors[static_cast<size_t>(index)]->quantization = std::move(q);
  }
  template <class Options = schema::AbsOptionsT>
  int add(Builtin builtin, std::vector<int> inputs, std::vector<int> outputs, Options options = {}) {
    auto code = std::make_unique<schema::OperatorCodeT>();
    code->builtin_code = builtin;
    code->deprecated_builtin_code = static_cast<int8_t>(std::min(static_cast<int>(builtin), 127));
    auto made = std::make_unique<schema::OperatorT>();
    made->opcode_index = static_cast<uint32_t>(model_.operator_codes.size());
    model_.operator_codes.push_back(std::move(code));
    made->inputs = std::move(inputs);
    made->outputs = std::move(outputs);
    if constexpr (!std::is_same_v<Options, schema::AbsOptionsT>)
      made->builtin_options.Set(std::move(options));
    graph().operators.push_back(std::move(made));
    return static_cast<int>(graph().operators.size()) - 1;
  }
  void output(int index) { graph().outputs.push_back(index); }

  Bytes bytes() const {
    flatbuffers::FlatBufferBuilder builder;
    schema::FinishModelBuffer(builder, schema::Model::Pack(builder, &model_));
    const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
    return Bytes(data, data + builder.GetSize());
  }
  std::unique_ptr<NativeModel> native() const {
    auto parsed = TfliteModel::parse(bytes());
    EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().message);
    return parsed.ok() ? std::move(parsed).value() : nullptr;
  }

 private:
  schema::ModelT model_;
  size_t current_ = 0;
};

// image [1,8,8,3] - CONV_2D 3x3 SAME stride 2 RELU6 - MAX_POOL 2x2 - RESHAPE - FULLY_CONNECTED - SOFTMAX.
struct SmallNet : Build {
  int image, weights, bias, features, pooled, flat, dense_weights, dense_bias, logits, result;

  SmallNet() {
    image = input("image", {1, 8, 8, 3});
    weights = ramp("kernel", {4, 3, 3, 3});
    bias = ramp("bias", {4});
    features = tensor("features", {1, 4, 4, 4});
    schema::Conv2DOptionsT conv;
    conv.stride_h = conv.stride_w = 2;
    conv.fused_activation_function = schema::ActivationFunctionType::RELU6;
    add(Builtin::CONV_2D, {image, weights, bias}, {features}, conv);
    pooled = tensor("pooled", {1, 2, 2, 4});
    schema::Pool2DOptionsT pool;
    pool.padding = schema::Padding::VALID;
    pool.stride_h = pool.stride_w = pool.filter_height = pool.filter_width = 2;
    add(Builtin::MAX_POOL_2D, {features}, {pooled}, pool);
    flat = tensor("flat", {1, 16});
    add(Builtin::RESHAPE, {pooled, constant<int32_t>("shape", {2}, {1, 16})}, {flat});
    dense_weights = ramp("dense", {5, 16});
    dense_bias = ramp("dense_bias", {5});
    logits = tensor("logits", {1, 5});
    add(Builtin::FULLY_CONNECTED, {flat, dense_weights, dense_bias}, {logits},
        schema::FullyConnectedOptionsT());
    result = tensor("result", {1, 5});
    schema::SoftmaxOptionsT softmax;
    softmax.beta = 1;
    add(Builtin::SOFTMAX, {logits}, {result}, softmax);
    output(result);
  }
};

inline graph::Address at(int index, graph::Role role = graph::Role::core, int nth = 0) {
  graph::Address out;
  out.op.index = index;
  out.role = role;
  out.nth = nth;
  return out;
}

inline graph::ValueAddress output_of(graph::Address node) {
  graph::ValueAddress out;
  out.node = node;
  return out;
}

inline graph::InsertNode insertion(graph::ValueAddress edge, std::string type,
                                   graph::Attributes attributes = {},
                                   std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
  graph::InsertNode out;
  out.edge = edge;
  out.type = std::move(type);
  out.attributes = std::move(attributes);
  out.operands = std::move(operands);
  return out;
}

inline graph::Patch patch_of(std::vector<graph::Edit> edits) {
  graph::Patch patch;
  graph::EditGroup group;
  group.edits = std::move(edits);
  patch.groups.push_back(std::move(group));
  return patch;
}

inline Lifted lifted(const NativeModel& model) {
  auto out = model.lift();
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
  return out.ok() ? std::move(out).value() : Lifted{};
}

// "Transpose Conv Clip Transpose": the types of an operator's nodes (-1: of all).
inline std::string types(const graph::Graph& graph, int index = -1) {
  std::string out;
  for (const auto& node : graph.nodes)
    if (index < 0 || node.native.index == index) out += (out.empty() ? "" : " ") + node.type;
  return out;
}

inline const graph::Node& node_of(const graph::Graph& graph, const std::string& type, int nth = 0) {
  static const graph::Node none;
  for (const auto& node : graph.nodes)
    if (node.type == type && nth-- == 0) return node;
  ADD_FAILURE() << "there is no " << type << " in\n" << graph::to_text(graph);
  return none;
}

inline const graph::Value& operand(const graph::Graph& graph, const graph::Node& node, size_t input) {
  return graph.value(node.inputs.at(input));
}

// while (i < 3) { ++i; v += w; }
struct Counting : Build {
  int i, v, last, sum, next, step;

  Counting() {
    i = input("i", {}, schema::TensorType::INT32);
    v = input("v", {1, 2});
    last = tensor("last", {}, schema::TensorType::INT32);
    sum = tensor("sum", {1, 2});
    schema::WhileOptionsT options;
    options.cond_subgraph_index = 1;
    options.body_subgraph_index = 2;
    add(Builtin::WHILE, {i, v}, {last, sum}, options);
    output(sum);
    enter(1);
    const int count = input("i", {}, schema::TensorType::INT32);
    input("v", {1, 2});
    output(tensor("go", {}, schema::TensorType::BOOL));
    add(Builtin::LESS, {count, constant<int32_t>("3", {}, {3})}, {graph().outputs[0]});
    enter(2);
    step = input("i", {}, schema::TensorType::INT32);
    const int before = input("v", {1, 2});
    next = tensor("next", {}, schema::TensorType::INT32);
    const int after = tensor("after", {1, 2});
    add(Builtin::ADD, {step, constant<int32_t>("1", {}, {1})}, {next}, schema::AddOptionsT());
    add(Builtin::ADD, {before, ramp("w", {1, 2})}, {after}, schema::AddOptionsT());
    output(next);
    output(after);
  }
};

}  // namespace fetafix::formats::tflite
