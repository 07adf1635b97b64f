// The operators that a signature needs, with every function call replaced by the function's body. Calls are
// what TensorFlow's files are made of: a signature calls a wrapper, which calls the model.
#pragma once

#include "formats/tensorflow/file.h"

namespace fetafix::formats::tensorflow {

// Where a tensor comes from.
struct Source {
  int input = -1;  // >= 0: an input of the model
  int op = -1;     // else output `output` of this operator of the program
  int output = 0;
  auto operator<=>(const Source&) const = default;
};

// One run of a list of nodes: the main graph, or a function as one call runs it.
struct Scope {
  int function = -1;                           // in the library; -1: the main graph
  std::string prefix;                          // "StatefulPartitionedCall/": unique, "" for the main graph
  std::vector<Source> given;                   // what the call gives for the function's arguments
  std::map<int, std::vector<Source>> results;  // of the calls in it, by their place
};

struct Op {
  const wire::Node* node = nullptr;
  int scope = 0;
  int place = 0;               // in the list of its graph or function
  std::vector<Source> inputs;  // data only, not what it merely waits for
  int outputs = 1;             // as many as are read
};

struct Program {
  std::vector<Scope> scopes;
  std::vector<Op> ops;  // each behind those that it reads
  std::vector<Source> outputs;
};

// Error kind `file`: a node, function or output that is not there, a cycle, functions that call themselves,
// a file that would become too large.
Result<Program> program_of(const File& file);
// The same of one function: its arguments are the inputs, what it returns the outputs.
Result<Program> program_of(const File& file, int function);
// A function of the library; -1: none has that name.
int function_named(const wire::Graph& graph, const std::string& name);
// The function that an attribute of a node names; -1: none.
int function_at(const wire::Graph& graph, const wire::Node& node, const std::string& attribute);

// "node:out:2" of a function, "node:2" of the main graph, "argument".
struct Reference {
  std::string node, output;
  int number = 0;
};
Result<Reference> parse_reference(const std::string& input);

// The list of nodes of a scope.
const google::protobuf::RepeatedPtrField<wire::Node>& nodes_of(const wire::Graph& graph, int function);

// Output number k of the outputs called `name`; -1: not known of this operator.
int output_number(const std::string& op, const std::string& name, int k);
// The inverse: how a function's nodes name output `output` of a node ("node:name:k"); "" : not known.
std::string output_name(const std::string& op, int output);

bool is_call(const std::string& op);

}  // namespace fetafix::formats::tensorflow
