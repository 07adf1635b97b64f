// The edits that work on a file's tensors, types and versions as they stand.
#include <algorithm>
#include <set>

#include "formats/tflite/sound.h"
#include "formats/tflite/tensors.h"

namespace fetafix::formats::tflite {

Builtin builtin_of(const schema::ModelT& model, const schema::OperatorT& op) {
  const auto& code = *model.operator_codes[op.opcode_index];
  return static_cast<Builtin>(
      std::max(static_cast<int32_t>(code.builtin_code), static_cast<int32_t>(code.deprecated_builtin_code)));
}

graph::ExecutionOrder order_of(const std::vector<std::vector<int32_t>>& reads,
                               const std::vector<std::vector<int32_t>>& writes) {
  std::map<int32_t, size_t> writer;
  for (size_t i = 0; i < writes.size(); ++i)
    for (int32_t tensor : writes[i])
      if (tensor >= 0) writer.try_emplace(tensor, i);
  std::vector<std::set<size_t>> reads_from(reads.size());
  for (size_t i = 0; i < reads.size(); ++i)
    for (int32_t tensor : reads[i])
      if (const auto by = writer.find(tensor); by != writer.end()) reads_from[i].insert(by->second);
  return graph::execution_order(reads_from);
}

graph::ExecutionOrder order_of(const schema::SubGraphT& graph) {
  std::vector<std::vector<int32_t>> reads, writes;
  for (const auto& op : graph.operators) reads.push_back(op->inputs), writes.push_back(op->outputs);
  return order_of(reads, writes);
}

void sort_operators(schema::SubGraphT& graph) {
  std::vector<std::unique_ptr<schema::OperatorT>> sorted;
  for (size_t i : order_of(graph).sequence) sorted.push_back(std::move(graph.operators[i]));
  graph.operators = std::move(sorted);
}

namespace {

Error cannot(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

class FileEditor {
 public:
  FileEditor(schema::ModelT& model, uint32_t subgraph)
      : model_(model), graph_(*model.subgraphs[subgraph]), subgraph_(subgraph) {}

  // True: done. False: it wants a view.
  Result<bool> apply(const graph::Edit& edit) {
    return std::visit([&](const auto& one) { return apply_one(one); }, edit);
  }

  bool sort = false;

 private:
  template <class Other>
  Result<bool> apply_one(const Other&) {
    return false;
  }

  Result<schema::OperatorT*> operator_at(const graph::Address& at) {
    if (!at.op.graph.empty()) return cannot("subgraph '" + at.op.graph + "' is not edited");
    if (at.op.index < 0 || static_cast<size_t>(at.op.index) >= graph_.operators.size())
      return cannot("there is no operator " + std::to_string(at.op.index));
    return graph_.operators[static_cast<size_t>(at.op.index)].get();
  }

  Result<int32_t> tensor_of(const graph::ValueAddress& value) {
    const auto pick = [&](const std::vector<int32_t>& from, int index) -> Result<int32_t> {
      if (index < 0 || static_cast<size_t>(index) >= from.size() || from[static_cast<size_t>(index)] < 0)
        return cannot("there is no such value");
      return from[static_cast<size_t>(index)];
    };
    if (value.graph_input >= 0) return pick(graph_.inputs, value.graph_input);
    FETAFIX_TRY(const auto* op, operator_at(value.node));
    return pick(op->outputs, value.output);
  }

  schema::TensorT& tensor(int32_t index) { return *graph_.tensors[static_cast<size_t>(index)]; }

  int32_t add_like(int32_t index) {
    auto made = std::make_unique<schema::TensorT>(tensor(index));
    made->name += "/p" + std::to_string(graph_.tensors.size());
    graph_.tensors.push_back(std::move(made));
    return static_cast<int32_t>(graph_.tensors.size()) - 1;
  }

  Result<bool> apply_one(const graph::SetMetadata& edit) {
    if (edit.field == "schema_version") {
      model_.version = static_cast<uint32_t>(edit.value);
      return true;
    }
    FETAFIX_TRY(auto* op, operator_at(edit.at));
    if (edit.field == "operator_version") {
      model_.operator_codes[op->opcode_index]->version = static_cast<int32_t>(edit.value);
      return true;
    }
    if (edit.field != "operator_code") return cannot("a TFLite file has no " + edit.field);
    auto code = std::make_unique<schema::OperatorCodeT>();
    code->builtin_code = static_cast<Builtin>(edit.value);
    code->deprecated_builtin_code = static_cast<int8_t>(std::min<int64_t>(edit.value, 127));
    code->version = 1;
    for (size_t i = 0; i < model_.operator_codes.size(); ++i)  // one that others use, in their version
      if (model_.operator_codes[i]->builtin_code == code->builtin_code) *code = *model_.operator_codes[i];
    // A runtime refuses a list that holds a code it does not know, used or not.
    int users = 0;
    for (const auto& graph : model_.subgraphs)
      for (const auto& other : graph->operators) users += other->opcode_index == op->opcode_index;
    if (users == 1) {
      *model_.operator_codes[op->opcode_index] = *code;
      return true;
    }
    op->opcode_index = static_cast<uint32_t>(model_.operator_codes.size());
    model_.operator_codes.push_back(std::move(code));
    return true;
  }

  // In the layout of the file.
  Result<bool> apply_one(const graph::SetTensor& edit) {
    if (!edit.retype) return false;
    FETAFIX_TRY(auto* op, operator_at(edit.at));
    if (edit.slot < 0 || static_cast<size_t>(edit.slot) >= op->inputs.size())
      return cannot("no such operand");
    int32_t& operand = op->inputs[static_cast<size_t>(edit.slot)];
    if (operand < 0) return cannot("the operand is absent");
    int readers = 0;
    for (const auto& other : graph_.operators)
      readers += static_cast<int>(std::count(other->inputs.begin(), other->inputs.end(), operand));
    if (readers > 1) operand = add_like(operand);
    schema::TensorT& target = tensor(operand);
    const auto type = wire_of_dtype(edit.value.dtype());
    if (!type) return cannot("TFLite has no such type");
    target.type = *type;
    target.shape.assign(edit.value.shape().begin(), edit.value.shape().end());
    target.shape_signature.clear();
    target.buffer = static_cast<uint32_t>(model_.buffers.size());
    auto buffer = std::make_unique<schema::BufferT>();
    const auto* bytes = reinterpret_cast<const uint8_t*>(edit.value.bytes().data());
    buffer->data.assign(bytes, bytes + edit.value.byte_size());
    model_.buffers.push_back(std::move(buffer));
    return true;
  }

  bool is_stored(int32_t index) {
    const auto& buffer = *model_.buffers[tensor(index).buffer];
    return !buffer.data.empty() || buffer.offset > 1 || tensor(index).is_variable;
  }

  // Whether an operand is there when its reader wants it.
  bool is_settled(int32_t index, size_t reader) {
    if (index < 0) return false;
    if (std::count(graph_.inputs.begin(), graph_.inputs.end(), index)) return true;
    const auto& operators = graph_.operators;
    const auto writer = std::find_if(operators.begin(), operators.end(), [&](const auto& op) {
      return std::count(op->outputs.begin(), op->outputs.end(), index) > 0;
    });
    if (writer == operators.end()) return is_stored(index);
    const auto waiting = order_of(graph_).waiting();
    const bool waits = std::find(waiting.begin(), waiting.end(), reader) != waiting.end();
    return !waits || static_cast<size_t>(writer - operators.begin()) < reader;
  }

  Result<bool> apply_one(const graph::SetOperand& edit) {
    FETAFIX_TRY(auto* op, operator_at(edit.at));
    if (edit.input < 0 || static_cast<size_t>(edit.input) >= op->inputs.size()) return false;
    int32_t& operand = op->inputs[static_cast<size_t>(edit.input)];
    if (edit.at.role != graph::Role::core || is_settled(operand, static_cast<size_t>(edit.at.op.index)))
      return false;
    FETAFIX_TRY(operand, tensor_of(edit.value));
    return true;
  }

  Result<bool> apply_one(const graph::SeparateOutput& edit) {
    FETAFIX_TRY(auto* op, operator_at(edit.at));
    if (edit.output < 0 || static_cast<size_t>(edit.output) >= op->outputs.size())
      return cannot("there is no output " + std::to_string(edit.output));
    int32_t& own = op->outputs[static_cast<size_t>(edit.output)];
    const int32_t before = own;
    own = add_like(before);
    for (size_t i = static_cast<size_t>(edit.at.op.index) + 1; i < graph_.operators.size(); ++i)
      std::replace(graph_.operators[i]->inputs.begin(), graph_.operators[i]->inputs.end(), before, own);
    for (size_t k = 0; k < graph_.outputs.size(); ++k)
      if (graph_.outputs[k] == before) give_output(k, own);
    return true;
  }

  void give_output(size_t output, int32_t index) {
    const int32_t before = graph_.outputs[output];
    graph_.outputs[output] = index;
    for (auto& signature : model_.signature_defs)
      if (signature->subgraph_index == subgraph_)
        for (auto& map : signature->outputs)
          if (static_cast<int32_t>(map->tensor_index) == before)
            map->tensor_index = static_cast<uint32_t>(index);
  }

  Result<bool> apply_one(const graph::SetOutput& edit) {
    FETAFIX_TRY(const int32_t index, tensor_of(edit.value));
    if (edit.output < 0 || static_cast<size_t>(edit.output) >= graph_.outputs.size())
      return cannot("there is no model output " + std::to_string(edit.output));
    give_output(static_cast<size_t>(edit.output), index);
    return true;
  }

  Result<bool> apply_one(const graph::Redeclare& edit) {
    FETAFIX_TRY(const int32_t index, tensor_of(edit.value));
    const auto type = wire_of_dtype(edit.dtype);
    if (!type) return cannot("TFLite has no such type");
    tensor(index).type = *type;
    if (!edit.shape) return true;
    auto& shape = tensor(index).shape;  // what is not known is one here, whatever the runtime is told later
    shape.clear();
    for (int64_t dim : *edit.shape) shape.push_back(static_cast<int32_t>(std::max<int64_t>(dim, 1)));
    tensor(index).shape_signature.clear();
    return true;
  }

  Result<bool> apply_one(const graph::SortOperators&) { return sort = true; }

  schema::ModelT& model_;
  schema::SubGraphT& graph_;
  uint32_t subgraph_;
};

}  // namespace

Result<graph::Patch> apply_to_file(schema::ModelT& model, uint32_t subgraph, const graph::Patch& patch,
                                   bool& sort) {
  FileEditor editor(model, subgraph);
  graph::Patch out = patch;
  for (graph::EditGroup& group : out.groups) {
    std::vector<graph::Edit> left;
    for (const graph::Edit& edit : group.edits) {
      auto done = editor.apply(edit);
      if (!done.ok()) return in_context("can't " + graph::describe(edit), std::move(done).error());
      if (!*done) left.push_back(edit);
    }
    group.edits = std::move(left);
  }
  sort = editor.sort;
  return out;
}

}  // namespace fetafix::formats::tflite
