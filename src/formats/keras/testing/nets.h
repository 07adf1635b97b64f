// The models of testdata (tests/zoo/make_keras_views.py) with what Keras answers, and their views evaluated.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/zip.h"
#include "data/npy.h"
#include "evaluate/evaluator.h"
#include "formats/keras/keras.h"

namespace fetafix::formats::keras::testing {

using graph::NodeId;
using graph::ValueId;

struct Net {
  Bytes model;
  std::vector<Tensor> inputs, outputs;
  std::set<std::string> opaque;  // layers that the reader is right to leave alone; "*": any
};

inline Net net(const std::string& name) {
  Net out;
  const auto bytes = read_file(std::filesystem::path(FETAFIX_KERAS_TESTDATA) / (name + ".zip"));
  auto entries = bytes.ok() ? unzip(*bytes, name) : Result<std::vector<ZipEntry>>(bytes.error());
  EXPECT_TRUE(entries.ok()) << name << ": " << (entries.ok() ? "" : entries.error().message);
  if (!entries.ok()) return out;
  std::map<std::string, Bytes> files;
  for (ZipEntry& entry : *entries) files[entry.name] = std::move(entry.bytes);
  const auto arrays = [&](const char* part) {
    std::vector<Tensor> all;
    auto packed = unzip(files[part], name);
    EXPECT_TRUE(packed.ok());
    for (const ZipEntry& entry : packed.ok() ? *packed : std::vector<ZipEntry>()) {
      auto tensor = data::parse_npy(entry.bytes, name);
      EXPECT_TRUE(tensor.ok());
      if (tensor.ok()) all.push_back(std::move(tensor).value());
    }
    return all;
  };
  out.inputs = arrays("in.npz");
  out.outputs = arrays("out.npz");
  out.model = files["model"];
  std::string line;
  for (std::byte b : files["opaque"]) {
    if (b == std::byte{'\n'}) {
      out.opaque.insert(line);
      line.clear();
    } else {
      line += static_cast<char>(b);
    }
  }
  if (!line.empty()) out.opaque.insert(line);
  return out;
}

inline Result<std::unique_ptr<NativeModel>> read_bytes(Bytes bytes) {
  return keras_format().parse(std::move(bytes), {});
}

inline Lifted lifted(const NativeModel& model) {
  auto out = model.lift();
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
  return out.ok() ? std::move(out).value() : Lifted{};
}

inline Lifted lifted(const Bytes& bytes) {
  auto model = read_bytes(bytes);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? lifted(**model) : Lifted{};
}

// Those that a layer answers with.
inline std::vector<ValueId> inner_values(const Lifted& view) {
  std::vector<ValueId> out;
  for (size_t id = 0; id < view.graph.values.size(); ++id)
    if (view.graph.values[id].native_tensor >= 0 && !view.graph.values[id].is_constant())
      out.push_back(static_cast<ValueId>(id));
  return out;
}

// The nodes that a value needs, in order; nullopt: one of them is opaque.
inline std::optional<std::vector<NodeId>> nodes_for(const graph::Graph& view, ValueId wanted) {
  std::set<ValueId> needed{wanted};
  std::vector<NodeId> out;
  for (auto n = static_cast<NodeId>(view.nodes.size()) - 1; n >= 0; --n) {
    const graph::Node& node = view.node(n);
    if (std::ranges::none_of(node.outputs, [&](ValueId id) { return needed.contains(id); })) continue;
    if (node.opaque) return std::nullopt;
    needed.insert(node.inputs.begin(), node.inputs.end());
    out.push_back(n);
  }
  std::ranges::reverse(out);
  return out;
}

inline Result<Tensor> evaluated(const graph::Graph& view, ValueId wanted, const std::vector<Tensor>& inputs) {
  static auto evaluator = evaluate::make_evaluator({1});
  if (!evaluator.ok()) return evaluator.error();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (view.inputs[i] == wanted) return inputs[i];
  const auto nodes = nodes_for(view, wanted);
  if (!nodes) return Error{ErrorKind::unsupported, "opaque"};
  std::set<ValueId> read;
  for (NodeId n : *nodes) read.insert(view.node(n).inputs.begin(), view.node(n).inputs.end());
  evaluate::Feeds feeds;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (read.contains(view.inputs[i])) feeds.emplace(view.inputs[i], inputs[i]);
  auto out = (*evaluator)->run(view, *nodes, feeds, std::vector<ValueId>{wanted});
  if (!out.ok()) return std::move(out).error();
  return std::move(out->front());
}

// Nets of both generations in both containers ("edits_3h": of Keras 3, as .h5). With sanitizers, which take
// five times as long, two that have each.
inline std::vector<std::string> of_each(const std::string& net) {
#ifdef FETAFIX_SANITIZE
  return {net + "3", net + "2h"};
#else
  return {net + "3", net + "2", net + "3h", net + "2h"};
#endif
}

// The same for what takes longest: with sanitizers, one.
inline std::vector<std::string> some_of_each(const std::string& net) {
#ifdef FETAFIX_SANITIZE
  return {net + "3"};
#else
  return of_each(net);
#endif
}

// How far two tensors lie apart, in parts of the largest number; of other shapes or types: endlessly.
inline double apart(const Tensor& expected, const Tensor& actual) {
  if (expected.shape() != actual.shape() || expected.dtype() != actual.dtype()) return HUGE_VAL;
  const auto e = *to_doubles(expected), a = *to_doubles(actual);
  double most = 0, size = 1;
  for (size_t i = 0; i < e.size(); ++i) {
    if (std::isnan(e[i]) != std::isnan(a[i])) return HUGE_VAL;
    if (!std::isnan(e[i]) && e[i] != a[i]) most = std::max(most, std::abs(e[i] - a[i]));
    if (std::isfinite(e[i])) size = std::max(size, std::abs(e[i]));
  }
  return most / size;
}

inline void expect_same(const Tensor& expected, const Tensor& actual, const std::string& what,
                        double tolerance = 2e-6) {
  EXPECT_LT(apart(expected, actual), tolerance)
      << what << "\n  expected " << to_text(expected, 12) << "\n  actual   " << to_text(actual, 12);
}

}  // namespace fetafix::formats::keras::testing
