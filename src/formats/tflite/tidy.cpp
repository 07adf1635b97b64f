// Makes what a patch created look as converters write it.
// - An operator that was put in front of each of several readers is needed once.
// - Where the operator before has room, a bias becomes its bias operand and an activation function its
// option.
#include <algorithm>

#include "formats/tflite/editor.h"

namespace fetafix::formats::tflite {
namespace {

// The operator before, if nobody else reads what it writes.
schema::OperatorT* only_producer(const Editor& editor, const schema::OperatorT& op, int slot) {
  const int input = editor.operand(op, slot);
  if (input < 0 || editor.is_shared(input, op, slot)) return nullptr;
  schema::OperatorT* before = editor.producer(input);
  return before && before->outputs.size() == 1 ? before : nullptr;
}

bool is_bias(const Editor& editor, int tensor, int64_t channels) {
  if (!editor.is_constant(tensor) || editor.tensor(tensor).type != schema::TensorType::FLOAT32) return false;
  const Shape shape = editor.shape(tensor);
  return !shape.empty() && shape.back() == channels && element_count(shape) == channels;
}

bool fuse_bias(Editor& editor, schema::OperatorT& add) {
  for (int slot : {0, 1}) {
    schema::OperatorT* before = only_producer(editor, add, slot);
    const int at = before ? bias_slot(editor.builtin(*before)) : -1;
    if (at < 0 || editor.operand(*before, at) >= 0 || editor.quantized(add.outputs[0])) continue;
    if (*fused_function(*before) != Function::NONE) continue;
    const int bias = editor.operand(add, 1 - slot);
    const Shape output = editor.shape(before->outputs[0]);
    if (output.empty() || !is_bias(editor, bias, output.back())) continue;
    if (editor.is_shared(bias, add, 1 - slot) && editor.shape(bias).size() != 1) continue;
    editor.tensor(bias).shape = {static_cast<int32_t>(output.back())};
    editor.set_operand(*before, at, bias);
    *fused_function(*before) = *fused_function(add);
    before->outputs = add.outputs;
    return true;
  }
  return false;
}

bool fuse_activation(Editor& editor, schema::OperatorT& op) {
  const auto function = fusable(editor.builtin(op));
  schema::OperatorT* before = function ? only_producer(editor, op, 0) : nullptr;
  Function* fused = before ? fused_function(*before) : nullptr;
  if (!fused || *fused != Function::NONE) return false;
  // Kernels of these kinds do not look at their fused function.
  const Builtin kind = editor.builtin(*before);
  if (kind == Builtin::L2_NORMALIZATION || kind == Builtin::CONCATENATION) return false;
  *fused = *function;
  before->outputs = op.outputs;
  return true;
}

// Everything about an operator but what it reads and writes.
std::string kind_of(const schema::OperatorT& op) {
  schema::OperatorT bare = op;
  bare.inputs.clear();
  bare.outputs.clear();
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(schema::Operator::Pack(builder, &bare));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

bool reads_the_same(const Editor& editor, const schema::OperatorT& one, const schema::OperatorT& other) {
  return std::ranges::equal(one.inputs, other.inputs,
                            [&](int a, int b) { return a == b || editor.same_constant(a, b); });
}

void merge_twins(Editor& editor, schema::SubGraphT& graph, const std::set<schema::OperatorT*>& removed) {
  std::vector<schema::OperatorT*> made;
  for (const auto& op : graph.operators) {
    if (!editor.created.contains(op.get()) || removed.contains(op.get()) || op->outputs.size() != 1 ||
        editor.pads.contains(op.get()))
      continue;
    const auto twin = std::ranges::find_if(made, [&](const schema::OperatorT* earlier) {
      return kind_of(*earlier) == kind_of(*op) && reads_the_same(editor, *earlier, *op);
    });
    if (twin == made.end()) {
      made.push_back(op.get());
      continue;
    }
    editor.redirect(op->outputs[0], (*twin)->outputs[0]);
    editor.remove(*op);
  }
}

}  // namespace

void tidy(Editor& editor, schema::SubGraphT& graph, const std::set<schema::OperatorT*>& removed) {
  merge_twins(editor, graph, removed);
  for (const auto& held : graph.operators) {
    schema::OperatorT& op = *held;
    if (!editor.created.contains(&op) || removed.contains(&op) || op.outputs.size() != 1) continue;
    const bool fused =
        editor.builtin(op) == Builtin::ADD ? fuse_bias(editor, op) : fuse_activation(editor, op);
    if (fused) editor.remove(op);
  }
}

}  // namespace fetafix::formats::tflite
