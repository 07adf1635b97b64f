// Graphs as text, and an evaluator, for tests.
#pragma once

#include <gtest/gtest.h>

#include "evaluate/evaluator.h"
#include "graph/parse_text.h"

namespace fetafix::evaluate::testing {

inline graph::Graph parse(const std::string& text) {
  auto graph = graph::parse_text(text);
  EXPECT_TRUE(graph.ok()) << graph.error().message << "\n" << text;
  return std::move(graph).value();
}

inline std::vector<graph::NodeId> all(const graph::Graph& graph) {
  std::vector<graph::NodeId> out;
  for (size_t i = 0; i < graph.nodes.size(); ++i) out.push_back(static_cast<graph::NodeId>(i));
  return out;
}

// One for the whole test program.
inline Evaluator& evaluator() {
  static auto made = make_evaluator({1});
  EXPECT_TRUE(made.ok()) << made.error().message;
  return **made;
}

}  // namespace fetafix::evaluate::testing
