// Edits of the graph's shape: operands, kinds, operators put in and taken out.
#include <algorithm>

#include "formats/tflite/editor.h"

namespace fetafix::formats::tflite {
namespace {

using graph::Role;

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

// What was fused behind an operator that goes away stays behind as an operator of its own.
Status outlive(Editor& editor, schema::OperatorT& op, int input) {
  Function* function = fused_function(op);
  if (!function || *function == Function::NONE) {
    editor.redirect(op.outputs[0], input);
    editor.remove(op);
    return {};
  }
  const auto kind = standalone(*function);
  if (!kind) return cant("its fused activation function has no operator of its own");
  editor.set_builtin(op, *kind);
  op.inputs = {input};
  editor.touch(op);
  return {};
}

Status remove_core(Editor& editor, schema::OperatorT& op, graph::NodeId node, int through) {
  FETAFIX_TRY(Edge operand, editor.operand_edge(node, through));
  if (op.outputs.size() != 1 && !editor.readers(op.outputs.back()).empty())
    return cant("another output of it is used");
  const int slot = bias_slot(editor.builtin(op));
  const int bias = slot < 0 ? -1 : editor.operand(op, slot);
  const bool separate_bias = bias >= 0 && editor.builtin(op) == Builtin::FULLY_CONNECTED;
  if (!separate_bias) return outlive(editor, op, operand.tensor);
  if (editor.quantized(op.outputs[0])) return cant("the bias of a quantized operator is part of it");
  editor.set_builtin(op, Builtin::ADD);
  op.inputs = {operand.tensor, bias};
  editor.touch(op);
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::RemoveNode& edit) {
  FETAFIX_TRY(schema::OperatorT * op, editor.original(edit.at.op));
  FETAFIX_TRY(graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (op->outputs.empty()) return cant("it has no output");
  switch (edit.at.role) {
    case Role::activation: {
      Function* function = fused_function(*op);
      if (!function || edit.through != 0) return cant("it has no fused activation function");
      *function = Function::NONE;
      return {};
    }
    case Role::bias: {
      const int slot = bias_slot(editor.builtin(*op));
      if (slot < 0 || editor.quantized(op->outputs[0]))
        return cant("it has no bias that could be taken away");
      editor.set_operand(*op, slot, -1);
      return {};
    }
    case Role::core:
      break;
    // QUANTIZE and DEQUANTIZE are operators of their own; elsewhere these parts belong to the tensors.
    case Role::quantize:
    case Role::dequantize:
      if (editor.builtin(*op) == Builtin::QUANTIZE || editor.builtin(*op) == Builtin::DEQUANTIZE) break;
      [[fallthrough]];
    default:
      return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " can't be removed");
  }
  FETAFIX_CHECK(editor.check_single(editor.view().node(id)));
  return remove_core(editor, *op, id, edit.through);
}

Status apply_edit(Editor& editor, const graph::SetOperand& edit) {
  FETAFIX_TRY(graph::NodeId id, graph::resolve(editor.view(), edit.at));
  FETAFIX_TRY(Edge operand, editor.operand_edge(id, edit.input));
  FETAFIX_TRY(Edge value, editor.edge(edit.value));
  if (value.reader) return cant("the value is inside an operator; name the tensor that it comes from");
  if (value.permutation != operand.permutation) return cant("operand and value have different layouts");
  schema::OperatorT& op = *operand.reader;
  if (value.producer && editor.position(*value.producer) >= editor.position(op))
    return cant("the value is computed later");
  if (editor.tensor(value.tensor).type != editor.tensor(operand.tensor).type)
    return cant("operand and value have different element types");
  op.inputs[static_cast<size_t>(operand.slot)] = value.tensor;
  editor.touch(op);
  return {};
}

namespace {

// Kinds of one family take each other's place with the same operands.
enum class Family { none, unary, binary, pool, reduction, arg };

Family family_of(Builtin builtin) {
  switch (builtin) {
    case Builtin::ADD:
    case Builtin::SUB:
    case Builtin::MUL:
    case Builtin::DIV:
    case Builtin::MAXIMUM:
    case Builtin::MINIMUM:
    case Builtin::POW:
    case Builtin::PRELU:
      return Family::binary;
    case Builtin::AVERAGE_POOL_2D:
    case Builtin::MAX_POOL_2D:
      return Family::pool;
    case Builtin::MEAN:
    case Builtin::SUM:
    case Builtin::REDUCE_MAX:
    case Builtin::REDUCE_MIN:
    case Builtin::REDUCE_PROD:
      return Family::reduction;
    case Builtin::ARG_MAX:
    case Builtin::ARG_MIN:
      return Family::arg;
    case Builtin::RELU6:
    case Builtin::RELU_N1_TO_1:
    case Builtin::GELU:
    case Builtin::LEAKY_RELU:
      return Family::unary;
    default:
      break;
  }
  const auto is = [&](const char* type) { return plain_builtin(type) == builtin; };
  const char* unary[] = {"Abs", "Ceil", "Cos",   "Elu",     "Exp",  "Floor", "HardSwish", "Log",
                         "Neg", "Relu", "Round", "Sigmoid", "Sign", "Sin",   "Sqrt",      "Tanh"};
  return std::any_of(std::begin(unary), std::end(unary), is) ? Family::unary : Family::none;
}

std::optional<Builtin> builtin_for(const std::string& type) {
  static const std::map<std::string, Builtin> more{{"ArgMax", Builtin::ARG_MAX},
                                                   {"ArgMin", Builtin::ARG_MIN},
                                                   {"AveragePool", Builtin::AVERAGE_POOL_2D},
                                                   {"Gelu", Builtin::GELU},
                                                   {"LeakyRelu", Builtin::LEAKY_RELU},
                                                   {"MaxPool", Builtin::MAX_POOL_2D},
                                                   {"ReduceMax", Builtin::REDUCE_MAX},
                                                   {"ReduceMean", Builtin::MEAN},
                                                   {"ReduceMin", Builtin::REDUCE_MIN},
                                                   {"ReduceProd", Builtin::REDUCE_PROD},
                                                   {"ReduceSum", Builtin::SUM}};
  const auto found = more.find(type);
  return found != more.end() ? found->second : plain_builtin(type);
}

// Integer kernels that compare or pick stored values: input and output must count in the same steps.
bool picks_values(Builtin builtin) {
  return builtin == Builtin::MAXIMUM || builtin == Builtin::MINIMUM || builtin == Builtin::REDUCE_MAX ||
         builtin == Builtin::REDUCE_MIN || builtin == Builtin::MAX_POOL_2D;
}

bool same_scales(const Editor& editor, const schema::OperatorT& op) {
  if (!editor.quantized(op.outputs[0])) return true;
  const auto& out = *editor.tensor(op.outputs[0]).quantization;
  return std::all_of(op.inputs.begin(), op.inputs.end(), [&](int tensor) {
    return tensor < 0 || !editor.quantized(tensor) ||
           (editor.tensor(tensor).quantization->scale == out.scale &&
            editor.tensor(tensor).quantization->zero_point == out.zero_point);
  });
}

Status change_activation(schema::OperatorT& op, const std::string& type) {
  Function* function = fused_function(op);
  if (!function || type != "Relu")
    return cant("only Relu can take the place of a fused activation function; remove it and insert " + type);
  *function = Function::RELU;
  return {};
}

}  // namespace

namespace {

// The new kind, with what both kinds say among their options.
Status change_builtin(Editor& editor, schema::OperatorT& op, Builtin kind) {
  if (const auto* pool = op.builtin_options.AsPool2DOptions()) {
    const schema::Pool2DOptionsT kept = *pool;
    editor.set_builtin(op, kind);
    if (auto* options = op.builtin_options.AsPool2DOptions()) *options = kept;
  } else if (const auto* reducer = op.builtin_options.AsReducerOptions()) {
    const bool keep = reducer->keep_dims;
    editor.set_builtin(op, kind);
    if (auto* options = op.builtin_options.AsReducerOptions()) options->keep_dims = keep;
  } else {
    FETAFIX_CHECK(editor.unfuse_for(op, kind));
    editor.set_builtin(op, kind);
    const auto type = editor.tensor(op.outputs[0]).type;
    if (auto* max = op.builtin_options.AsArgMaxOptions()) max->output_type = type;
    if (auto* min = op.builtin_options.AsArgMinOptions()) min->output_type = type;
  }
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::ChangeType& edit) {
  FETAFIX_TRY(schema::OperatorT * op, editor.original(edit.at.op));
  FETAFIX_TRY(graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (edit.at.role == Role::activation) return change_activation(*op, edit.type);
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " has one type");
  FETAFIX_CHECK(editor.check_single(editor.view().node(id)));
  const Builtin now = editor.builtin(*op);
  const auto kind = builtin_for(edit.type);
  if (!kind || family_of(now) == Family::none || family_of(*kind) != family_of(now))
    return cant(builtin_name(now) + " can't become " + edit.type);
  if (picks_values(*kind) && !same_scales(editor, *op))
    return cant("as a " + edit.type + " its quantized input and output would need one scale");
  FETAFIX_CHECK(change_builtin(editor, *op, *kind));
  for (const auto& [name, value] : edit.attributes) {
    if (name == "count_include_pad" && *kind == Builtin::MAX_POOL_2D) continue;
    FETAFIX_CHECK(apply_edit(editor, graph::SetAttribute{edit.at, name, value}));
  }
  return {};
}

namespace {

// Further values that the new operator reads, and the place in the list after which all are known.
Status find_others(Editor& editor, const graph::InsertNode& edit, const Edge& edge, Lowering& out) {
  for (const auto& [operand, address] : edit.other_operands) {
    FETAFIX_TRY(Edge other, editor.edge(address));
    if (other.reader || other.permutation != edge.permutation)
      return cant("the operands have different layouts");
    if (editor.tensor(other.tensor).type != editor.tensor(edge.tensor).type)
      return cant("the operands have different element types");
    out.others[operand] = other.tensor;
    if (other.producer) out.position = std::max(out.position, editor.position(*other.producer) + 1);
  }
  return {};
}

bool any_before(const Editor& editor, const std::vector<std::pair<schema::OperatorT*, int>>& readers,
                size_t position) {
  return std::any_of(readers.begin(), readers.end(),
                     [&](const auto& r) { return editor.position(*r.first) < position; });
}

// For one reader alone, or for the readers of a model input: they read the new tensor.
Status insert_for(Editor& editor, const Edge& edge, Lowering& lowering,
                  std::vector<std::pair<schema::OperatorT*, int>> readers) {
  if (any_before(editor, readers, lowering.position))
    return cant("an operand is computed after the place where the result is read");
  lowering.input = edge.tensor;
  lowering.output = editor.add_like(edge.tensor);
  FETAFIX_CHECK(lower(editor, lowering));
  for (const auto& [op, slot] : readers) {
    op->inputs[static_cast<size_t>(slot)] = lowering.output;
    editor.touch(*op);
  }
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::InsertNode& edit) {
  FETAFIX_TRY(Edge edge, editor.edge(edit.edge));
  if (edit.only_consumer) {
    FETAFIX_TRY(graph::NodeId id, graph::resolve(editor.view(), edit.only_consumer->first));
    auto reader = editor.operand_edge(id, edit.only_consumer->second);
    const bool outside = reader.ok() && reader->reader != edge.producer;
    if (outside) edge.reader = reader->reader, edge.slot = reader->slot;
  }
  Lowering lowering{edit, edge.permutation, -1, -1, edge.producer ? editor.position(*edge.producer) + 1 : 0,
                    {}};
  FETAFIX_CHECK(find_others(editor, edit, edge, lowering));
  if (edge.reader) {
    lowering.position =
        std::max(lowering.position, edit.other_operands.empty() ? editor.position(*edge.reader) : 0);
    return insert_for(editor, edge, lowering, {{edge.reader, edge.slot}});
  }
  if (!edge.producer) return insert_for(editor, edge, lowering, editor.readers(edge.tensor));
  // The new operator writes what the old one wrote: readers and model outputs keep their tensor.
  if (any_before(editor, editor.readers(edge.tensor), lowering.position))
    return cant("an operand is computed after the place where the result is read");
  lowering.input = editor.add_like(edge.tensor);
  lowering.output = edge.tensor;
  std::replace(edge.producer->outputs.begin(), edge.producer->outputs.end(), edge.tensor, lowering.input);
  if (edge.whole >= 0) editor.moved[edge.whole] = lowering.input;
  return lower(editor, lowering);
}

Status apply_edit(Editor& editor, const graph::KeepOutputs& edit) {
  FETAFIX_TRY(schema::OperatorT * op, editor.original(edit.at.op));
  if (edit.keep >= static_cast<int>(op->outputs.size())) return {};
  return cant("TFLite operators have a fixed number of outputs");
}

}  // namespace fetafix::formats::tflite
