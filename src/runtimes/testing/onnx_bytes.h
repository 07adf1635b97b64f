// Tiny ONNX files for tests, written byte by byte: this room knows no format's library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace fetafix::runtimes::testing {

// Protobuf's wire format: (field, varint) and (field, bytes).
inline std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>((value & 127) | 128));
  return out += static_cast<char>(value);
}
inline std::string number(int field, uint64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(value);
}
inline std::string bytes(int field, const std::string& content) {
  return varint((static_cast<uint64_t>(field) << 3) | 2) + varint(content.size()) + content;
}

// `element` is a value of TensorProto.DataType: 1 float, 7 int64, 9 bool, 10 float16 ... -1: dynamic.
inline std::string value_info(const std::string& name, int element, const Shape& shape) {
  std::string dims;
  for (int64_t d : shape) dims += bytes(1, d < 0 ? bytes(2, "n") : number(1, static_cast<uint64_t>(d)));
  const std::string tensor = number(1, static_cast<uint64_t>(element)) + bytes(2, dims);
  return bytes(1, name) + bytes(2, bytes(1, tensor));
}

inline std::string node(const std::string& op_type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
  std::string out;
  for (const std::string& input : inputs) out += bytes(1, input);
  for (const std::string& output : outputs) out += bytes(2, output);
  return out + bytes(4, op_type);
}

// Opset 13, IR version 8: runs in every ONNX Runtime that we support.
inline std::string model(const std::vector<std::string>& nodes, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs) {
  std::string graph = bytes(2, "g");
  for (const std::string& n : nodes) graph += bytes(1, n);
  for (const std::string& input : inputs) graph += bytes(11, input);
  for (const std::string& output : outputs) graph += bytes(12, output);
  return number(1, 8) + bytes(7, graph) + bytes(8, number(2, 13));
}

// z = x + y
inline std::string adder(int element, const Shape& shape) {
  return model({node("Add", {"x", "y"}, {"z"})},
               {value_info("x", element, shape), value_info("y", element, shape)},
               {value_info("z", element, shape)});
}

}  // namespace fetafix::runtimes::testing
