// How one operator becomes nodes. A lift function (one for each kind, in lift_*.cpp, listed in
// lift_table.cpp) gets an Operation and builds nodes through it; an error of kind `unsupported` makes the
// operator one opaque node with that reason as a note.
//
// Layout rule: every operator is lifted by itself. Where ONNX wants channels second and the operator has them
// last, a bridge leads in and another leads out.
//
// A native operator of the view is one of the program (program.h), by its number there.
#pragma once

#include <functional>
#include <set>
#include <span>

#include "formats/tensorflow/program.h"
#include "formats/tensorflow/templates.h"
#include "formats/tensorflow/variables.h"
#include "formats/view_memory.h"
#include "graph/graph.h"

namespace fetafix::formats::tensorflow {

using graph::Attributes;
using graph::Role;
using graph::ValueId;

// A value as an operand of a view node, with the native slot that it comes from (-1: none).
struct Operand {
  ValueId id = graph::no_value;
  int slot = -1;
  bool absent() const { return id == graph::no_value; }
};

// The view with what the editor needs of how it came about.
struct Lift {
  Lifted lifted;
  Program program;
  Variables variables;
  std::vector<Source> tensors;  // what `native_tensor` of values and lenses counts
  Normalizations normalizations;

  // The operand of the program that a slot of a view node means: an operator that stands for several has
  // slots of its own for theirs.
  Slot operand(int op, int slot) const;
};

// The slots of a normalization that is one of the view's operators.
enum NormalizationSlot { slot_x = 100, slot_gamma, slot_beta, slot_mean, slot_variance };

Result<Lift> lift_file(const File& file);

// Operators that hand on what they read, as it is.
bool hands_on(const std::string& op);
// ... or with the same numbers in another shape.
bool reshapes(const std::string& op);
// Where a tensor comes from: through those that hand it on, and if it is stored there (Const, variable) also
// through those that reshape it.
Source stored_origin(const Program& program, const Source& source);

class Operation;

// The graph in the making.
class Lifter {
 public:
  explicit Lifter(const File& file);
  Result<Lift> run();

 private:
  friend class Operation;

  // For what a loop runs: the function as a graph of its own. Arguments in `inherited` are constants or
  // variables of `parent`.
  Lifter(const File& file, const Lifter& parent, std::vector<wire::Port> inputs,
         std::map<int, Source> inherited);
  Result<Lift> lift_program();

  Status add_inputs();
  Status add_op(int index);
  void find_normalizations();
  Status add_normalization(int index);
  // Nodes by `lift`; where it fails nothing of them stays.
  Status add_by(int index, const std::function<Status(Operation&)>& lift);
  Status lift_normalization(Operation& op, const Normalization& parts);
  Status add_opaque(int index, const std::string& why);
  Status add_outputs();
  // Constants and variables; nullopt: it is computed. Error `unsupported`: of a type that no view holds.
  std::optional<Result<Tensor>> stored(const Source& source) const;
  std::optional<Result<Tensor>> read_stored(const Source& source) const;
  std::optional<Result<Tensor>> reshaped(const Op& op) const;
  Result<Tensor> variable(const Op& read) const;
  // The value of a tensor as it is stored. Error `unsupported`: what makes it can't be read.
  Result<ValueId> value_of(const Source& source);
  Result<ValueId> constant_of(const Source& source, const std::vector<int>& permutation, const Shape& shape,
                              DType dtype);
  bool is_constant(const Source& source) const;
  // What a loop runs (lift_while.cpp). Unsupported: whatever keeps it from being evaluated.
  Result<graph::Graph> lift_function(int function, const std::vector<ValueId>& operands,
                                     const std::map<int, Source>& inherited);
  int tensor_of(const Source& source);
  // Counts memory that the view takes besides what the file holds; false when it is more than a view may
  // take. Whoever builds in a loop looks at check_memory(), at the latest when an operator is done.
  bool spend(uint64_t bytes) const;
  static constexpr uint64_t memory_of_one = 1024;  // node or value, without names
  Status check_memory() const;
  std::string name_of(const Source& source) const;
  std::string unique(const std::string& base);
  std::optional<Shape> declared_shape(const Source& source) const;

  const File& file_;
  std::vector<wire::Port> inputs_;
  const Lifter* parent_ = nullptr;
  int depth_ = 0;  // in how many loops
  std::map<int, Source> inherited_;
  std::set<int> absorbed_;  // operators that are part of a normalization and no node by themselves
  mutable ViewMemory memory_;
  std::set<std::string> names_;
  std::map<std::string, int> next_;                                 // by base name
  std::map<Source, ValueId> values_;                                // computed ones and inputs
  mutable std::map<Source, std::optional<Result<Tensor>>> stored_;  // looked at so far
  std::map<std::string, ValueId> constants_;                        // by tensor, permutation, shape, type
  std::map<Source, int> numbers_;                                   // of tensors
  Lift out_;
};

// One operator being lifted.
class Operation {
 public:
  Operation(Lifter& lifter, int index);

  const std::string& type() const { return op_.node->op(); }
  const wire::Node& wire() const { return *op_.node; }

  // --- attributes; one that is missing or of another type is the default ---
  int64_t integer(const std::string& key, int64_t otherwise) const;
  float number(const std::string& key, float otherwise) const;
  bool flag(const std::string& key, bool otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::vector<int64_t> integers(const std::string& key) const;  // empty: missing
  DType element_type(const std::string& key) const;
  int function(const std::string& key) const;  // in the library; -1: none
  // NHWC, NDHWC: false for channels second.
  bool channels_last() const;

  // --- operands ---
  int operands() const { return static_cast<int>(op_.inputs.size()); }
  int outputs() const { return op_.outputs; }  // as many as are read
  bool is_constant(int slot) const;
  Result<Operand> in(int slot);
  // A parameter seen through a permutation, as another shape and type; computed ones get nodes that do it.
  Result<Operand> parameter(int slot, const std::vector<int>& permutation, const Shape& shape = {},
                            DType dtype = DType::unknown);
  // Shapes, axes, indices as int64.
  Result<Operand> int64s(int slot, const Shape& shape = {});
  // The numbers of an operand that is constant, or that follows from constants and known shapes, those beyond
  // 32 bits as the largest that fit. Error `unsupported` when it is computed.
  Result<std::vector<int64_t>> ints(int slot) const;
  // The same of sizes that may be computed: -1 where a size depends on the run. Error `unsupported` when not
  // even their number is known.
  Result<std::vector<int64_t>> sizes(int slot) const;
  Result<Tensor> constant(int slot) const;
  std::optional<Shape> shape(const Operand& value) const;
  std::optional<Shape> shape_of(int slot) const;
  int rank_of(int slot) const;  // -1: not known
  DType dtype(const Operand& value) const;

  // An operand of another operator of the program, as one of this with that slot.
  Result<Operand> operand_of(const Slot& from, int slot);
  // The same of a stored list of numbers, without dimensions of 1.
  Result<Operand> list_of(const Slot& from, int slot);

  // A new constant. `attribute` names the native attribute that it stands for; "": none, it follows from the
  // operator.
  Operand number(const std::string& attribute, Tensor tensor);

  // --- building ---
  Operand node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes = {},
               Role role = Role::core, DType dtype = DType::unknown);
  std::vector<Operand> nodes(const std::string& type, const std::vector<Operand>& inputs,
                             Attributes attributes, int count, Role role = Role::core,
                             DType dtype = DType::unknown);
  Operand bridge(const Operand& value, const std::vector<int>& permutation);
  Operand cast(const Operand& value, DType dtype, Role role = Role::bridge);
  // Channels last to channels second and back; nothing to do where the operator has them second.
  Operand to_channels_first(const Operand& value, int rank = 4);
  Operand to_channels_last(const Operand& value, int rank = 4);

  // A loop over functions of the file, judged as a whole.
  Status loop(int condition, int body);

  // Says what the operator's output is.
  Status out(int output, const Operand& value);
  Status out(const Operand& value) { return out(0, value); }

  void note(const std::string& what);
  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  friend class Lifter;

  const wire::Attribute* attribute(const std::string& key) const {
    return wire::find_attribute(*op_.node, key);
  }
  Result<Source> source(int slot) const;

  Lifter& lifter_;
  int index_;
  const Op& op_;
  std::vector<std::pair<int, ValueId>> results_;
};

using LiftFunction = Status (*)(Operation&);

struct LiftRule {
  const char* type;
  LiftFunction lift;
  const char* becomes;  // for docs/tensorflow.md
};

// One entry for every operator that lifts (lift_table.cpp).
std::span<const LiftRule> lift_rules();
const LiftRule* find_lift_rule(const std::string& type);

}  // namespace fetafix::formats::tensorflow
