#include "pipeline/opaque_values.h"

namespace fetafix::pipeline {
namespace {

using graph::ValueId;

Error not_to_be_had(const graph::Node& node, const std::string& why) {
  return {ErrorKind::unsupported,
          "'" + node.type + "' (" + node.name +
              ") is opaque, and what it computes can't be had from its runtime: " + why};
}

std::vector<const graph::Node*> opaque_nodes(const graph::Graph& view) {
  std::vector<const graph::Node*> out;
  const auto live = graph::live_nodes(view);
  for (size_t id = 0; id < view.nodes.size(); ++id)
    if (live[id] && view.nodes[id].opaque) out.push_back(&view.nodes[id]);
  return out;
}

}  // namespace

Status add_opaque_values(const Side& side, const Options& options, const graph::Graph& view,
                         const std::vector<std::vector<Tensor>>& inputs,
                         std::vector<evaluate::Feeds>& feeds) {
  const auto nodes = opaque_nodes(view);
  if (nodes.empty()) return {};
  if (!side.session || !side.command.empty()) return not_to_be_had(*nodes[0], "there is none of ours");
  std::vector<ValueId> wanted;
  for (const graph::Node* node : nodes)
    for (ValueId out : node->outputs)
      if (out != graph::no_value && view.value(out).native_tensor >= 0) wanted.push_back(out);
  auto captured = capture(side, options, inputs, wanted);
  if (!captured.ok() && captured.error().kind == ErrorKind::interrupted) return std::move(captured).error();
  if (!captured.ok()) return not_to_be_had(*nodes[0], captured.error().message);
  for (size_t s = 0; s < feeds.size(); ++s)
    for (const graph::Node* node : nodes)
      for (ValueId out : node->outputs) {
        if (out == graph::no_value) continue;
        const auto found = captured->samples[s].find(out);
        if (found == captured->samples[s].end()) return not_to_be_had(*node, "it shows no such tensor");
        feeds[s].insert_or_assign(out, found->second);
      }
  return {};
}

}  // namespace fetafix::pipeline
