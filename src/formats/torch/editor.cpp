#include "formats/torch/editor.h"

#include <algorithm>
#include <limits>

#include "base/python_json.h"
#include "formats/torch/module_notes.h"
#include "formats/torch/script_say.h"
#include "formats/torch/script_write.h"

namespace fetafix::formats::torch {
namespace {

constexpr int positional = 1, keyword = 2;  // schema.py: ArgumentKind

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

}  // namespace

// Numbers that JSON does not have are texts in the schema.
Json as_float(double value) {
  if (value == std::numeric_limits<double>::infinity()) return {{"as_float", "Infinity"}};
  if (value == -std::numeric_limits<double>::infinity()) return {{"as_float", "-Infinity"}};
  if (value != value) return {{"as_float", "NaN"}};
  return {{"as_float", value}};
}
Json as_float(float value) {
  return as_float(shortest(value));
}
Json as_int(int64_t value) {
  return {{"as_int", value}};
}
Json as_ints(const std::vector<int64_t>& values) {
  return {{"as_ints", values}};
}
Json as_bool(bool value) {
  return {{"as_bool", value}};
}
Json as_string(const std::string& value) {
  return {{"as_string", value}};
}
Json as_tensor(const std::string& name) {
  return {{"as_tensor", {{"name", name}}}};
}

Editor::Editor(const File& file, const Lift& lift) : file_(file), lift_(lift), document_(*file.document) {
  for (const auto& [table, json] : file.tables) tables_[table] = *json;
  for (const auto& [table, tensors] : file.stored)
    for (const auto& [name, stored] : tensors) names_.insert(name);
  for (const ZipView& entry : file.entries) names_.insert(entry.name.substr(entry.name.rfind('/') + 1));
  for (const Input& input : program().inputs) names_.insert(input.name);
  for (size_t i = 0; i < program().ops.size(); ++i) {
    const Op& op = program().ops[i];
    names_.insert(op.outputs.begin(), op.outputs.end());
    names_.insert(op.name);
    if (without_writing(op.target).empty() || op.outputs.size() != 1 || op.arguments.empty() ||
        op.arguments[0].kind != "as_tensor")
      continue;
    written_.push_back(
        {static_cast<int>(i), (*op.arguments[0].value)["name"].get<std::string>(), op.outputs[0]});
  }
}

Json& Editor::node(int op) {
  return graph()["nodes"][static_cast<size_t>(op)];
}

std::string Editor::target_of(int op) {
  return without_prefix(node(op)["target"].get<std::string>());
}

void Editor::drop_unreadable_notes() {
  drop_unreadable_module_notes(document_);
}

Result<int> Editor::op_at(const graph::Address& at) const {
  if (!at.op.graph.empty()) return unsupported("graph '" + at.op.graph + "' is not edited");
  if (at.op.index < 0 || static_cast<size_t>(at.op.index) >= program().ops.size())
    return unsupported("there is no operator " + std::to_string(at.op.index));
  return at.op.index;
}

Result<std::string> Editor::name_of(ValueId value) const {
  const int tensor = view().value(value).native_tensor;
  if (tensor < 0) return unsupported("the value lies inside of an operator");
  return lift_.tensors[static_cast<size_t>(tensor)];
}

Result<std::string> Editor::name_of(const graph::ValueAddress& address) const {
  FETAFIX_TRY(const ValueId value, graph::resolve(view(), address));
  return name_of(value);
}

Result<ReadPlace> Editor::read_place(graph::NodeId id, int input) const {
  const graph::Node& node = view().node(id);
  if (input < 0 || static_cast<size_t>(input) >= node.slots.size() ||
      node.slots[static_cast<size_t>(input)] < 0)
    return unsupported("operand " + std::to_string(input) + " is no operand of the file");
  return ReadPlace{node.native.index, place_of(node.slots[static_cast<size_t>(input)])};
}

Result<std::string> Editor::read_now(graph::NodeId id, int input) const {
  const ValueId value = view().node(id).inputs[static_cast<size_t>(input)];
  const auto place = read_place(id, input);
  if (!place.ok() || place->argument.element >= 0) return name_of(value);
  const auto read_by = [&](const Json& document) {
    for (const Json& one :
         document["graph_module"]["graph"]["nodes"][static_cast<size_t>(place->op)]["inputs"])
      if (one["name"] == place->argument.name && one["arg"].contains("as_tensor"))
        return one["arg"]["as_tensor"]["name"].get<std::string>();
    return std::string();
  };
  const std::string now = read_by(document_);
  return now == read_by(*file_.document) ? name_of(value) : now;
}

int Editor::producer_of(const std::string& name) const {
  for (size_t i = 0; i < program().ops.size(); ++i)
    if (std::ranges::count(program().ops[i].outputs, name)) return static_cast<int>(i);
  return -1;
}

Status Editor::check_single(const graph::Node& node) const {
  for (const graph::Node& other : view().nodes)
    if (other.native == node.native && other.role != Role::bridge && other.role != Role::constant &&
        &other != &node)
      return unsupported(op(node.native.index).target + " is several operators in one");
  return {};
}

Json* Editor::argument(int op, const std::string& name) {
  for (Json& input : node(op)["inputs"])
    if (input["name"] == name) return &input["arg"];
  return nullptr;
}

void Editor::set_argument(int op, const std::string& name, Json value) {
  if (Json* found = argument(op, name)) {
    *found = std::move(value);
    return;
  }
  Json& inputs = node(op)["inputs"];
  const bool comes_first = name == "self" || name == "input" || name == "tensors";
  // Where an operand was missing, what stands in its place by its position goes by its name from now on.
  for (size_t i = comes_first ? 0 : 1; value.contains("as_tensor") && i < inputs.size(); ++i)
    if (inputs[i].contains("kind")) inputs[i]["kind"] = keyword;
  Json added = {{"name", name}, {"arg", std::move(value)}, {"kind", comes_first ? positional : keyword}};
  inputs.insert(comes_first ? inputs.begin() : inputs.end(), std::move(added));
}

void Editor::drop_argument(int op, const std::string& name) {
  Json& inputs = node(op)["inputs"];
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]["name"] == name) {
      inputs.erase(i);
      return;
    }
}

void Editor::set_target(int op, const std::string& target) {
  node(op)["target"] = target.starts_with("aten.") ? "torch.ops." + target : target;
}

Status Editor::set_read(const ReadPlace& place, const std::string& name) {
  Json* found = argument(place.op, place.argument.name);
  if (place.argument.element < 0) {
    set_argument(place.op, place.argument.name, as_tensor(name));
    return {};
  }
  if (!found || !found->contains("as_tensors") ||
      static_cast<size_t>(place.argument.element) >= (*found)["as_tensors"].size())
    return unsupported("'" + place.argument.name + "' has no such element");
  (*found)["as_tensors"][static_cast<size_t>(place.argument.element)]["name"] = name;
  return {};
}

std::string Editor::meant(const std::string& name, int reader) const {
  std::string out = name;
  for (const Written& one : written_)
    if (one.op < reader && one.name == out) out = one.result;
  return out;
}

namespace {

// Calls `change` on every name of a tensor in an argument.
template <class Change>
void each_tensor(Json& argument, const Change& change) {
  for (const char* kind : {"as_tensor", "as_tensors", "as_optional_tensors"}) {
    if (!argument.contains(kind)) continue;
    Json& content = argument[kind];
    if (content.is_object() && content.contains("name")) change(content["name"]);
    if (!content.is_array()) continue;
    for (Json& one : content) {
      Json& tensor = one.is_object() && one.contains("as_tensor") ? one["as_tensor"] : one;
      if (tensor.is_object() && tensor.contains("name")) change(tensor["name"]);
    }
  }
}

std::string result_of(const Json& call) {
  return call["outputs"][0]["as_tensor"]["name"].get<std::string>();
}

// Operators without results hold what a tensor was when the program was exported against it.
bool checks(const Op& op) {
  return op.outputs.empty();
}

}  // namespace

void Editor::remove(int op) {
  removed_.insert(op);
  std::erase_if(written_, [op](const Written& one) { return one.op == op; });
  for (size_t i = 0; i < program().ops.size(); ++i)
    for (const Argument& argument : program().ops[i].arguments) {
      const bool reads = argument.kind == "as_tensor" &&
                         std::ranges::count((program().ops[static_cast<size_t>(op)]).outputs,
                                            (*argument.value)["name"].get<std::string>()) > 0;
      if (reads && checks(program().ops[i])) removed_.insert(static_cast<int>(i));
    }
}

void Editor::redirect(const std::string& from, const std::string& to) {
  Json& nodes = graph()["nodes"];
  for (size_t i = 0; i < nodes.size(); ++i)
    for (Json& input : nodes[i]["inputs"])
      each_tensor(input["arg"], [&](Json& name) {
        if (checks(op(static_cast<int>(i)))) return;
        if (name.is_string() && meant(name.get<std::string>(), static_cast<int>(i)) == from) name = to;
      });
  for (size_t i = 0; i < settled_; ++i)
    for (Json& input : added_[i].second["inputs"])
      each_tensor(input["arg"], [&](Json& name) {
        if (name == from) name = to;
      });
  const auto last = static_cast<int>(nodes.size());
  const auto result = [&](Json& argument) {
    each_tensor(argument, [&](Json& name) {
      if (name.is_string() && meant(name.get<std::string>(), last) == from) name = to;
    });
  };
  for (Json& output : graph()["outputs"]) result(output);
  for (Json& output : signature()["output_specs"])
    if (output.contains("user_output")) result(output["user_output"]["arg"]);
}

Status Editor::set_output(int output, const std::string& name) {
  Json& specs = signature()["output_specs"];
  Json& results = graph()["outputs"];
  for (size_t i = 0; i < specs.size() && i < results.size(); ++i) {
    if (!specs[i].contains("user_output") || output-- > 0) continue;
    specs[i]["user_output"]["arg"] = as_tensor(name);
    results[i] = as_tensor(name);
    return {};
  }
  return unsupported("the program has fewer results");
}

std::string Editor::unique_name(const std::string& base) {
  std::string name = base;
  for (int i = 1; !names_.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

void Editor::declare(const std::string& name, const TensorMeta& meta) {
  graph()["tensor_values"][name] = written_meta(meta, false);
}

std::string Editor::add_call(int before, const std::string& target,
                             const std::vector<std::pair<std::string, Json>>& inputs, const std::string& like,
                             const std::optional<Shape>& shape) {
  const size_t dot = target.find('.', 5);
  const std::string name = unique_name(target.substr(5, dot - 5) + "_added");
  Json list = Json::array();
  // Only the first may be no keyword in all operators, and some others have to be one.
  for (const auto& [key, value] : inputs)
    list.push_back({{"name", key}, {"arg", value}, {"kind", list.empty() ? positional : keyword}});
  Json call = {{"target", "torch.ops." + target},
               {"inputs", std::move(list)},
               {"outputs", Json::array({as_tensor(name)})},
               {"metadata", Json::object()},
               {"is_hop_single_tensor_return", nullptr}};
  // Older versions of the schema have no names of nodes.
  const Json& nodes = graph()["nodes"];
  if (!nodes.empty() && nodes[0].contains("name")) call["name"] = name;
  if (!nodes.empty() && !nodes[0].contains("is_hop_single_tensor_return"))
    call.erase("is_hop_single_tensor_return");
  added_.emplace_back(before, std::move(call));
  graph()["tensor_values"][name] = graph()["tensor_values"][like];
  if (shape && std::ranges::count(*shape, -1) == 0) declare(name, plain_meta(dtype_of(like), *shape));
  return name;
}

std::optional<Shape> Editor::shape_of(const std::string& name) const {
  for (const auto& value : view().values)
    if (value.native_tensor >= 0 && lift_.tensors[static_cast<size_t>(value.native_tensor)] == name)
      return value.shape;
  const auto meta = program().metas.find(name);
  const bool known = meta != program().metas.end() && meta->second.ranked;
  return known ? std::optional(meta->second.sizes) : std::nullopt;
}

DType Editor::dtype_of(const std::string& name) const {
  const auto meta = program().metas.find(name);
  return meta == program().metas.end() ? DType::float32 : meta->second.dtype;
}

Status Editor::apply(const graph::Edit& edit) {
  settled_ = added_.size();
  return std::visit([&](const auto& e) { return apply_edit(*this, e); }, edit);
}

std::vector<int64_t> pads_from_last(const std::vector<int64_t>& pads) {
  const size_t axes = pads.size() / 2;
  std::vector<int64_t> out;
  for (size_t axis = axes; axis-- > 0;) {
    out.push_back(pads[axis]);
    out.push_back(pads[axis + axes]);
  }
  return out;
}

// Calls with those in front that others read: what is put on an edge last comes first.
std::vector<Json> Editor::calls_before(size_t op) const {
  std::vector<Json> calls, out;
  for (const auto& [before, call] : added_)
    if (static_cast<size_t>(before) == op) calls.push_back(call);
  std::set<std::string> waiting;
  for (const Json& call : calls) waiting.insert(result_of(call));
  while (!calls.empty()) {
    const auto ready = std::ranges::find_if(calls, [&](Json& call) {
      bool waits = false;
      for (Json& input : call["inputs"])
        each_tensor(input["arg"],
                    [&](Json& name) { waits = waits || waiting.contains(name.get<std::string>()); });
      return !waits;
    });
    const auto next =
        ready == calls.end() ? calls.begin() : ready;  // a cycle is found when the file is read again
    waiting.erase(result_of(*next));
    out.push_back(std::move(*next));
    calls.erase(next);
  }
  return out;
}

namespace {

// PyTorch 2.5 and 2.6 know no kind of an argument, and infinity as a number.
void put_into_old_form(Json& nodes) {
  for (Json& node : nodes)
    for (Json& input : node["inputs"]) {
      input.erase("kind");
      Json& argument = input["arg"];
      if (!argument.contains("as_float") || !argument["as_float"].is_string()) continue;
      const std::string text = argument["as_float"].get<std::string>();
      argument["as_float"] = text == "Infinity"    ? std::numeric_limits<double>::infinity()
                             : text == "-Infinity" ? -std::numeric_limits<double>::infinity()
                                                   : std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace

// Removed nodes go, added ones come in front of theirs.
void Editor::put_in_place() {
  Json& nodes = graph()["nodes"];
  Json out = Json::array();
  for (size_t i = 0; i <= nodes.size(); ++i) {
    for (Json& call : calls_before(i)) out.push_back(std::move(call));
    if (i < nodes.size() && !removed_.contains(static_cast<int>(i))) out.push_back(nodes[i]);
    if (removed_.contains(static_cast<int>(i)))
      for (const std::string& name : op(static_cast<int>(i)).outputs) graph()["tensor_values"].erase(name);
  }
  nodes = std::move(out);
  if (!says_kinds()) put_into_old_form(nodes);
}

bool Editor::says_kinds() const {
  if (!file_.without_folder) return true;
  for (const Json& node : graph_of(*file_.document)["nodes"])
    for (const Json& input : node["inputs"])
      if (input.contains("kind")) return true;
  return false;
}

Result<Bytes> Editor::written() const {
  std::vector<ZipEntry> replacements, additions;
  for (const auto& [name, bytes] : replaced_) replacements.push_back({name, bytes});
  if (document_ != *file_.document)
    replacements.push_back({file_.program_entry, bytes_of(python_json(document_))});
  for (Table table : changed_)
    replacements.push_back({file_.table_entries.at(table), bytes_of(python_json(tables_.at(table)))});
  for (const auto& [name, bytes] : added_entries_) additions.push_back({name, bytes});
  FETAFIX_CHECK(add_pickled_tables(replacements, additions));
  return rezip(*file_.bytes, replacements, "archive", additions);
}

// Weights lie in entries of their own; all else that is edited is text.
Result<Bytes> Editor::written_as_script() const {
  std::vector<Tensor> tensors;
  std::map<std::string, int> numbers;
  auto next = static_cast<int>(file_.script->constants->root().items.size());
  for (const auto& [name, tensor] : constants_) {
    numbers[name] = next++;
    tensors.push_back(tensor);
  }
  FETAFIX_TRY(const auto codes, written_script(file_, {lift_.program, document_, added_, removed_, numbers}));
  FETAFIX_TRY(MoreConstants constants, with_constants(file_, tensors));
  for (const auto& [name, bytes] : replaced_) constants.replaced.push_back({name, bytes});
  for (const auto& [entry, text] : codes) constants.replaced.push_back({entry, bytes_of(text)});
  return rezip(*file_.bytes, constants.replaced, "archive", constants.added);
}

// Where the operators now give other shapes than before, the file says so.
Status Editor::follow_shapes(Bytes& bytes) {
  FETAFIX_TRY(const File file, parse_file(bytes));
  FETAFIX_TRY(const Lift lift, lift_file(file));
  bool changed = false;
  for (const auto& value : lift.lifted.graph.values) {
    if (value.native_tensor < 0 || !value.shape || std::ranges::count(*value.shape, -1) > 0) continue;
    const std::string& name = lift.tensors[static_cast<size_t>(value.native_tensor)];
    const auto meta = lift.program.metas.find(name);
    if (meta == lift.program.metas.end() || meta->second.sizes == *value.shape) continue;
    if (meta->second.sizes.size() == value.shape->size() && std::ranges::count(meta->second.sizes, -1) > 0)
      continue;
    if (lift_.program.metas.contains(name) && shape_of(name) == value.shape) continue;
    declare(name, plain_meta(meta->second.dtype, *value.shape));
    changed = true;
  }
  if (!changed) return {};
  FETAFIX_TRY(bytes, written());
  return {};
}

Result<Bytes> Editor::finish() {
  for (const auto& [op, attributes] : resizes_)
    if (auto status = write_resize(*this, op, attributes); !status.ok())
      return in_context("'" + label_of(program().ops[static_cast<size_t>(op)]) + "'",
                        std::move(status).error());
  if (file_.script) return written_as_script();
  put_in_place();
  FETAFIX_TRY(Bytes bytes, written());
  if (auto status = follow_shapes(bytes); !status.ok())
    return in_context("the patched model", std::move(status).error());
  return bytes;
}

namespace {

// Edits that let operators be read which the file as it is has opaque: one of each place.
graph::Patch mending_first(const Lift& lift, graph::Patch& patch) {
  std::set<int> opaque;
  for (const graph::Node& node : lift.lifted.graph.nodes)
    if (node.opaque) opaque.insert(node.native.index);
  graph::Patch out = patch;
  std::set<std::pair<int, int>> places;
  for (size_t g = 0; g < patch.groups.size(); ++g) {
    const auto is_first = [&](const graph::Edit& edit) {
      if (const auto* set = std::get_if<graph::SetTensor>(&edit))
        return opaque.contains(set->at.op.index) && places.insert({set->at.op.index, set->slot}).second;
      const auto* set = std::get_if<graph::SetOperand>(&edit);
      return set && opaque.contains(set->at.op.index);
    };
    std::vector<graph::Edit> first, rest;
    for (graph::Edit& edit : patch.groups[g].edits)
      (is_first(edit) ? first : rest).push_back(std::move(edit));
    out.groups[g].edits = std::move(first);
    patch.groups[g].edits = std::move(rest);
  }
  const auto drop_empty = [](graph::Patch& one) {
    std::erase_if(one.groups, [](const graph::EditGroup& group) { return group.edits.empty(); });
  };
  drop_empty(out);
  drop_empty(patch);
  return out;
}

Result<Bytes> patch_lifted(const File& file, const Lift& lift, const graph::Patch& patch) {
  Editor editor(file, lift);
  editor.find_common_changes(patch);
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits)
      if (auto status = editor.apply(edit); !status.ok())
        return in_context(graph::describe(edit), std::move(status).error());
  return editor.finish();
}

}  // namespace

Result<Bytes> patch_file(const File& file, const graph::Patch& patch) {
  if (patch.groups.empty()) return *file.bytes;
  FETAFIX_TRY(const Lift lift, lift_file(file));
  graph::Patch rest = patch;
  const graph::Patch first = mending_first(lift, rest);
  if (first.groups.empty() || rest.groups.empty()) return patch_lifted(file, lift, patch);
  FETAFIX_TRY(Bytes bytes, patch_lifted(file, lift, first));
  FETAFIX_TRY(const File mended, parse_file(std::move(bytes)));
  return patch_file(mended, rest);
}

}  // namespace fetafix::formats::torch
