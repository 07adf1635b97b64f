#include "formats/tflite/editor.h"

#include <algorithm>

#include "formats/tflite/tensors.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {

Editor::Editor(schema::ModelT& model, uint32_t subgraph, const graph::Graph& view)
    : model_(model), graph_(*model.subgraphs[subgraph]), subgraph_(subgraph), view_(view), uses_(view) {
  for (const auto& op : graph_.operators) original_.push_back(op.get());
}

void Editor::find_common_changes(const graph::Patch& patch) {
  // By tensor, what each use of it (operator and operand) gets: content, scale, zero point.
  std::map<int, std::map<std::pair<int, int>, std::map<int, const Tensor*>>> changes;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      const auto* set = std::get_if<graph::SetTensor>(&edit);
      if (!set || set->slot < 0 || set->slot >= output_scale_slot) continue;
      const auto op = original(set->at.op);
      const int slot = set->slot % scale_slot;
      if (op.ok() && operand(**op, slot) >= 0)
        changes[operand(**op, slot)][{set->at.op.index, slot}][set->slot / scale_slot] = &set->value;
    }
  const auto same = [](const auto& one, const auto& other) {
    return std::ranges::equal(one, other, [](const auto& a, const auto& b) {
      return a.first == b.first && a.second->identical(*b.second);
    });
  };
  for (const auto& [index, by_use] : changes) {
    const bool everywhere = by_use.size() == readers(index).size() && !is_output(index);
    if (everywhere && std::ranges::all_of(by_use, [&, &uses = by_use](const auto& use) {
          return same(use.second, uses.begin()->second);
        }))
      changed_everywhere_.insert(index);
  }
}

Status Editor::apply(const graph::Edit& edit) {
  return std::visit([&](const auto& one) { return apply_edit(*this, one); }, edit);
}

Builtin Editor::builtin(const schema::OperatorT& op) const {
  const auto& code = *model_.operator_codes[op.opcode_index];
  return static_cast<Builtin>(
      std::max(static_cast<int32_t>(code.builtin_code), static_cast<int32_t>(code.deprecated_builtin_code)));
}

Result<schema::OperatorT*> Editor::original(const graph::NativeOperator& op) const {
  if (!op.graph.empty()) return unsupported("subgraph '" + op.graph + "' is not edited");
  if (op.index < 0 || static_cast<size_t>(op.index) >= original_.size())
    return unsupported("there is no operator " + std::to_string(op.index));
  schema::OperatorT* found = original_[static_cast<size_t>(op.index)];
  if (removed_.contains(found))
    return unsupported("operator " + std::to_string(op.index) + " was removed before");
  return found;
}

int Editor::operand(const schema::OperatorT& op, int slot) const {
  return slot >= 0 && static_cast<size_t>(slot) < op.inputs.size() ? op.inputs[static_cast<size_t>(slot)]
                                                                   : -1;
}

void Editor::set_operand(schema::OperatorT& op, int slot, int tensor) {
  if (static_cast<size_t>(slot) >= op.inputs.size()) op.inputs.resize(static_cast<size_t>(slot) + 1, -1);
  op.inputs[static_cast<size_t>(slot)] = tensor;
  while (tensor < 0 && !op.inputs.empty() && op.inputs.back() < 0 && op.inputs.size() > 2)
    op.inputs.pop_back();
}

size_t Editor::position(const schema::OperatorT& op) const {
  const auto at = std::find_if(graph_.operators.begin(), graph_.operators.end(),
                               [&](const auto& o) { return o.get() == &op; });
  return static_cast<size_t>(at - graph_.operators.begin());
}

schema::OperatorT* Editor::producer(int tensor) const {
  for (const auto& op : graph_.operators)
    if (!removed_.contains(op.get()) && std::count(op->outputs.begin(), op->outputs.end(), tensor))
      return op.get();
  return nullptr;
}

std::vector<std::pair<schema::OperatorT*, int>> Editor::readers(int tensor) const {
  std::vector<std::pair<schema::OperatorT*, int>> out;
  for (const auto& op : graph_.operators)
    for (size_t slot = 0; !removed_.contains(op.get()) && slot < op->inputs.size(); ++slot)
      if (op->inputs[slot] == tensor) out.emplace_back(op.get(), static_cast<int>(slot));
  return out;
}

bool Editor::is_output(int tensor) const {
  return std::count(graph_.outputs.begin(), graph_.outputs.end(), tensor) > 0;
}

bool Editor::is_shared(int tensor, const schema::OperatorT& op, int slot) const {
  if (is_output(tensor)) return true;
  for (const auto& [reader, at] : readers(tensor))
    if (reader != &op || at != slot) return true;
  return false;
}

void Editor::redirect(int from, int to) {
  for (const auto& [op, slot] : readers(from)) op->inputs[static_cast<size_t>(slot)] = to;
  std::replace(graph_.outputs.begin(), graph_.outputs.end(), from, to);
  for (auto& signature : model_.signature_defs)
    if (signature->subgraph_index == subgraph_)
      for (auto& map : signature->outputs)
        if (static_cast<int>(map->tensor_index) == from) map->tensor_index = static_cast<uint32_t>(to);
}

bool Editor::quantized(int index) const {
  return tensor(index).quantization && !tensor(index).quantization->scale.empty();
}

Shape Editor::shape(int index) const {
  const auto& t = tensor(index);
  const auto& dims = t.shape_signature.empty() ? t.shape : t.shape_signature;
  return {dims.begin(), dims.end()};
}

void Editor::set_shape(int index, const Shape& shape) {
  auto& t = tensor(index);
  t.shape.clear();
  t.shape_signature.clear();
  bool dynamic = false;
  for (int64_t d : shape) {
    t.shape.push_back(static_cast<int32_t>(d < 0 ? 1 : d));
    t.shape_signature.push_back(static_cast<int32_t>(d));
    dynamic |= d < 0;
  }
  if (!dynamic) t.shape_signature.clear();
}

int Editor::add_like(int index) {
  auto made = std::make_unique<schema::TensorT>(tensor(index));
  made->name = "p" + std::to_string(++names_) + "/" + made->name;
  made->buffer = 0;
  graph_.tensors.push_back(std::move(made));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

int Editor::add_constant(const Tensor& data) {
  auto made = std::make_unique<schema::TensorT>();
  made->name = "p" + std::to_string(++names_);
  made->type = wire_of_dtype(data.dtype()).value_or(schema::TensorType::FLOAT32);
  made->shape.assign(data.shape().begin(), data.shape().end());
  made->has_rank = true;
  auto buffer = std::make_unique<schema::BufferT>();
  const auto* bytes = reinterpret_cast<const uint8_t*>(data.bytes().data());
  buffer->data.assign(bytes, bytes + data.byte_size());
  made->buffer = static_cast<uint32_t>(model_.buffers.size());
  model_.buffers.push_back(std::move(buffer));
  graph_.tensors.push_back(std::move(made));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

bool Editor::is_constant(int index) const {
  if (index < 0) return false;
  const auto& buffer = *model_.buffers[tensor(index).buffer];
  return !buffer.data.empty() || buffer.offset > 1;
}

bool Editor::same_constant(int one, int other) const {
  if (!is_constant(one) || !is_constant(other) || quantized(one) || quantized(other)) return false;
  const auto& a = model_.buffers[tensor(one).buffer]->data;
  return !a.empty() && a == model_.buffers[tensor(other).buffer]->data &&
         tensor(one).type == tensor(other).type && tensor(one).shape == tensor(other).shape;
}

std::optional<std::vector<int64_t>> Editor::int32s(int index) const {
  if (index < 0 || tensor(index).type != schema::TensorType::INT32) return std::nullopt;
  const auto& data = model_.buffers[tensor(index).buffer]->data;
  if (data.empty()) return std::nullopt;
  std::vector<int64_t> out(data.size() / 4);
  for (size_t i = 0; i < out.size(); ++i) out[i] = flatbuffers::ReadScalar<int32_t>(data.data() + 4 * i);
  return out;
}

namespace {

bool buffer_is_shared(const schema::ModelT& model, uint32_t buffer) {
  int users = 0;
  for (const auto& graph : model.subgraphs)
    for (const auto& tensor : graph->tensors) users += tensor->buffer == buffer;
  for (const auto& metadata : model.metadata) users += metadata->buffer == buffer;
  return users > 1 || buffer == 0;
}

}  // namespace

int Editor::own_tensor(schema::OperatorT& op, int slot) {
  const int shared = operand(op, slot);
  if (!is_shared(shared, op, slot) || changed_everywhere(shared)) return shared;
  auto copy = std::make_unique<schema::TensorT>(tensor(shared));
  copy->name = "p" + std::to_string(++names_) + "/" + copy->name;
  graph_.tensors.push_back(std::move(copy));
  const int own = static_cast<int>(graph_.tensors.size()) - 1;
  set_operand(op, slot, own);
  return own;
}

uint32_t Editor::buffer_in_place_of(uint32_t shared, std::span<const uint8_t> content) {
  const auto before = rewritten_.find(shared);
  if (before != rewritten_.end() && std::ranges::equal(model_.buffers[before->second]->data, content))
    return before->second;
  const auto made = static_cast<uint32_t>(model_.buffers.size());
  model_.buffers.push_back(std::make_unique<schema::BufferT>());
  return rewritten_[shared] = made;
}

Status Editor::write_constant(schema::OperatorT& op, int slot, const Tensor& data) {
  auto& target = tensor(own_tensor(op, slot));
  const auto* bytes = reinterpret_cast<const uint8_t*>(data.bytes().data());
  const std::span<const uint8_t> content(bytes, data.byte_size());
  if (buffer_is_shared(model_, target.buffer)) target.buffer = buffer_in_place_of(target.buffer, content);
  auto& buffer = *model_.buffers[target.buffer];
  buffer.data.assign(content.begin(), content.end());
  buffer.offset = buffer.size = 0;
  target.shape.assign(data.shape().begin(), data.shape().end());
  target.shape_signature.clear();
  touch(op);
  return {};
}

schema::OperatorT& Editor::add_operator(Builtin kind, std::vector<int> inputs, std::vector<int> outputs,
                                        size_t at) {
  auto made = std::make_unique<schema::OperatorT>();
  made->inputs = std::move(inputs);
  made->outputs = std::move(outputs);
  schema::OperatorT& op = *made;
  graph_.operators.insert(graph_.operators.begin() + static_cast<std::ptrdiff_t>(at), std::move(made));
  set_builtin(op, kind);
  created.insert(&op);
  touch(op);
  return op;
}

void Editor::drop_removed() {
  std::erase_if(graph_.operators, [&](const auto& op) { return removed_.contains(op.get()); });
}

Status Editor::finish() {
  FETAFIX_CHECK(check_nearest());
  FETAFIX_CHECK(resolve_pads());
  tidy(*this, graph_, removed_);
  // In list order, so that a new shape is known when its readers are reached.
  for (const auto& op : graph_.operators) {
    if (removed_.contains(op.get()) || !touched_.contains(op.get()) || op->outputs.empty() ||
        op->outputs[0] < 0)
      continue;
    const Shape before = shape(op->outputs[0]);
    const auto after = infer_shape(*this, *op);
    if (after == before) continue;
    // Unknown: runtimes compute shapes themselves, and the lift then asks for none.
    set_shape(op->outputs[0], after.value_or(Shape(before.size(), -1)));
    for (const auto& [reader, slot] : readers(op->outputs[0])) touch(*reader);
  }
  drop_removed();
  return {};
}

}  // namespace fetafix::formats::tflite
