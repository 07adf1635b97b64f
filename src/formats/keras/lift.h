// How one call of a layer becomes nodes. A lift function (one for each class, in lift_*.cpp, listed in
// lift_table.cpp) gets an Operation and builds nodes through it; an error of kind `unsupported` makes the
// call one opaque node with that reason as a note.
//
// Layout rule: every call is lifted by itself. Where ONNX wants channels second and the layer has them last,
// a bridge leads in and another leads out.
#pragma once

#include <deque>
#include <set>
#include <span>

#include "formats/keras/keras.h"
#include "formats/keras/layers.h"
#include "graph/graph.h"

namespace fetafix::formats::keras {

using graph::Attributes;
using graph::Role;
using graph::ValueId;

// A value as an operand of a view node, with the slot that it comes from (-1: none).
struct Operand {
  ValueId id = graph::no_value;
  int slot = -1;
  bool absent() const { return id == graph::no_value; }
};

// Where a call is: the models around it with the number of their call, then layer and call in the file's
// numbers.
struct Place {
  std::vector<std::pair<std::string, int64_t>> around;
  std::string layer;
  int64_t call = 0;
  const Layer* what = nullptr;
};

// A tensor that the file's numbers speak of: output `output` of an operator.
struct Computed {
  int op = -1;
  int output = 0;
};

// The view with what the editor needs of how it came about.
struct Lift {
  Lifted lifted;
  std::vector<Place> places;                   // by native operator index
  std::vector<std::vector<ValueId>> operands;  // of each: the tensors that it is called with
  std::vector<Computed> computed;              // by native tensor, those behind the weights
};

Result<Lift> lift_tree(const File& file, const Tree& tree);

class Operation;

class Lifter {
 public:
  Lifter(const File& file, const Tree& tree) : file_(file), tree_(tree) {}
  Result<Lift> run();

 private:
  friend class Operation;
  using Around = std::vector<std::pair<std::string, int64_t>>;

  Result<std::vector<ValueId>> model(const Model& model, const std::vector<ValueId>& inputs,
                                     const Around& around);
  Status input(const Layer& layer);
  // `read`: how many of its outputs the model reads.
  Result<std::vector<ValueId>> call(const Layer& layer, const Call& call, int64_t number,
                                    const std::vector<ValueId>& operands, const Around& around, int64_t read);
  // Whether the layer heeds a mask that a tensor brings along.
  bool heeds_mask(const Layer& layer, const Call& call, const std::vector<ValueId>& operands) const;
  // Masks go on to what a layer answers, as long as there are steps to mask.
  void hand_on_masks(const Layer& layer, const std::vector<ValueId>& operands,
                     const std::vector<ValueId>& results);
  Status opaque(Operation& op, int64_t outputs, const std::string& why);
  Result<ValueId> weight(int index, const std::vector<int>& permutation, const Shape& shape);
  std::string unique(const std::string& base);

  const File& file_;
  const Tree& tree_;
  std::set<std::string> names_;
  std::map<std::string, int> next_;
  std::map<std::string, ValueId> constants_;  // by weight, permutation and shape
  std::set<ValueId> masked_;                  // values that come with a mask, which no file says
  Lift out_;
};

// One call being lifted.
class Operation {
 public:
  Operation(Lifter& lifter, const Layer& layer, const Call& call, std::vector<ValueId> operands, int index);

  const Layer& layer() const { return layer_; }
  const Call& call() const { return call_; }
  int generation() const { return lifter_.file_.generation(); }

  // --- settings; one that is missing or of another type is the default ---
  const Json& setting(const std::string& name) const;
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  bool flag(const std::string& name, bool otherwise) const;
  double number(const std::string& name, double otherwise) const;
  std::optional<int64_t> integer(const std::string& name) const;
  // One number for all axes, or one for each.
  Result<std::vector<int64_t>> integers(const std::string& name, size_t count, int64_t otherwise) const;
  bool channels_last() const { return text("data_format", "channels_last") != "channels_first"; }
  // Axes besides batch and channels: 2 of a Conv2D.
  size_t spatial_axes() const;

  // --- operands ---
  size_t operands() const { return operands_.size(); }
  Result<Operand> in(size_t operand) const;
  // The first operand, which has spatial axes, a batch and channels.
  Result<Operand> image() const;
  // What the layer is called with by position or by name; nullptr: nothing.
  const Argument* argument(size_t position, const std::string& name) const;
  // The same where it is a tensor.
  std::optional<Operand> tensor(size_t position, const std::string& name) const;
  std::optional<Shape> shape(const Operand& value) const;
  DType dtype(const Operand& value) const;
  int rank(const Operand& value) const;  // -1: not known

  // Weight k of the layer seen through a permutation (empty: none) and a shape (empty: its own).
  Result<Operand> weight(size_t k, const std::vector<int>& permutation = {}, const Shape& shape = {});
  Result<Shape> weight_shape(size_t k) const;
  // Weight k in an order of its parts that no permutation of axes says (gates.h); `view` is what it becomes.
  Result<Operand> rearranged(size_t k, Tensor view);
  Result<Tensor> stored(size_t k) const;
  size_t weights() const { return layer_.weights.size(); }

  // A constant that stands for a setting; each has a slot of its own, by which it can be set.
  Operand constant(const std::string& setting, Tensor tensor);
  // The same where the view shows it otherwise than the setting says it.
  Operand constant(const std::string& setting, const Tensor& said, const std::vector<int>& permutation,
                   const Shape& shape);
  Operand constant(const std::string& setting, float value) {
    return constant(setting, Tensor::scalar(value));
  }

  // --- building ---
  Operand node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes = {},
               Role role = Role::core, DType dtype = DType::unknown);
  std::vector<Operand> nodes(const std::string& type, const std::vector<Operand>& inputs,
                             Attributes attributes, int count, Role role = Role::core,
                             DType dtype = DType::unknown);
  Operand bridge(const Operand& value, const std::vector<int>& permutation);
  // Channels last to channels second and back; nothing to do where the layer has them second.
  Operand to_channels_first(const Operand& value);
  Operand to_channels_last(const Operand& value);
  Operand reshape(const Operand& value, const Shape& shape, Role role = Role::bridge);
  // The activation function that a setting names: text, or a serialized function or layer.
  Result<Operand> activated(const Operand& value, const Json& activation, Role role = Role::activation);
  void know_shape(const Operand& value, const Shape& shape);

  Status out(size_t output, const Operand& value);
  Status out(const Operand& value) { return out(0, value); }
  // out(activated(value)) with the setting "activation".
  Status finish(const Operand& value);

  void note(const std::string& what);
  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  friend class Lifter;

  Lifter& lifter_;
  const Layer& layer_;
  const Call& call_;
  std::vector<ValueId> operands_;
  int index_;
  int settings_ = 0;
  std::vector<ValueId> results_;
};

using LiftFunction = Status (*)(Operation&);

struct LiftRule {
  const char* class_name;
  bool operation;  // of keras.ops, not a layer
  LiftFunction lift;
  const char* becomes;  // for docs/keras.md
};

// One entry for every class that lifts (lift_table.cpp).
std::span<const LiftRule> lift_rules();
const LiftRule* find_lift_rule(const std::string& class_name, bool operation);

// Whether the numbers are 0 to n - 1 in some order.
bool is_order(std::vector<int64_t> axes);
}  // namespace fetafix::formats::keras
