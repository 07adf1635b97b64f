// Edits of the graph of layers: operands, kinds, layers put in and taken out.
#include <algorithm>

#include "formats/keras/edit_parts.h"
#include "formats/keras/sound.h"

namespace fetafix::formats::keras {
namespace {

using graph::Role;

Way way_of(const Place& place) {
  Way out;
  for (const auto& [name, call] : place.around) out.push_back(name);
  return out;
}

// Takes a bias away: the setting, the weight and its name.
Status remove_bias(Editor& editor, const Place& place) {
  FETAFIX_TRY(Json * settings, editor.settings(place));
  const Layer& layer = *place.what;
  if (!settings->contains("use_bias") || layer.weights.empty())
    return cant("it has no bias that could be taken away");
  (*settings)["use_bias"] = false;
  const std::string path = editor.dataset(layer.weights.back());
  if (editor.file().container == Container::hdf5) {
    if (!place.around.empty()) return cant("a weight of a nested model of an .h5 file");
    auto names = editor.file().store->texts("model_weights/" + layer.name, "weight_names");
    if (!names || names->empty()) return cant("the layer's weights are not listed in one piece");
    names->pop_back();
    editor.document().weight_names[layer.name] = *names;
  }
  editor.document().weights[path] = Tensor();
  return {};
}

Status remove_layer(Editor& editor, const Place& place, graph::NodeId node, int through) {
  const Layer& layer = *place.what;
  if (layer.calls.size() != 1) return cant("the layer is called in several places");
  FETAFIX_TRY(const Edge operand, editor.operand(node, through));
  FETAFIX_TRY(Json * settings, editor.settings(place));
  // What was fused behind it stays.
  if (settings->contains("activation") && (*settings)["activation"] != "linear" &&
      layer.class_name != "Activation" && !layer.weights.empty()) {
    FETAFIX_TRY(
        const graph::ValueAddress address,
        graph::address_of(editor.view(), graph::Uses(editor.view()), editor.view().node(node).outputs[0]));
    FETAFIX_TRY(const Edge edge, editor.edge(address));
    FETAFIX_CHECK(editor.split_activation(edge));
  }
  FETAFIX_TRY(Json * around, editor.functional(way_of(place)));
  FETAFIX_CHECK(
      editor.document().redirect(*around, {place.layer, place.call, 0}, operand.tensor, std::nullopt));
  return editor.document().remove_layer(*around, place.layer);
}

}  // namespace

Status apply_edit(Editor& editor, const graph::RemoveNode& edit) {
  FETAFIX_TRY(const Place* place, editor.place(edit.at.op));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (edit.at.role == Role::activation) {
    FETAFIX_TRY(Json * settings, editor.settings(*place));
    if (!settings->contains("activation")) return cant("it has no fused activation function");
    (*settings)["activation"] = "linear";
    return {};
  }
  if (edit.at.role == Role::bias) return remove_bias(editor, *place);
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " can't be removed");
  FETAFIX_CHECK(editor.check_single(editor.view().node(id)));
  return remove_layer(editor, *place, id, edit.through);
}

Status apply_edit(Editor& editor, const graph::SetOperand& edit) {
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  FETAFIX_TRY(const Edge operand, editor.operand(id, edit.input));
  FETAFIX_TRY(const Edge value, editor.edge(edit.value));
  if (value.reader) return cant("the value is inside a layer; name the tensor that it comes from");
  if (value.before_activation) FETAFIX_CHECK(editor.split_activation(value));
  if (value.way != operand.way) return cant("operand and value are in different models");
  if (value.permutation != operand.permutation) return cant("operand and value have different layouts");
  if (value.op >= edit.at.op.index) return cant("the value is computed later");
  FETAFIX_TRY(Json * around, editor.functional(operand.way));
  return editor.document().redirect(*around, operand.tensor, value.tensor, operand.reader);
}

namespace {

// Classes of one family take each other's place with the same settings: pools by what stands before "2D".
std::optional<std::string> class_for(const std::string& type, const std::string& now) {
  using Kind = std::pair<const char*, std::string_view>;
  static constexpr Kind pools[][2]{
      {{"MaxPool", "MaxPooling"}, {"AveragePool", "AveragePooling"}},
      {{"ReduceMax", "GlobalMaxPooling"}, {"ReduceMean", "GlobalAveragePooling"}}};
  for (const auto& family : pools)
    for (const Kind& mine : family)
      for (const Kind& wanted : family)
        if (now.starts_with(mine.second) && type == wanted.first)
          return std::string(wanted.second) + now.substr(mine.second.size());
  const auto merge = merges().find(type);
  const bool merges_now = std::ranges::any_of(merges(), [&](const auto& one) { return one.second == now; });
  return merges_now && merge != merges().end() ? std::optional(merge->second) : std::nullopt;
}

bool is_activation_class(const std::string& name) {
  static const char* names[]{"Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"};
  return std::ranges::any_of(names, [&](const char* one) { return name == one; });
}

// A layer of another class in its place, with the settings that every layer has.
void replace_layer(Json& entry, const NewLayer& made) {
  const Json before = entry["config"];
  Json config = Json::object();
  for (const char* key : {"name", "trainable", "dtype"})
    if (before.contains(key)) config[key] = before[key];
  config.update(made.settings);
  entry["class_name"] = made.class_name;
  entry["config"] = std::move(config);
}

}  // namespace

Status apply_edit(Editor& editor, const graph::ChangeType& edit) {
  FETAFIX_TRY(const Place* place, editor.place(edit.at.op));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  FETAFIX_TRY(Json * entry, editor.entry(*place));
  if (edit.at.role == Role::activation) {
    const auto name = activation_of(edit.type, edit.attributes, editor.file().generation());
    FETAFIX_TRY(Json * settings, editor.settings(*place));
    if (!name || !settings->contains("activation"))
      return cant("no activation function of Keras is a " + edit.type);
    (*settings)["activation"] = *name;
    return {};
  }
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " has one type");
  FETAFIX_CHECK(editor.check_single(node));
  editor.document().touch();
  const std::string now = place->what->class_name;
  // A class that no Keras has becomes the nearest that there is; what belongs there is for its settings to
  // say.
  if (node.opaque && !place->what->is_operation && !find_lift_rule(now, false)) {
    const auto meant = nearest_class(now);
    if (!meant) return cant("no class of Keras is near '" + now + "'");
    (*entry)["class_name"] = *meant;
    return {};
  }
  if (is_function(*place)) return change_function(editor, *place, node, edit);
  if (is_activation_class(now)) {
    graph::InsertNode like;
    like.type = edit.type;
    like.attributes = edit.attributes;
    like.operands = {std::nullopt};
    for (size_t i = 1; i < node.inputs.size(); ++i)
      like.operands.push_back(
          node.inputs[i] == graph::no_value ? Tensor() : editor.view().value(node.inputs[i]).constant);
    FETAFIX_TRY(const NewLayer made, lower(like, {}, editor.file().generation()));
    if (!is_activation_class(made.class_name)) return cant(now + " can't become " + edit.type);
    replace_layer(*entry, made);
    return {};
  }
  const auto wanted = class_for(edit.type, now);
  if (!wanted) return cant(now + " can't become " + edit.type);
  (*entry)["class_name"] = *wanted;
  for (const auto& [name, value] : edit.attributes) {
    if (name == "count_include_pad" || name == "ceil_mode") continue;
    FETAFIX_CHECK(apply_edit(editor, graph::SetAttribute{edit.at, name, value}));
  }
  return {};
}

namespace {

// The tensors that a new layer is called with, in order; constants become settings.
Result<std::vector<Reference>> operands_of(Editor& editor, const graph::InsertNode& edit, const Edge& edge) {
  std::map<int, Reference> others;
  for (const auto& [operand, address] : edit.other_operands) {
    FETAFIX_TRY(const Edge other, editor.edge(address));
    if (other.reader || other.before_activation || other.way != edge.way ||
        other.permutation != edge.permutation)
      return cant("the operands are in different models or layouts");
    others[operand] = other.tensor;
  }
  std::vector<Reference> out;
  for (size_t i = 0; i < edit.operands.size(); ++i) {
    const auto other = others.find(static_cast<int>(i));
    if (other != others.end())
      out.push_back(other->second);
    else if (!edit.operands[i])
      out.push_back(edge.tensor);
    else if (!others.empty() && !edit.operands[i]->empty())
      return cant("no layer reads several tensors and a constant");
  }
  return out;
}

}  // namespace

Status apply_edit(Editor& editor, const graph::InsertNode& edit) {
  FETAFIX_TRY(Edge edge, editor.edge(edit.edge));
  if (edit.only_consumer) {
    FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.only_consumer->first));
    auto reader = editor.operand(id, edit.only_consumer->second);
    const bool outside = reader.ok() && reader->tensor == edge.tensor && reader->way == edge.way;
    if (!outside) return cant("that operand is not reached by a tensor between layers");
    edge.reader = reader->reader;
  }
  if (edge.before_activation && !edge.reader) FETAFIX_CHECK(editor.split_activation(edge));
  FETAFIX_TRY(const std::vector<Reference> tensors, operands_of(editor, edit, edge));
  FETAFIX_TRY(const NewLayer made, lower(edit, edge.permutation, editor.file().generation()));
  FETAFIX_TRY(Json * around, editor.functional(edge.way));
  Document& document = editor.document();
  const std::string name = document.free_name(*around, lower_case(made.class_name));
  Json entry = document.new_layer(made.class_name, name, made.settings, tensors);
  FETAFIX_CHECK(document.redirect(*around, edge.tensor, {name, 0, 0}, edge.reader));
  document.add_layer(*around, std::move(entry));
  return {};
}

Status apply_edit(Editor& editor, const graph::Redeclare& edit) {
  FETAFIX_TRY(const Edge edge, editor.edge(edit.value));
  if (edit.value.graph_input < 0) return cant("only inputs say their shape");
  FETAFIX_TRY(Json * around, editor.functional(edge.way));
  FETAFIX_TRY(Json * entry, editor.document().layer(*around, edge.tensor.layer));
  Json& settings = (*entry)["config"];
  if (edit.shape) {
    Json shape = Json::array();
    for (int64_t d : *edit.shape) shape.push_back(d < 0 ? Json() : Json(d));
    settings.erase("batch_shape");
    settings.erase("batch_input_shape");
    settings[editor.file().generation() == 2 ? "batch_input_shape" : "batch_shape"] = std::move(shape);
  }
  if (edit.dtype != DType::unknown) settings["dtype"] = std::string(dtype_name(edit.dtype));
  editor.document().touch();
  return {};
}

Status apply_edit(Editor& editor, const graph::SetOutput& edit) {
  FETAFIX_TRY(const Edge edge, editor.edge(edit.value));
  if (edge.reader || edge.before_activation || !edge.way.empty())
    return cant("the value lies inside a layer or a nested model");
  FETAFIX_TRY(Json * around, editor.functional({}));
  const auto references = references_of((*around)["config"]["output_layers"]);
  if (edit.output < 0 || static_cast<size_t>(edit.output) >= references.size())
    return cant("there is no such model output");
  Json plain = Json::array();
  for (size_t i = 0; i < references.size(); ++i)
    plain.push_back(Document::listed(static_cast<int>(i) == edit.output ? edge.tensor : references[i]));
  (*around)["config"]["output_layers"] = std::move(plain);
  editor.document().touch();
  return {};
}

}  // namespace fetafix::formats::keras
