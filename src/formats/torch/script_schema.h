// Signatures of PyTorch's operators, by which a call's arguments get their names: TorchScript says them by
// place, and leaves the overload to their types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/torch/script_value.h"

namespace fetafix::formats::torch {

struct SchemaArgument {
  std::string_view name;
  // T tensor, i integer, f real, n either, b boolean, s text, y type of elements, d device, l layout, m
  // memory format, g generator; then * a list, # a list that one number may stand for; then ? may be None.
  std::string_view type;
  bool keyword = false;  // never by place
  bool may_be_left_out = false;
};

struct Schema {
  std::string target;  // "aten.conv2d.default"
  std::vector<SchemaArgument> arguments;
  std::vector<std::string_view> results;  // as types
};

// Of "aten.conv2d.default"; nullopt: none that lifts, nor one that scripts call besides.
std::optional<Schema> find_schema(const std::string& target);

// Overloads of "conv2d", in the order in which PyTorch tries them.
std::vector<Schema> schemas_of(const std::string& name);

// A call with its arguments' places: of argument i of the schema the value, or null where it is left out.
struct BoundCall {
  Schema schema;
  std::vector<const ScriptValue*> values;
  std::vector<int> places;  // in the call; -1: left out
};

// Nullopt: no overload takes these.
std::optional<BoundCall> bind_call(const std::string& name, const std::vector<ScriptValue>& values,
                                   const std::vector<std::string>& keywords);

}  // namespace fetafix::formats::torch
