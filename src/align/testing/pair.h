// A source and a target written as text, aligned on three samples of noise.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

#include "align/alignment.h"
#include "align/canonical.h"
#include "graph/parse_text.h"

namespace fetafix::align::testing {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;

inline evaluate::Evaluator& evaluator() {
  static auto made = evaluate::make_evaluator({1});
  EXPECT_TRUE(made.ok()) << made.error().message;
  return **made;
}

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
  // the user pairs.
  Aligned(const std::string& source_text, const std::string& target_text,
          const std::vector<int>& input_permutation = {},
          const std::map<std::string, std::string>& named = {})
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
    WalkOptions options;
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
