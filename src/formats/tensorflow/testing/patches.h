// Patches on the files of testdata: the view, the file and TensorFlow held against each other, and what else
// changed.
#pragma once

#include <set>

#include "formats/tensorflow/file.h"
#include "formats/tensorflow/program.h"
#include "formats/tensorflow/testing/models.h"
#include "graph/edit.h"

namespace fetafix::formats::tensorflow::testing {

using graph::Edit;
using graph::Role;

// Names end so: those of functions begin with the calls that lead there.
inline bool is_named(const std::string& name, const std::string& end) {
  return name == end || name.ends_with("/" + end);
}

inline const graph::Node& node_of(const graph::Graph& view, const std::string& name, Role role = Role::core) {
  for (const graph::Node& node : view.nodes)
    if (is_named(node.name, name) && node.role == role) return node;
  ADD_FAILURE() << "no node '" << name << "'";
  return view.nodes.front();
}

inline graph::Address at(const graph::Graph& view, const std::string& name) {
  return {node_of(view, name).native, Role::core, 0};
}

// What the file's node gives, or with `inner` what lies before the bridge that leads out.
inline graph::ValueAddress out_of(const graph::Graph& view, const std::string& name, int output = 0) {
  const graph::Uses uses(view);
  const std::string wanted = name + (output == 0 ? "" : ":" + std::to_string(output));
  for (size_t id = 0; id < view.values.size(); ++id)
    if (is_named(view.values[id].native_name, wanted) && !view.values[id].is_constant() &&
        view.values[id].native_tensor >= 0)
      return *graph::address_of(view, uses, static_cast<ValueId>(id));
  ADD_FAILURE() << "no value '" << wanted << "'";
  return {};
}
inline graph::ValueAddress inside(const graph::Graph& view, const std::string& name) {
  return {-1, at(view, name), 0};
}

// The constant in a slot, with other numbers, that all differ.
inline Tensor other(const graph::Graph& view, const std::string& name, int slot) {
  const graph::Node& node = node_of(view, name);
  for (size_t i = 0; i < node.slots.size(); ++i) {
    if (node.slots[i] != slot || !view.value(node.inputs[i]).is_constant()) continue;
    Tensor tensor = view.value(node.inputs[i]).constant;
    float add = 0.25f;
    for (float& v : tensor.mutable_as<float>()) v = 0.5f * v + (add = 1.0625f * add);
    return tensor;
  }
  ADD_FAILURE() << "no constant in slot " << slot << " of '" << name << "'";
  return Tensor::scalar(0.f);
}

inline Edit set(const graph::Graph& view, const std::string& name, int slot) {
  return graph::SetTensor{at(view, name), slot, other(view, name, slot)};
}

inline graph::InsertNode insert(graph::ValueAddress edge, const std::string& type,
                                graph::Attributes attributes = {},
                                std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
  return {edge, std::nullopt, type, std::move(attributes), std::move(operands), {}};
}

inline Result<File> file_of(const fs::path& path) {
  if (fs::is_directory(path)) return read_saved_model(path);
  FETAFIX_TRY(Bytes bytes, read_file(path));
  return parse_frozen(std::move(bytes));
}

// Nodes by name, those of functions behind the function's, without what TensorFlow recorded of shapes;
// variables by key.
inline std::map<std::string, std::string> parts(const fs::path& path) {
  std::map<std::string, std::string> out;
  const auto file = file_of(path);
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message);
  if (!file.ok()) return out;
  const wire::Graph& graph = file->graph();
  for (int function = -1; function < graph.library().function_size(); ++function) {
    const std::string prefix =
        function < 0 ? "" : graph.library().function(function).signature().name() + "/";
    for (wire::Node node : nodes_of(graph, function)) {
      for (int i = node.attr_size(); i-- > 0;)
        if (node.attr(i).key() == "_output_shapes") node.mutable_attr()->DeleteSubrange(i, 1);
      out[prefix + node.name()] = node.SerializeAsString();
    }
  }
  if (file->bundle)
    for (const auto& entry : file->bundle->entries())
      out["variable " + entry.key] =
          std::to_string(entry.crc32c) + to_string(entry.shape) + std::to_string(entry.dtype_code);
  return out;
}

// Names of what is new, gone or different; without those of functions.
inline std::set<std::string> changes(const fs::path& before, const fs::path& after) {
  const auto a = parts(before), b = parts(after);
  std::set<std::string> out;
  const auto note = [&](std::string name) {
    if (name.starts_with("__inference")) name = name.substr(name.find('/') + 1);
    out.insert(name);
  };
  for (const auto& [name, value] : a)
    if (const auto found = b.find(name); found == b.end() || found->second != value) note(name);
  for (const auto& [name, value] : b)
    if (!a.contains(name)) note(name);
  return out;
}

// The patched file, lifted again and in TensorFlow, computes what the patched view computes, and no longer
// what it did. Gives what changed in it.
inline std::set<std::string> expect_agreement(const fs::path& path, const std::vector<Edit>& edits) {
  std::string what;
  for (const Edit& edit : edits) what += graph::describe(edit) + "; ";
  SCOPED_TRACE(what);
  const auto model = read(path);
  if (!model) return {};
  const graph::Patch patch{"tensorflow", "", {{edits, "a test"}}};
  graph::Graph view = lifted(*model).graph;
  const auto inputs = inputs_of(view);
  const auto before = run_view(view, inputs, view.outputs);
  const auto status = graph::apply(view, patch);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  const auto patched = model->patched(patch);
  EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
  if (!status.ok() || !patched.ok() || !before.ok()) return {};
  const auto expected = run_view(view, inputs, view.outputs);
  EXPECT_TRUE(expected.ok()) << (expected.ok() ? "" : expected.error().message);
  if (!expected.ok()) return {};
  double moved = 0;
  for (size_t i = 0; i < before->size(); ++i) moved = std::max(moved, apart((*before)[i], (*expected)[i]));
  EXPECT_GT(moved, 1e-4) << "nothing shows";
  const fs::path written = scratch("patched");
  const auto done = (*patched)->write(written);
  EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
  const graph::Graph again = lifted(**patched).graph;
  expect_same(expected, run_view(again, inputs, again.outputs));
#ifndef FETAFIX_SANITIZE  // TensorFlow takes ten times as long there, and is not what is looked at
  expect_same(expected, run_natively(written, inputs));
#endif
  EXPECT_EQ(contents(path).size(), contents(written).size());
  return changes(path, written);
}

inline std::string refusal(const fs::path& path, const Edit& edit) {
  const auto patched = read(path)->patched({"tensorflow", "", {{{edit}, "a test"}}});
  EXPECT_FALSE(patched.ok()) << graph::describe(edit);
  if (patched.ok()) return "";
  EXPECT_EQ(patched.error().kind, ErrorKind::unsupported) << patched.error().message;
  return patched.error().message;
}

}  // namespace fetafix::formats::tensorflow::testing
