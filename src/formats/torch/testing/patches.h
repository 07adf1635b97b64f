// Patches on the files of testdata: the view, the file and PyTorch held against each other, and what else
// changed.
#pragma once

#include <set>

#include "base/json.h"
#include "formats/torch/file.h"
#include "formats/torch/program.h"
#include "formats/torch/testing/models.h"
#include "graph/edit.h"

namespace fetafix::formats::torch::testing {

using graph::Edit;
using graph::Role;

// Names end so: the module's path comes first.
inline bool is_named(const std::string& name, const std::string& end) {
  return name == end || name.ends_with("/" + end);
}

inline const graph::Node& node_of(const graph::Graph& view, const std::string& name, Role role = Role::core) {
  for (const graph::Node& node : view.nodes)
    if (is_named(node.name, name) && node.role == role) return node;
  ADD_FAILURE() << "no node '" << name << "'";
  return view.nodes.front();
}

inline graph::Address at(const graph::Graph& view, const std::string& name, Role role = Role::core) {
  return {node_of(view, name, role).native, role, 0};
}

inline graph::ValueAddress out_of(const graph::Graph& view, const std::string& name) {
  const graph::Uses uses(view);
  for (size_t id = 0; id < view.values.size(); ++id)
    if (view.values[id].native_name == name && !view.values[id].is_constant() &&
        view.values[id].native_tensor >= 0)
      return *graph::address_of(view, uses, static_cast<ValueId>(id));
  ADD_FAILURE() << "no value '" << name << "'";
  return {};
}

// Other numbers, that all differ.
inline Tensor moved(Tensor tensor) {
  float add = 0.25f;
  for (float& v : tensor.mutable_as<float>()) v = 0.5f * v + (add = 1.0625f * std::min(add, 4.f));
  return tensor;
}

// The constant in a slot, moved; of an operator that is several nodes, of the first that has it.
inline Tensor other(const graph::Graph& view, const std::string& name, int slot) {
  for (const graph::Node& node : view.nodes)
    for (size_t i = 0; is_named(node.name, name) && i < node.slots.size(); ++i)
      if (node.slots[i] == slot && node.inputs[i] != graph::no_value &&
          view.value(node.inputs[i]).is_constant())
        return moved(view.value(node.inputs[i]).constant);
  ADD_FAILURE() << "no constant in slot " << slot << " of '" << name << "'";
  return Tensor::scalar(0.f);
}

inline Edit set(const graph::Graph& view, const std::string& name, const std::string& argument,
                Role role = Role::core) {
  const int slot = slot_of(argument);
  return graph::SetTensor{at(view, name, role), slot, other(view, name, slot)};
}

inline graph::InsertNode insert(graph::ValueAddress edge, const std::string& type,
                                graph::Attributes attributes = {},
                                std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
  return {edge, std::nullopt, type, std::move(attributes), std::move(operands), {}};
}

// A file in parts, each with what it says, in order: operators by the name of their (first) result, what is
// said of tensors as "meta NAME", stored tensors as "weights NAME", other entries of the archive by name.
using Parts = std::vector<std::pair<std::string, std::string>>;

// Of an operator; before PyTorch 2.9 it has that of its result alone.
inline std::string name_of(const Json& node) {
  return node.contains("name") ? node["name"].get<std::string>()
                               : node["outputs"][0]["as_tensor"]["name"].get<std::string>();
}

inline Parts parts(const fs::path& path) {
  Parts out;
  auto file = parse_file(read_file(path).value());
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message);
  if (!file.ok()) return out;
  for (const ZipView& entry : file->entries) {
    const std::string_view text(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
    const bool is_json = entry.name == file->program_entry || entry.name.ends_with("_config.json");
    out.emplace_back(entry.name.substr(file->prefix.size()), is_json ? "" : std::string(text));
  }
  for (const auto& [table, json] : file->tables)
    for (const auto& [key, value] : (*json)["config"].items())
      out.emplace_back((table == Table::weights ? "weights " : "constants ") + key, dump_json(value));
  Json document = *file->document;
  Json& graph = document["graph_module"]["graph"];
  for (const Json& node : graph["nodes"]) out.emplace_back(name_of(node), dump_json(node));
  for (const auto& [name, meta] : graph["tensor_values"].items())
    out.emplace_back("meta " + name, dump_json(meta));
  graph.erase("nodes");
  graph.erase("tensor_values");
  out.emplace_back("rest", dump_json(document));
  return out;
}

// What is new, gone or different; what is in both is in the same order.
inline std::set<std::string> changes(const fs::path& before, const fs::path& after) {
  const Parts old = parts(before), now = parts(after);
  const std::map<std::string, std::string> a(old.begin(), old.end()), b(now.begin(), now.end());
  const auto common = [](const Parts& list, const std::map<std::string, std::string>& others) {
    std::vector<std::string> names;
    for (const auto& [name, content] : list)
      if (others.contains(name)) names.push_back(name);
    return names;
  };
  EXPECT_EQ(common(old, b), common(now, a));
  std::set<std::string> out;
  for (const auto& [name, content] : a)
    if (const auto found = b.find(name); found == b.end() || found->second != content) out.insert(name);
  for (const auto& [name, content] : b)
    if (!a.contains(name)) out.insert(name);
  return out;
}

// The patched file, lifted again and in PyTorch, computes what the patched view computes, and no longer what
// it did. Gives what changed in it. `natively`: PyTorch is asked too.
inline std::set<std::string> expect_agreement(const fs::path& path, const std::vector<Edit>& edits,
                                              bool natively = true) {
  std::string what;
  for (const Edit& edit : edits) what += graph::describe(edit) + "; ";
  SCOPED_TRACE(what);
  const auto model = read(path);
  if (!model) return {};
  const graph::Patch patch{"torch", "", {{edits, "a test"}}};
  graph::Graph view = lifted(*model).graph;
  const auto inputs = inputs_of(view);
  const auto before = run_view(view, inputs, view.outputs);
  const auto status = graph::apply(view, patch);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  const auto patched = model->patched(patch);
  EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
  EXPECT_TRUE(before.ok()) << (before.ok() ? "" : before.error().message);
  if (!status.ok() || !patched.ok() || !before.ok()) return {};
  const auto expected = run_view(view, inputs, view.outputs);
  EXPECT_TRUE(expected.ok()) << (expected.ok() ? "" : expected.error().message);
  if (!expected.ok()) return {};
  double distance = 0;
  for (size_t i = 0; i < before->size(); ++i)
    distance = std::max(distance, apart((*before)[i], (*expected)[i]));
  EXPECT_GT(distance, 5e-5) << "nothing shows";
  const fs::path written = scratch("patched.pt2");
  const auto done = (*patched)->write(written);
  EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
  const graph::Graph again = lifted(**patched).graph;
  expect_same(expected, run_view(again, inputs, again.outputs));
#ifdef FETAFIX_SANITIZE
  natively = false;  // PyTorch is not what is looked at
#endif
  if (natively) expect_same(expected, run_natively(written, inputs));
  return changes(path, written);
}

inline std::string refusal(const fs::path& path, const std::vector<Edit>& edits) {
  const auto patched = read(path)->patched({"torch", "", {{edits, "a test"}}});
  EXPECT_FALSE(patched.ok()) << graph::describe(edits[0]);
  if (patched.ok()) return "";
  EXPECT_EQ(patched.error().kind, ErrorKind::unsupported) << patched.error().message;
  return patched.error().message;
}
inline std::string refusal(const fs::path& path, const Edit& edit) {
  return refusal(path, std::vector<Edit>{edit});
}

}  // namespace fetafix::formats::torch::testing
