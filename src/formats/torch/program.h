// The program of a .pt2 file: its inputs, its operators in order, its outputs; names are the file's own.
//
// Keys: torch/_export/serde/schema.py of PyTorch 2.15 (GraphModule, Graph, Node, GraphSignature, Argument).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/torch/file.h"

namespace fetafix::formats::torch {

// One argument of an operator. `kind` says how `value` is to be read: "as_tensor", "as_ints", "as_none", ...
struct Argument {
  std::string name;
  std::string kind;
  const Json* value = nullptr;
};

struct Op {
  std::string target;  // "aten.conv2d.default", "_operator.mul"
  std::string name;    // of the node; may be empty
  std::string path;    // of the module that it belongs to: "features.0.conv"; may be empty
  std::vector<Argument> arguments;
  // Names of its results, in order; lists are laid flat. Empty: none that could be read.
  std::vector<std::string> outputs;
  bool unreadable = false;  // a result of a kind that is not known here (an object, a number that is no size)

  const Argument* argument(const std::string& key) const;  // null: left out
};

struct Input {
  std::string name;
  enum class Kind { user, weight, constant, other } kind = Kind::user;
  std::string target;              // of a weight or constant: its name in the file's table
  const Stored* stored = nullptr;  // null: the table does not name it
  bool is_param = false;           // a buffer, else
};

struct Program {
  std::vector<Input> inputs;
  std::vector<Op> ops;
  std::vector<std::string> outputs;         // those of the user
  std::map<std::string, TensorMeta> metas;  // of tensors, as the file describes them
  std::vector<std::string> notes;
  bool in_order = true;  // every operator stands behind all that it reads

  const Input* input(const std::string& name) const;
};

// Error kind `file`: keys missing, names that are defined twice, results that nothing defines;
// `unsupported`: inputs or outputs that are no tensors.
Result<Program> parse_program(const File& file);

// Names of tensors and sizes that an argument reads.
std::vector<std::string> names_read(const Argument& argument);

// "torch.ops.aten.relu.default" without what all operators of PyTorch begin with.
std::string without_prefix(const std::string& target);

// "aten.conv2d.default" -> "conv2d"; empty: none of aten's.
std::string aten_name(const std::string& target);

// The graph's part of the document.
const Json& graph_of(const Json& document);

// The one member of an object of the schema's unions: {"as_int": 3}.
Result<std::pair<std::string, const Json*>> union_member(const Json& json);

}  // namespace fetafix::formats::torch
