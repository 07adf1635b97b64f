// Patching small ONNX models, and holding file, view and runtime against each other.
#pragma once

#include "formats/onnx/testing/models.h"

namespace fetafix::formats::onnx::testing {

using graph::Address;
using graph::Edit;
using graph::ValueAddress;

inline Address at(int index) {
  return {{"", index}, graph::Role::core};
}
inline ValueAddress out_of(int index, int output = 0) {
  return {-1, at(index), output};
}
inline graph::InsertNode insert(ValueAddress edge, const char* type) {
  return {edge, {}, type, {}, {std::nullopt}, {}};
}

inline std::string bytes_of(const NativeModel& model) {
  const auto path = folder().path() / "patched.onnx";
  EXPECT_TRUE(model.write(path).ok());
  const Bytes bytes = *read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string refusal(const ModelBuilder& builder, const std::vector<Edit>& edits) {
  auto patched = (*read_bytes(builder.bytes()))->patched({"onnx", "", {{edits, ""}}});
  return patched.ok() ? "" : patched.error().message;
}

// Gives the patched file's bytes for further looks.
inline std::string expect_agreement(const ModelBuilder& builder, const std::vector<Edit>& edits,
                                    const Shape& shape = {2, 3}) {
  const std::vector<channel::NamedTensor> inputs{{"x", noise(shape, 9)}};
  const graph::Patch patch{"onnx", "", {{edits, ""}}};
  auto model = read_bytes(builder.bytes());
  auto view = (*model)->lift();
  auto status = graph::apply(view->graph, patch);
  EXPECT_TRUE(status.ok()) << status.error().message;
  auto patched = (*model)->patched(patch);
  if (!patched.ok()) {
    ADD_FAILURE() << patched.error().message;
    return "";
  }
  const std::string bytes = bytes_of(**patched);
  auto lifted = (*read_bytes(bytes))->lift();
  EXPECT_TRUE(lifted.ok()) << lifted.error().message;
  auto expected = run_view(view->graph, inputs), again = run_view(lifted->graph, inputs),
       file = run_file(bytes, inputs);
  for (const auto* run : {&expected, &again, &file}) EXPECT_TRUE(run->ok()) << run->error().message;
  if (!expected.ok() || !again.ok() || !file.ok()) return bytes;
  expect_near(*expected, *again, 1e-6);
  expect_near(*expected, *file, 1e-5);
  auto before = run_file(builder.bytes(), inputs);
  EXPECT_EQ((*read_bytes(bytes))->lift()->graph.outputs.size(), before->size());
  return bytes;
}

inline onnx_wire::Model parsed(const std::string& bytes) {
  onnx_wire::Model model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

}  // namespace fetafix::formats::onnx::testing
