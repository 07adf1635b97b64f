#include "formats/torch/program.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "formats/torch/script.h"

namespace fetafix::formats::torch {
namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// Keys that may be missing are null.
const Json& member(const Json& object, const char* key) {
  static const Json none;
  return object.is_object() && object.contains(key) ? object[key] : none;
}

std::string text_at(const Json& object, const char* key) {
  const Json& found = member(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

// The module's path is the second part of the last entry of "key,path,class;key,path,class".
std::string module_path(const Json& metadata) {
  const std::string stack = text_at(metadata, "nn_module_stack");
  const std::string last = stack.substr(stack.rfind(';') == std::string::npos ? 0 : stack.rfind(';') + 1);
  const size_t first = last.find(','), second = last.rfind(',');
  return first == std::string::npos || second == first ? std::string()
                                                       : last.substr(first + 1, second - first - 1);
}

// A part of a document where it lies. Error kind `file`: it is missing or of another kind.
Result<const Json*> list_in(const Json& object, const char* key) {
  const Json& found = member(object, key);
  if (!found.is_array()) return json_array(object, key).error();
  return &found;
}
Result<const Json*> table_in(const Json& object, const char* key) {
  const Json& found = member(object, key);
  if (!found.is_object()) return json_object(object, key).error();
  return &found;
}

// Names that a result binds: one, or those of a list.
Status add_outputs(const Json& json, Op& op) {
  FETAFIX_TRY(const auto result, union_member(json));
  const auto& [kind, value] = result;
  if (kind == "as_none") {
    op.outputs.emplace_back();
  } else if (kind == "as_tensor") {
    FETAFIX_TRY(op.outputs.emplace_back(), json_string(*value, "name"));
  } else if (kind == "as_sym_int" && value->is_object() && value->contains("as_name")) {
    FETAFIX_TRY(op.outputs.emplace_back(), json_string(*value, "as_name"));
  } else if (kind == "as_tensors" && value->is_array()) {
    for (const Json& one : *value) {
      FETAFIX_TRY(op.outputs.emplace_back(), json_string(one, "name"));
    }
  } else {
    op.unreadable = true;
  }
  return {};
}

Result<Op> read_op(const Json& json) {
  Op op;
  FETAFIX_TRY(const std::string target, json_string(json, "target"));
  op.target = without_prefix(target);
  op.name = text_at(json, "name");
  op.path = module_path(member(json, "metadata"));
  FETAFIX_TRY(const Json* inputs, list_in(json, "inputs"));
  for (const Json& input : *inputs) {
    FETAFIX_TRY(const std::string name, json_string(input, "name"));
    FETAFIX_TRY(const auto argument, union_member(member(input, "arg")));
    op.arguments.push_back({name, argument.first, argument.second});
  }
  FETAFIX_TRY(const Json* outputs, list_in(json, "outputs"));
  for (const Json& output : *outputs) FETAFIX_CHECK(add_outputs(output, op));
  if (op.name.empty() && !op.outputs.empty()) op.name = op.outputs[0];
  return op;
}

Result<Input> read_input(const Json& json, const File& file, Program& program) {
  FETAFIX_TRY(const auto spec, union_member(json));
  const std::string& kind = spec.first;  // no binding: clang 14 lets no lambda have one
  const Json* value = spec.second;
  Input out;
  const auto find = [&](Table table, const char* key) -> Status {
    FETAFIX_TRY(out.name, json_string(member(*value, "arg"), "name"));
    FETAFIX_TRY(out.target, json_string(*value, key));
    out.kind = table == Table::weights ? Input::Kind::weight : Input::Kind::constant;
    const auto& stored = file.stored.at(table);
    const auto found = stored.find(out.target);
    if (found != stored.end()) out.stored = &found->second;
    return {};
  };
  if (kind == "user_input") {
    FETAFIX_TRY(const auto argument, union_member(member(*value, "arg")));
    if (argument.first != "as_tensor")
      return Error{ErrorKind::unsupported, "an input of the program is no tensor (" + argument.first + ")"};
    FETAFIX_TRY(out.name, json_string(*argument.second, "name"));
  } else if (kind == "parameter") {
    out.is_param = true;
    FETAFIX_CHECK(find(Table::weights, "parameter_name"));
  } else if (kind == "buffer") {
    const bool kept = member(*value, "persistent") != false;
    FETAFIX_CHECK(find(kept ? Table::weights : Table::constants, "buffer_name"));
  } else if (kind == "tensor_constant") {
    FETAFIX_CHECK(find(Table::constants, "tensor_constant_name"));
  } else if (kind == "constant_input") {
    out.kind = Input::Kind::other;
    FETAFIX_TRY(out.name, json_string(*value, "name"));
  } else {
    out.kind = Input::Kind::other;
    out.name = text_at(member(*value, "arg"), "name");
    program.notes.push_back("input '" + out.name + "' is of a kind that is not read here (" + kind + ")");
  }
  if (out.kind != Input::Kind::user && out.kind != Input::Kind::other && !out.stored)
    program.notes.push_back("'" + out.target + "', which the program reads, is not in the archive");
  return out;
}

Status read_output(const Json& json, Program& program) {
  FETAFIX_TRY(const auto spec, union_member(json));
  const auto& [kind, value] = spec;
  if (kind != "user_output") {
    program.notes.push_back("it changes what it stores when it runs (" + kind +
                            "); each run starts from the file's");
    return {};
  }
  FETAFIX_TRY(const auto argument, union_member(member(*value, "arg")));
  if (argument.first == "as_none") return {};
  if (argument.first != "as_tensor")
    return Error{ErrorKind::unsupported, "an output of the program is no tensor (" + argument.first + ")"};
  FETAFIX_TRY(program.outputs.emplace_back(), json_string(*argument.second, "name"));
  return {};
}

// Every name is bound once. What reads one that nothing before it binds is opaque: that can be mended
// (sound.cpp).
Status check_names(Program& program) {
  std::set<std::string> known;
  for (const Input& input : program.inputs)
    if (!input.name.empty() && !known.insert(input.name).second)
      return broken("input '" + input.name + "' is there twice");
  for (const Op& op : program.ops) {
    for (const Argument& argument : op.arguments)
      for (const std::string& name : names_read(argument))
        if (!known.contains(name)) {
          program.in_order = false;
          program.notes.push_back("'" + op.name + "' (" + op.target + ") reads '" + name +
                                  "', which nothing before it computes");
        }
    for (const std::string& name : op.outputs)
      if (!name.empty() && !known.insert(name).second) return broken("'" + name + "' is computed twice");
  }
  for (const std::string& name : program.outputs)
    if (!known.contains(name)) return broken("the program returns '" + name + "', which nothing computes");
  return {};
}

}  // namespace

const Argument* Op::argument(const std::string& key) const {
  const auto found = std::ranges::find_if(arguments, [&](const Argument& a) { return a.name == key; });
  return found == arguments.end() ? nullptr : &*found;
}

const Input* Program::input(const std::string& name) const {
  const auto found = std::ranges::find_if(inputs, [&](const Input& one) { return one.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

std::string without_prefix(const std::string& target) {
  constexpr std::string_view prefix = "torch.ops.";
  return target.starts_with(prefix) ? target.substr(prefix.size()) : target;
}

std::string aten_name(const std::string& target) {
  constexpr std::string_view prefix = "aten.";
  if (!target.starts_with(prefix)) return {};
  return target.substr(prefix.size(), target.find('.', prefix.size()) - prefix.size());
}

std::vector<std::string> names_read(const Argument& argument) {
  std::vector<std::string> out;
  const auto add = [&](const Json& one, const char* key) {
    if (std::string name = text_at(one, key); !name.empty()) out.push_back(std::move(name));
  };
  const Json& value = *argument.value;
  if (argument.kind == "as_tensor") add(value, "name");
  if (argument.kind == "as_sym_int") add(value, "as_name");
  if (!value.is_array()) return out;
  for (const Json& one : value) {
    if (argument.kind == "as_tensors") add(one, "name");
    if (argument.kind == "as_sym_ints") add(one, "as_name");
    if (argument.kind == "as_optional_tensors") add(member(one, "as_tensor"), "name");
  }
  return out;
}

const Json& graph_of(const Json& document) {
  return member(member(document, "graph_module"), "graph");
}

Result<std::pair<std::string, const Json*>> union_member(const Json& json) {
  if (!json.is_object() || json.size() != 1)
    return broken("expected one of several kinds ({\"as_tensor\": ...}), found " +
                  std::string(json.type_name()));
  return std::pair{json.begin().key(), &json.begin().value()};
}

// Arguments point into the document, so it is that which is walked.
Result<Program> parse_program(const File& file) {
  Program program;
  if (file.script) program.notes = file.script->notes;
  const Json& graph = graph_of(*file.document);
  const Json& signature = member(member(*file.document, "graph_module"), "signature");
  FETAFIX_TRY(const Json* nodes, list_in(graph, "nodes"));
  FETAFIX_TRY(const Json* metas, table_in(graph, "tensor_values"));
  FETAFIX_TRY(const Json* inputs, list_in(signature, "input_specs"));
  FETAFIX_TRY(const Json* outputs, list_in(signature, "output_specs"));
  for (const Json& input : *inputs) {
    FETAFIX_TRY(program.inputs.emplace_back(), read_input(input, file, program));
  }
  for (const Json& output : *outputs) FETAFIX_CHECK(read_output(output, program));
  for (const auto& [name, meta] : metas->items()) {
    auto read = read_meta(meta);
    if (!read.ok()) return in_context("tensor '" + name + "'", std::move(read).error());
    program.metas.emplace(name, std::move(*read));
  }
  for (size_t i = 0; i < nodes->size(); ++i) {
    auto op = read_op((*nodes)[i]);
    if (!op.ok()) return in_context("node " + std::to_string(i), std::move(op).error());
    program.ops.push_back(std::move(*op));
  }
  FETAFIX_CHECK(check_names(program));
  return program;
}

}  // namespace fetafix::formats::torch
