// A source and a target written as text, aligned on three samples of noise.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "align/alignment.h"
#include "align/canonical.h"
#include "evaluate/testing/graphs.h"

namespace fetafix::align::testing {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;

// A small convolutional network with a branch.
inline const std::string small_net = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %b1 float32[6] {random 2}
const %w2 float32[6,6,3,3] {random 3}
const %w3 float32[6,6,1,1] {random 4}
const %shape int64[2] {1, 384}
const %w4 float32[384,10] {random 5}
%c1 = Conv(%x, %w1, %b1) {pads=[1,1,1,1]}
%r1 = Relu(%c1)
%c2 = Conv(%r1, %w2) {pads=[1,1,1,1]}
%s2 = Sigmoid(%c2)
%a = Add(%s2, %r1)
%c3 = Conv(%a, %w3)
%r3 = Relu(%c3)
%f = Reshape(%r3, %shape)
%y = MatMul(%f, %w4)
output %y
)";

using evaluate::testing::evaluator;

inline Graph parse(const std::string& text) {
  auto graph = graph::parse_text(text);
  EXPECT_TRUE(graph.ok()) << graph.error().message << "\n" << text;
  return std::move(graph).value();
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

inline Tensor noise(const Shape& shape, unsigned seed) {
  return parse("const %c float32" + to_string(shape) + " {random " + std::to_string(seed) + "}\n")
      .value(0)
      .constant;
}

struct Aligned {
  Graph source, target;
  std::unique_ptr<SourceValues> values;
  Alignment alignment;

  // `input_permutation`: of the target's input against the source's. `named`: target and source value that
  // the user pairs. `options`: how to walk.
  Aligned(const std::string& source_text, const std::string& target_text,
          const std::vector<int>& input_permutation = {},
          const std::map<std::string, std::string>& named = {}, WalkOptions options = {})
      : source(canonical(parse(source_text))), target(canonical(parse(target_text))) {
    std::vector<NodeId> nodes(source.nodes.size());
    std::iota(nodes.begin(), nodes.end(), 0);
    std::vector<ValueId> wanted;
    for (const auto& node : source.nodes)
      wanted.insert(wanted.end(), node.outputs.begin(), node.outputs.end());
    std::vector<evaluate::Feeds> samples, inputs;
    for (unsigned s = 1; s <= 3; ++s) {
      const Tensor x = noise(*source.value(source.inputs[0]).shape, 100 + s);
      evaluate::Feeds sample{{source.inputs[0], x}};
      auto run = evaluator().run(source, nodes, sample, wanted);
      EXPECT_TRUE(run.ok()) << run.error().message;
      if (!run.ok()) return;
      for (size_t i = 0; i < wanted.size(); ++i) sample[wanted[i]] = (*run)[i];
      samples.push_back(std::move(sample));
      inputs.push_back({{target.inputs[0], input_permutation.empty() ? x : transpose(x, input_permutation)}});
    }
    values = std::make_unique<SourceValues>(source, std::move(samples));
    for (const auto& [mine, its] : named) options.named[id_of(target, mine)] = id_of(source, its);
    auto aligned = align(evaluator(), *values, target, inputs, options);
    EXPECT_TRUE(aligned.ok()) << aligned.error().message;
    if (aligned.ok()) alignment = std::move(aligned).value();
  }

  static ValueId id_of(const Graph& graph, const std::string& name) {
    for (ValueId id = 0; id < static_cast<ValueId>(graph.values.size()); ++id)
      if (graph.value(id).name == name) return id;
    return graph::no_value;
  }
  // Name of the source value that a target value is paired with; "" for none.
  std::string paired(const std::string& name) const {
    for (const auto& [value, pair] : alignment.pairs)
      if (target.value(value).name == name) return source.value(pair.source).name;
    return "";
  }
  // Names of what the nodes make that are not exact or an equivalent rewrite.
  std::vector<std::string> wrong() const {
    std::vector<std::string> out;
    for (size_t n = 0; n < target.nodes.size(); ++n)
      if (alignment.judged[n] && alignment.node_states[n] != State::exact &&
          alignment.node_states[n] != State::rewrite)
        out.push_back(target.value(target.nodes[n].outputs[0]).name);
    return out;
  }
};

}  // namespace fetafix::align::testing
