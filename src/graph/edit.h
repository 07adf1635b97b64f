// Edits are data. Every repair and every planted fault is a Patch: groups of edits from the closed
// vocabulary below, addressed to the native file by position, never by name; the file is known by its
// SHA-256.
//
// An edit says what changes in the *view*; `apply` changes a view, and each format's patcher changes
// its native file so that lifting it again gives what `apply` gives. All edits are immutable,
// serializable and deterministic, and are applicable or say why not.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json_fwd.h"
#include "graph/graph.h"

namespace fetafix::graph {

// The nodes that one native operator was lifted to, and which of them is meant. Only bridges come several to
// an operator as a rule (one leads in, one out), so only they are counted; of other roles the first is meant.
struct Address {
  NativeOperator op;
  Role role = Role::core;
  int nth = 0;  // of the operator's bridges
  auto operator<=>(const Address&) const = default;
};

// A computed value or a graph input, seen from the native file.
struct ValueAddress {
  int graph_input = -1;  // >= 0: that input of the model
  Address node;          // otherwise: output `output` of this node
  int output = 0;
  auto operator<=>(const ValueAddress&) const = default;
};

// Writes the tensor that operand `slot` of the operator holds.
//   Precondition: the slot holds a constant, or is absent and the operator may have one there (a bias).
//   Effect: this use of the constant has this value, in the view's layout; other uses keep theirs.
//   It is stored in the type that the file keeps it in, unless `retype`: then as it is given, where nothing
//   is stored or what is stored has another type than the operator takes.
struct SetTensor {
  Address at;
  int slot = 0;
  Tensor value;
  bool retype = false;
};

// Sets, or with nullopt removes, an attribute (the ONNX name and meaning).
//   Precondition: the native operator can express it (`Format::patched` says so otherwise).
struct SetAttribute {
  Address at;
  std::string name;
  std::optional<Attribute> value;
};

// Makes operand `input` (an index of the view node's inputs) read another value.
//   Precondition: `value` is defined before the node.
struct SetOperand {
  Address at;
  int input = 0;
  ValueAddress value;
};

// Changes the operator's type keeping its edges; attributes are replaced by those given.
struct ChangeType {
  Address at;
  std::string type;
  Attributes attributes;
};

// Puts a node on an edge. Its operands are `operands` in order; nullopt stands for the edge's value, an empty
// tensor for an optional operand that is left out.
//   Effect: everything that read the node's output (graph outputs too; with `only_consumer` that one
//   operand alone) reads the new node's first output.
struct InsertNode {
  ValueAddress edge;
  std::optional<std::pair<Address, int>> only_consumer;  // node and input index
  std::string type;
  Attributes attributes;
  std::vector<std::optional<Tensor>> operands;
  std::vector<std::pair<int, ValueAddress>> other_operands;  // operands that read further values of the model
};

// Takes a node out: everything that read its first output reads its operand `through` instead.
struct RemoveNode {
  Address at;
  int through = 0;
};

// Drops a node's outputs from index `keep` on (BatchNormalization in training mode has 3 or 5).
struct KeepOutputs {
  Address at;
  int keep = 1;
};

// The edits below mend what keeps a file from being read or loaded. None of them moves an operator in the
// file's list, so addresses mean the same before and after. A view is made behind them: where nothing is said
// of the view, it has what they say already.

// Sets a number that the file states: "ir_version", "opset" (of the standard operators), "schema_version", or
// of an operator its "operator_version" or "operator_code". A PyTorch program has "unreadable_module_notes",
// which can be set to none.
struct SetMetadata {
  std::string field;
  int64_t value = 0;
  Address at = {};  // op.index -1: of the whole file
};

// States the type, and with `shape` the shape, of a model input or of a computed value.
struct Redeclare {
  ValueAddress value = {};
  DType dtype = DType::unknown;
  std::optional<Shape> shape = std::nullopt;
};

// Makes another value the model's output number `output`.
struct SetOutput {
  int output = 0;
  ValueAddress value;
};

// Gives what the operator writes a value of its own, where something else writes the same one.
//   Effect: what reads it behind this operator reads the new value.
struct SeparateOutput {
  Address at;
  int output = 0;
};

// Puts the file's operators into an order in which each comes behind all that it reads.
struct SortOperators {};

using Edit = std::variant<SetTensor, SetAttribute, SetOperand, ChangeType, InsertNode, RemoveNode,
                          KeepOutputs, SetMetadata, Redeclare, SetOutput, SeparateOutput, SortOperators>;

// Edits that only make sense together; counted as one.
struct EditGroup {
  std::vector<Edit> edits;
  std::string reason;  // a sentence for people
};

// What tells an operator or a model input from all others of its file, without names and positions: by it
// an address is found again in another file.
struct Fingerprint {
  // Operator type, attributes, constants with their content, and how its parts hang together. What a file
  // says about the shapes of computed operands is left out: other files of the same model may not say it.
  std::string own;
  // Where others have the same: its neighborhood, one step further each time, until it is alone.
  std::vector<std::string> around;
  bool operator==(const Fingerprint&) const = default;
};

// How to get the model back that a patched file was made of.
struct Reverse {
  std::string patched_sha256;    // of the patched file
  std::vector<std::byte> delta;  // from its bytes to the original's (patch_delta.h)
};

struct Patch {
  std::string format;        // of the model it was made for
  std::string model_sha256;  // of that model's bytes
  std::vector<EditGroup> groups;
  std::map<NativeOperator, Fingerprint> operators = {};  // of all that the edits address
  std::map<int, Fingerprint> inputs = {};                // of the model inputs that they address
  std::optional<Reverse> reverse = std::nullopt;
};

// "set tensor 1 of operator 12 (Conv)".
std::string describe(const Edit& edit);
// Of the operator that it touches; op.index -1: of none.
const Address& address_of(const Edit& edit);

// The node of `graph` that an address means; the error says what is there instead.
Result<NodeId> resolve(const Graph& graph, const Address& address);
Result<ValueId> resolve(const Graph& graph, const ValueAddress& address);
// The address of a node or of a computed value or graph input.
Address address_of(const Graph& graph, NodeId node);
Result<ValueAddress> address_of(const Graph& graph, const Uses& uses, ValueId value);

// Applies to a view. What is new carries native operator index -1 and a name p1, p2, ...
Status apply(Graph& graph, const Edit& edit);
Status apply(Graph& graph, const Patch& patch);

// Records the fingerprints of all that the edits address; `graph` is the view of the file they address.
void add_fingerprints(Patch& patch, const Graph& graph);
// The same edits addressed to another file, whose view is `graph`: every fingerprint must be there exactly
// once, else the error lists those that are not. Without fingerprints and reverse, which speak of the old
// file.
Result<Patch> rebase(const Patch& patch, const Graph& graph);

// JSON form, version 1 (docs/patch.md).
Json to_json(const Patch& patch);
Result<Patch> patch_from_json(const Json& json);

}  // namespace fetafix::graph
