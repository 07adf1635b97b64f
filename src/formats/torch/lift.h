// How one operator becomes nodes. A lift function (one for each kind, in lift_*.cpp, listed in
// lift_table.cpp) gets an Operation and builds nodes through it; an error of kind `unsupported` makes the
// operator one opaque node with that reason as a note.
//
// A native operator of the view is one of the program's (program.h), by its number there; a native tensor is
// a name of the program.
#pragma once

#include <functional>
#include <set>
#include <span>

#include "formats/torch/arguments.h"
#include "formats/torch/program.h"
#include "formats/torch/torch.h"
#include "formats/view_memory.h"
#include "graph/graph.h"

namespace fetafix::formats::torch {

using graph::Attributes;
using graph::Role;
using graph::ValueId;

// A value as an operand of a view node, with the slot that it comes from (-1: none).
struct Operand {
  ValueId id = graph::no_value;
  int slot = -1;
  bool absent() const { return id == graph::no_value; }
};

// The view with what the editor needs of how it came about.
struct Lift {
  Lifted lifted;
  Program program;
  std::vector<std::string> tensors;  // what `native_tensor` of values and lenses counts
};

Result<Lift> lift_file(const File& file);

class Operation;

// The graph in the making.
class Lifter {
 public:
  explicit Lifter(const File& file) : file_(file), memory_(least_memory, file.bytes->size()) {}
  Result<Lift> run();

 private:
  friend class Operation;
  static constexpr uint64_t least_memory = uint64_t{96} << 20;

  Status add_inputs();
  Status add_op(int index);
  Status add_by(int index, Status (*lift)(Operation&));
  Status add_opaque(int index, const std::string& why);
  Status add_outputs();
  // The name of the operand that an operator writes into; empty: it writes into none.
  std::string written_by(const Op& op) const;
  // What such an operator leaves there.
  void write_through(const Op& op);
  void note_views(const Op& op);

  Result<ValueId> value_of(const std::string& name);
  // A stored tensor by its name; null: it is none, or no longer what is stored.
  const Input* stored_input(const std::string& name) const;
  Result<ValueId> constant_of(const Input& input, const std::vector<int>& permutation, const Shape& shape);
  Result<Tensor> stored(const Input& input);
  int tensor_of(const std::string& name);
  std::string unique(const std::string& base);
  bool spend(uint64_t bytes) { return memory_.spend(bytes); }
  Status check_memory() const;

  const File& file_;
  std::set<std::string> names_;
  std::map<std::string, int> next_;
  std::map<std::string, ValueId> values_;  // by the program's names
  std::map<std::string, Tensor> stored_;
  std::map<std::string, int64_t> known_;      // sizes that are numbers, by the program's names
  std::map<std::string, ValueId> constants_;  // by name, permutation, shape
  std::map<std::string, int> numbers_;        // of tensors
  std::map<std::string, std::string>
      views_;  // names that share their elements, and whom they share them with
  ViewMemory memory_;
  Lift out_;
};

// One operator being lifted.
class Operation {
 public:
  Operation(Lifter& lifter, int index);

  const std::string& target() const { return op_.target; }
  size_t outputs() const { return op_.outputs.size(); }

  // --- arguments by name; one that is left out, None or of another kind is the default ---
  bool has(const std::string& name) const;  // given, and not None
  bool is_tensor(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t otherwise) const;
  double number(const std::string& name, double otherwise) const;
  bool flag(const std::string& name, bool otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::vector<int64_t> integers(const std::string& name) const;  // empty: left out
  std::vector<double> numbers(const std::string& name) const;
  // One number for all axes or one for each. Error `unsupported`: another number of them.
  Result<std::vector<int64_t>> each(const std::string& name, size_t count, int64_t otherwise) const;
  DType element_type(const std::string& name) const;  // unknown: left out

  // --- operands ---
  Result<Operand> in(const std::string& name);
  // Absent with its slot where it is None.
  Result<Operand> optional(const std::string& name);
  // A stored tensor seen through a permutation and as another shape; computed ones get nodes that do it.
  Result<Operand> parameter(const std::string& name, const std::vector<int>& permutation,
                            const Shape& shape = {});
  size_t list_size(const std::string& name) const;
  Result<Operand> element(const std::string& name, size_t element);
  // A tensor as it is, a number as a constant of the type; both cast to it.
  Result<Operand> scalar(const std::string& name, DType dtype);
  // A list of sizes as int64; those that depend on the run are joined from what computes them.
  Result<Operand> sizes(const std::string& name);
  // The same where all are numbers. Error `unsupported`: one is computed.
  Result<std::vector<int64_t>> known_sizes(const std::string& name) const;
  // The parameter of an element of a list, in a form that no permutation says (gates of recurrent layers).
  Result<Operand> rearranged(const std::string& name, size_t element,
                             const std::function<Result<Tensor>(const Tensor&)>& form);
  // Whether all tensors of an argument are made as zeros.
  bool starts_from_zeros(const std::string& name) const;
  // A size: a number, or a value of the graph.
  Result<Operand> size(const std::string& name);
  std::optional<int64_t> known_size(const std::string& name) const;

  std::optional<Shape> shape(const Operand& value) const;
  std::optional<Shape> shape_of(const std::string& name) const;
  Result<int> rank(const std::string& name) const;  // error `unsupported`: not known
  // An axis as a number from 0 on. Error `unsupported`: outside.
  Result<int64_t> axis(const std::string& name, int64_t otherwise, int64_t rank) const;
  DType dtype(const Operand& value) const;
  DType dtype_of(const std::string& name) const;
  DType result_type() const;  // of the first output, as the file says

  // Before many elements are made that the file does not hold. Error kind `file`: more than the view may
  // take.
  Status afford(uint64_t bytes);

  // A new constant that says what argument `name` says ("": it follows from the operator).
  Operand constant(const std::string& name, Tensor tensor);
  Operand int64s(const std::string& name, const std::vector<int64_t>& numbers) {
    return constant(name, Tensor::vector(numbers));
  }

  // --- building ---
  Operand node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes = {},
               Role role = Role::core, DType dtype = DType::unknown);
  std::vector<Operand> nodes(const std::string& type, const std::vector<Operand>& inputs,
                             Attributes attributes, int count, Role role = Role::core);
  Operand bridge(const Operand& value, const std::vector<int>& permutation);
  Operand cast(const Operand& value, DType dtype, Role role = Role::bridge);
  void know_shape(const Operand& value, const Shape& shape);

  Status out(size_t output, const Operand& value);
  Status out(const Operand& value) { return out(0, value); }
  // The result is a size that is known: what reads it has the number.
  Status out_size(int64_t size);

  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  friend class Lifter;

  const Argument* argument(const std::string& name) const;  // null: left out or None
  std::optional<int64_t> whole(const Json& json) const;     // a number, or a size that is known
  Result<Operand> named(const Json& tensor, int slot);

  Lifter& lifter_;
  int index_;
  const Op& op_;
  std::vector<std::pair<size_t, ValueId>> results_;
};

using LiftFunction = Status (*)(Operation&);

struct LiftRule {
  const char* target;
  LiftFunction lift;
  const char* becomes;  // for docs/torch.md
};

// One entry for every operator that lifts (lift_table.cpp).
std::span<const LiftRule> lift_rules();
// Operators that write into their operand (relu_) lift as those that do not.
const LiftRule* find_lift_rule(const std::string& target);

// "aten.relu_.default" -> "aten.relu.default"; empty: it does not write into its operand.
std::string without_writing(const std::string& target);

// Tensors, not weights, that an operator which lifts can't do without and that the call leaves out.
std::vector<std::string> absent_operands(const Op& op);

// A node's name for people: the module's path and its own name.
std::string label_of(const Op& op);

}  // namespace fetafix::formats::torch
