// A patch is applied to each subgraph that it speaks of: the model's own, and those that loops run.
#include <map>

#include "formats/tflite/editor.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {

std::string subgraph_name(uint32_t index) {
  return "subgraph " + std::to_string(index);
}

namespace {

// Edits by subgraph, each speaking of its subgraph as the model's own.
std::map<std::string, graph::Patch> by_subgraph(const graph::Patch& patch) {
  std::map<std::string, graph::Patch> out;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      const auto* set = std::get_if<graph::SetTensor>(&edit);
      const std::string subgraph = set ? set->at.op.graph : "";
      graph::Edit own = edit;
      if (set) std::get<graph::SetTensor>(own).at.op.graph.clear();
      out[subgraph].groups.push_back({{std::move(own)}, group.reason});
    }
  return out;
}

Status patch_subgraph(schema::ModelT& model, uint32_t subgraph, const graph::Graph& view,
                      const graph::Patch& patch) {
  Editor editor(model, subgraph, view);
  editor.find_common_changes(patch);
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits)
      if (auto status = editor.apply(edit); !status.ok())
        return in_context("can't " + graph::describe(edit), std::move(status).error());
  return editor.finish();
}

}  // namespace

Status patch_model(schema::ModelT& model, const graph::Graph& view, const graph::Patch& patch) {
  const uint32_t main = model.signature_defs.empty() ? 0 : model.signature_defs[0]->subgraph_index;
  for (const auto& [name, edits] : by_subgraph(patch)) {
    if (name.empty()) {
      FETAFIX_CHECK(patch_subgraph(model, main, view, edits));
      continue;
    }
    const graph::Graph* body = graph::body_of(view, name);
    uint32_t index = 0;
    while (index < model.subgraphs.size() && subgraph_name(index) != name) ++index;
    if (!body || index == model.subgraphs.size())
      return Editor::unsupported("there is no loop over '" + name + "'");
    graph::Graph own = *body;
    for (graph::Node& node : own.nodes)
      node.native.graph = node.native.graph == name ? "" : "of another subgraph";
    FETAFIX_CHECK(patch_subgraph(model, index, own, edits));
  }
  return {};
}

}  // namespace fetafix::formats::tflite
