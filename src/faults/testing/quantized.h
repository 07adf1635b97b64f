// A target as a quantized TFLite file lifts, in canonical form, and a place in it.
#pragma once

#include <gtest/gtest.h>

#include "align/canonical.h"
#include "faults/pattern.h"
#include "graph/parse_text.h"

namespace fetafix::faults::testing {

inline graph::Graph parse(const std::string& text) {
  auto graph = graph::parse_text(text);
  EXPECT_TRUE(graph.ok()) << graph.error().message << "\n" << text;
  return std::move(graph).value();
}

// Operator 0 is an activation function up to 6 that writes the tensor %q, operator 1 reads it and has a bias,
// operator 2 reads it and has none.
struct Quantized {
  graph::Graph source, target;
  align::SourceValues values;
  graph::Uses uses;
  align::HalfSteps half_steps;
  align::Alignment alignment;

  // `claimed`: the scale that the bias of operator 1 says it was counted with.
  Quantized(const std::string& scale, const std::string& zero_point, const std::string& claimed)
      : source(parse("input %x float32[4]\n%r = Relu(%x)\noutput %r\n")),
        target(view(scale, zero_point, claimed)),
        values(source, samples()),
        uses(target),
        half_steps(target) {}

  std::vector<evaluate::Feeds> samples() const {
    return {{{source.inputs[0], Tensor::vector<float>({-1, 2, 3, 5})},
             {source.outputs[0], Tensor::vector<float>({0, 2, 3, 5})}},
            {{source.inputs[0], Tensor::vector<float>({1, -2, 4, 0})},
             {source.outputs[0], Tensor::vector<float>({1, 0, 4, 0})}}};
  }

  static graph::Graph view(const std::string& scale, const std::string& zero_point,
                           const std::string& claimed) {
    using graph::Role;
    graph::Graph out = parse(
        "input %x float32[4]\nconst %lo float32[] {0}\nconst %hi float32[] {6}\nconst %s float32[] {" +
        scale + "}\nconst %z int8[] {" + zero_point + "}\nconst %b int32[1] {8}\nconst %step float32[] {" +
        scale + "}\nconst %claim float32[] {" + claimed + R"(}
%c = Clip(%x, %lo, %hi)
%q = QuantizeLinear(%c, %s, %z)
%d1 = DequantizeLinear(%q, %s, %z)
%b1 = DequantizeLinear(%b, %step)
%y = Add(%d1, %b1)
%d2 = DequantizeLinear(%q, %s, %z)
%n = Neg(%d2)
output %y
output %n
)");
    const int operators[] = {0, 0, 1, 1, 1, 2, 2};
    const Role roles[] = {Role::activation, Role::quantize,   Role::dequantize, Role::bias,
                          Role::core,       Role::dequantize, Role::core};
    for (size_t n = 0; n < out.nodes.size(); ++n) {
      out.nodes[n].native.index = operators[n];
      out.nodes[n].role = roles[n];
      out.nodes[n].slots.clear();
    }
    out.nodes[1].slots = {-1, 3000, 4000};
    for (graph::Value& value : out.values) {
      if (value.name == "claim") value.lens = graph::Lens{1, "claimed_scale", {}, {}};
      value.native_tensor = value.name == "q" ? 0 : -1;
      if (value.name == "q") value.dtype = DType::int8;
    }
    return align::canonical(out);
  }

  graph::NodeId maker(const std::string& name) const {
    for (graph::NodeId n = 0; n < static_cast<graph::NodeId>(target.nodes.size()); ++n)
      if (target.value(target.node(n).outputs[0]).name == name) return n;
    ADD_FAILURE() << "nothing makes " << name;
    return 0;
  }
  // An exact segment of the one node that makes this value.
  align::Segment segment(const std::string& name) const {
    align::Segment out;
    out.target_nodes = {maker(name)};
    out.target_end = target.node(out.target_nodes[0]).outputs[0];
    out.source_end = source.outputs[0];
    out.source_nodes = {0};
    return out;
  }
  Place at(const align::Segment* segment, const align::EdgeFault* edge = nullptr) {
    return {source, target, uses, values, alignment, half_steps, segment, edge};
  }
};

}  // namespace fetafix::faults::testing
