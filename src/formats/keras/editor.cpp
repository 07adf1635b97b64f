#include "formats/keras/editor.h"

#include <algorithm>

#include "formats/keras/fill.h"
#include "formats/keras/set_setting.h"
#include "graph/file_setting.h"

namespace fetafix::formats::keras {
namespace {

Way way_of(const Place& place) {
  Way out;
  for (const auto& [name, call] : place.around) out.push_back(name);
  return out;
}

std::vector<int> order_of(const graph::Node& node) {
  const auto perm = graph::attribute_or(node, "perm", std::vector<int64_t>{});
  return {perm.begin(), perm.end()};
}

// After `first`, `second`.
std::vector<int> combined(const std::vector<int>& first, const std::vector<int>& second) {
  if (first.empty()) return second;
  std::vector<int> out;
  out.reserve(second.size());
  for (int axis : second) out.push_back(first[static_cast<size_t>(axis)]);
  return out;
}

}  // namespace

Status Editor::apply(const graph::Edit& edit) {
  return std::visit([&](const auto& one) { return apply_edit(*this, one); }, edit);
}

Result<const Place*> Editor::place(const graph::NativeOperator& op) const {
  if (!op.graph.empty() || op.index < 0 || static_cast<size_t>(op.index) >= lift_.places.size())
    return cant("there is no operator " + std::to_string(op.index));
  return &lift_.places[static_cast<size_t>(op.index)];
}

Result<Json*> Editor::model(const Place& place) {
  return document_.model(way_of(place));
}

Result<Json*> Editor::entry(const Place& place) {
  FETAFIX_TRY(Json * around, model(place));
  return document_.layer(*around, place.layer);
}

Result<Json*> Editor::settings(const Place& place) {
  FETAFIX_TRY(Json * own, entry(place));
  if (!own->contains("config") || !(*own)["config"].is_object()) return cant("the layer has no settings");
  document_.touch();
  return &(*own)["config"];
}

Result<Json*> Editor::functional(const Way& way) {
  FETAFIX_TRY(Json * around, document_.model(way));
  FETAFIX_CHECK(document_.make_functional(*around));
  return around;
}

Status Editor::check_single(const graph::Node& node) const {
  int cores = 0;
  for (const graph::Node& other : view().nodes)
    cores += other.native == node.native && other.role == graph::Role::core;
  return cores <= 1 ? Status() : cant("the layer computes more than one operator");
}

Result<Edge> Editor::edge_of(ValueId value) {
  for (size_t i = 0; i < view().inputs.size(); ++i)
    if (view().inputs[i] == value) return Edge{{}, tree_.model.inputs[i], {}, {}, false, -1};
  Edge out;
  std::vector<int> forward;
  const auto weights = static_cast<int>(tree_.weights.size());
  // Inside a layer: on through its activation function and bridges to what it answers.
  while (view().value(value).native_tensor < weights) {
    const auto& readers = uses_.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1) return cant("the value lies inside a layer");
    const graph::Node& reader = view().node(readers[0].node);
    const bool bridge = reader.role == graph::Role::bridge && reader.type == "Transpose";
    if (!bridge && reader.role != graph::Role::activation) return cant("the value lies inside a layer");
    if (bridge)
      forward = combined(forward, order_of(reader));
    else
      out.before_activation = true;
    value = reader.outputs[0];
  }
  const Computed& computed = lift_.computed[static_cast<size_t>(view().value(value).native_tensor - weights)];
  const Place& made = lift_.places[static_cast<size_t>(computed.op)];
  out.way = way_of(made);
  out.tensor = {made.layer, made.call, computed.output};
  out.op = computed.op;
  if (!forward.empty()) out.permutation = inverse_permutation(forward);
  return out;
}

Result<Edge> Editor::edge(const graph::ValueAddress& address) {
  FETAFIX_TRY(const ValueId value, graph::resolve(view(), address));
  const graph::NodeId producer = uses_.producer[static_cast<size_t>(value)];
  // A bridge that leads into a layer: the operand of that layer alone.
  if (producer >= 0 && view().node(producer).role == graph::Role::bridge &&
      view().value(value).native_tensor < 0 && !view().node(producer).slots.empty() &&
      view().node(producer).slots[0] >= 0)
    return operand(producer, -1);
  return edge_of(value);
}

Result<Edge> Editor::operand(graph::NodeId id, int input) {
  const graph::Node* node = &view().node(id);
  FETAFIX_TRY(const Place* reader, place(node->native));
  std::vector<int> permutation;
  size_t at = input < 0 ? 0 : static_cast<size_t>(input);
  if (input < 0) permutation = order_of(*node);
  while (at >= node->slots.size() || node->slots[at] < 0 || node->slots[at] >= weight_slot) {
    const graph::NodeId before = at < node->inputs.size() && node->inputs[at] != graph::no_value
                                     ? uses_.producer[static_cast<size_t>(node->inputs[at])]
                                     : -1;
    if (before < 0 || view().node(before).native != node->native ||
        view().node(before).role != graph::Role::bridge || view().node(before).type != "Transpose")
      return cant("the operand is no tensor that the layer is called with");
    node = &view().node(before);
    permutation = permutation.empty() ? order_of(*node) : combined(order_of(*node), permutation);
    at = 0;
  }
  // What the layer is called with, where it is called: in the model around it.
  const Call& call = reader->what->calls[static_cast<size_t>(reader->call - reader->what->first_call)];
  const auto tensors = call.tensors();
  const int slot = node->slots[at];
  if (static_cast<size_t>(slot) >= tensors.size()) return cant("the layer is not called with that");
  Edge out;
  out.way = way_of(*reader);
  out.tensor = tensors[static_cast<size_t>(slot)];
  out.permutation = permutation;
  out.reader = Document::Reader{reader->layer, reader->call - reader->what->first_call, slot};
  return out;
}

Status Editor::split_activation(const Edge& edge) {
  const Place& made = lift_.places[static_cast<size_t>(edge.op)];
  FETAFIX_TRY(Json * around, functional(edge.way));
  FETAFIX_TRY(Json * own, entry(made));
  Json& settings = (*own)["config"];
  if (!settings.contains("activation")) return cant("the layer has no activation function of its own");
  const Json function = settings["activation"];
  settings["activation"] = "linear";
  const std::string name = document_.free_name(*around, "activation");
  const Reference made_by{name, 0, 0};
  FETAFIX_CHECK(document_.redirect(*around, edge.tensor, made_by, std::nullopt));
  document_.add_layer(*around,
                      document_.new_layer("Activation", name, {{"activation", function}}, {edge.tensor}));
  return {};
}

Result<Bytes> patch_file(const File& given, const graph::Patch& patch) {
  FETAFIX_TRY(const File readable, with_settings(given, patch));
  FETAFIX_TRY(const File file, with_places(readable, patch));
  FETAFIX_TRY(const Tree tree, parse_tree(file));
  FETAFIX_TRY(const Lift lift, lift_tree(file, tree));
  Editor editor(file, tree, lift);
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      if (graph::file_setting(edit)) continue;  // is done
      if (auto status = guarded([&] { return editor.apply(edit); }); !status.ok())
        return in_context("can't " + graph::describe(edit), std::move(status).error());
    }
  return guarded([&] { return editor.finish(); });
}

}  // namespace fetafix::formats::keras
