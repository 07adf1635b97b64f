// Patching the models of testdata: file and view held against each other, and what else changed.
#pragma once

#include "formats/keras/file.h"
#include "formats/keras/layers.h"
#include "formats/keras/testing/nets.h"
#include "graph/edit.h"

namespace fetafix::formats::keras::testing {

using graph::Edit;
using graph::Role;

inline graph::Address at(const graph::Graph& view, const std::string& layer, Role role = Role::core,
                         int nth = 0) {
  for (const graph::Node& node : view.nodes)
    if (node.name == layer) return {node.native, role, nth};
  ADD_FAILURE() << "no layer '" << layer << "'";
  return {};
}

// What the layer answers with.
inline graph::ValueAddress out_of(const graph::Graph& view, const std::string& layer, int output = 0) {
  const graph::Uses uses(view);
  const std::string name = layer + (output == 0 ? "" : ":" + std::to_string(output));
  for (size_t id = 0; id < view.values.size(); ++id)
    if (view.values[id].native_name == name && !view.values[id].is_constant())
      return *graph::address_of(view, uses, static_cast<ValueId>(id));
  ADD_FAILURE() << "no value '" << name << "'";
  return {};
}

inline graph::InsertNode insert(graph::ValueAddress edge, const char* type, graph::Attributes attributes = {},
                                std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
  return {edge, {}, type, std::move(attributes), std::move(operands), {}};
}

// The constant that a node of this address holds in a slot.
inline Tensor held(const graph::Graph& view, const graph::Address& address, int slot) {
  for (const graph::Node& node : view.nodes)
    if (node.native == address.op && node.role == address.role)
      for (size_t i = 0; i < node.slots.size(); ++i)
        if (node.slots[i] == slot) return view.value(node.inputs[i]).constant;
  ADD_FAILURE() << "nothing in slot " << slot;
  return {};
}

// Other numbers of the same kind, that all differ.
inline Tensor other(Tensor tensor) {
  float add = 0.25f;
  for (float& v : tensor.mutable_as<float>()) v = v / 2 + (add = -add * 1.0625f);
  return tensor;
}

inline Bytes written(const NativeModel& model) {
  static const TemporaryFolder folder = std::move(TemporaryFolder::make()).value();
  EXPECT_TRUE(model.write(folder.path() / "m").ok());
  auto bytes = read_file(folder.path() / "m");
  return bytes.ok() ? *bytes : Bytes();
}

inline void layers_of(const Json& model, const std::string& path, std::map<std::string, std::string>& out) {
  const Json& config = model["config"];
  const Json& layers = config.is_array() ? config : config["layers"];
  for (const Json& entry : layers) {
    const std::string name = path + name_of(entry);
    if (is_model_class(entry["class_name"].get<std::string>())) {
      layers_of(entry, name + "/", out);
      Json calls = entry;
      calls.erase("config");
      out["layer " + name] = calls.dump();
    } else {
      out["layer " + name] = entry.dump();
    }
  }
  if (config.is_object() && config.contains("output_layers"))
    out["outputs of " + (path.empty() ? "the model" : path)] = config["output_layers"].dump();
}

// Everything that a file holds, by name.
inline std::map<std::string, std::string> parts(const Bytes& bytes) {
  std::map<std::string, std::string> out;
  auto file = parse_file(bytes, Origin::ours);
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message);
  if (!file.ok()) return out;
  layers_of(file->config, "", out);
  for (const Dataset& dataset : file->store->datasets()) {
    auto data = file->store->read(dataset);
    EXPECT_TRUE(data.ok());
    if (data.ok()) out[dataset.path] = to_text(*data, 1 << 20);
  }
  const auto entries = file->container == Container::archive ? unzip(bytes, "x") : std::vector<ZipEntry>();
  EXPECT_TRUE(entries.ok());
  for (const ZipEntry& entry : *entries)
    if (entry.name != "config.json" && entry.name != "model.weights.h5")
      out["entry " + entry.name] = sha256(entry.bytes);
  return out;
}

// Names of what is new, gone or different.
inline std::set<std::string> changes(const Bytes& before, const Bytes& after) {
  const auto a = parts(before), b = parts(after);
  std::set<std::string> out;
  for (const auto& [name, value] : a)
    if (const auto found = b.find(name); found == b.end() || found->second != value) out.insert(name);
  for (const auto& [name, value] : b)
    if (!a.contains(name)) out.insert(name);
  return out;
}

// The patched file, lifted again, computes what the patched view computes. Gives its bytes.
inline Bytes expect_agreement(const Net& net, const std::vector<Edit>& edits, const std::string& only = "") {
  const graph::Patch patch{"keras", "", {{edits, ""}}};
  auto model = read_bytes(net.model);
  EXPECT_TRUE(model.ok());
  Lifted view = lifted(**model);
  std::set<size_t> compared;
  for (size_t i = 0; i < view.graph.outputs.size(); ++i)
    if (only.empty() || view.graph.value(view.graph.outputs[i]).native_name == only) compared.insert(i);
  EXPECT_FALSE(compared.empty());
  auto status = graph::apply(view.graph, patch);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  auto patched = (*model)->patched(patch);
  EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
  if (!status.ok() || !patched.ok()) return {};
  const Bytes bytes = written(**patched);
  const Lifted again = lifted(bytes);
  EXPECT_EQ(again.graph.outputs.size(), view.graph.outputs.size());
  EXPECT_EQ(again.notes, (*model)->lift()->notes);
  if (again.graph.outputs.size() != view.graph.outputs.size()) return bytes;
  for (size_t i : compared) {
    auto expected = evaluated(view.graph, view.graph.outputs[i], net.inputs);
    auto actual = evaluated(again.graph, again.graph.outputs[i], net.inputs);
    EXPECT_EQ(expected.ok(), actual.ok())
        << (expected.ok() ? actual.error().message : expected.error().message);
    if (expected.ok() && actual.ok()) expect_same(*expected, *actual, "output " + std::to_string(i));
  }
  return bytes;
}

inline std::string refusal(const Net& net, const std::vector<Edit>& edits) {
  auto model = read_bytes(net.model);
  auto patched = (*model)->patched({"keras", "", {{edits, ""}}});
  EXPECT_FALSE(patched.ok());
  if (patched.ok()) return "";
  EXPECT_EQ(patched.error().kind, ErrorKind::unsupported);
  return patched.error().message;
}

}  // namespace fetafix::formats::keras::testing
