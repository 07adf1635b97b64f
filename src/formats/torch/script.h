// A TorchScript archive taken apart: its code as trees, its modules and constants as plain values, and what
// of it the program of the top module's forward runs, in the form that an exported program has (program.h).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/torch/file.h"
#include "formats/torch/pickle.h"
#include "formats/torch/script_text.h"

namespace fetafix::formats::torch {

struct Code {
  std::string entry;  // "model/code/__torch__/torch/nn/modules/conv.py"
  std::string space;  // "__torch__.torch.nn.modules.conv"
  std::string text;
  Source source;
};

// A function or a method, and the code that it stands in.
struct Place {
  int code = -1;
  const Function* function = nullptr;
};

// One run of a function: each call of it is another one.
struct Activation {
  int parent = -1;  // -1: the top module's forward
  Place place;
  const Expr* call = nullptr;           // in the parent's text
  std::string path;                     // of the module whose method it is, or that of its caller
  const PickleValue* module = nullptr;  // null: a function
  // Names of its text in the order in which they get tensors and numbers of the program.
  struct Binding {
    size_t place;  // from here on
    std::string variable, value;
  };
  std::vector<Binding> bindings;
};

// Where a node of the program stands in the text.
struct CallSite {
  int activation = -1;  // -1: nowhere by itself (sizes)
  const Expr* call = nullptr;
  std::map<std::string, int> arguments;  // by name, their places in the call
};

struct Script {
  std::vector<Code> codes;
  std::map<std::string, std::pair<int, const Class*>> classes;  // by full name
  std::map<std::string, Place> functions;
  std::shared_ptr<const Pickle> modules, constants;
  std::vector<std::pair<DType, Shape>> traced;  // inputs that it was traced with; empty: not said
  std::vector<Activation> activations;
  std::vector<CallSite> sites;             // of each node of the document
  std::map<std::string, int> constant_of;  // names of the program's inputs, and their numbers in CONSTANTS
  // Results of operators that write into their operand, which the text reads by the operand's name later.
  std::set<std::string> read_by_operand;
  std::vector<std::string> notes;                   // what was taken to be so
  std::map<std::string, std::string> attribute_of;  // the others: the path of the attribute ("conv.weight")
};

// By the names of its entries.
bool is_script(const std::vector<ZipView>& entries);

// `file`: with its bytes and entries. Error kind `file`: damaged or hostile; `unsupported`: control flow that
// depends on the run and what else is not read, with its place.
Result<File> parse_script_file(File file);

}  // namespace fetafix::formats::torch
