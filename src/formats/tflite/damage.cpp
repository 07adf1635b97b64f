// A file that names tensors and buffers which it does not have, or whose numbers do not fill their shape. No
// runtime loads it, but nearly all of it is there: what leads nowhere becomes a tensor without numbers, which
// nothing computes, and sound.cpp says so in the words that it has for those.
#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {
namespace {

// A hostile file must not make a tensor of every number that it has.
constexpr size_t most_absent = 64;

// An empty buffer of its own: the first one is everybody's.
uint32_t no_numbers(schema::ModelT& model) {
  model.buffers.push_back(std::make_unique<schema::BufferT>());
  return static_cast<uint32_t>(model.buffers.size()) - 1;
}

class Mender {
 public:
  explicit Mender(schema::ModelT& model) : model_(model) {}

  void run() {
    const size_t buffers = model_.buffers.size();
    for (auto& graph : model_.subgraphs) {
      for (auto& tensor : graph->tensors)
        if (tensor->buffer >= buffers || !is_filled(*tensor)) tensor->buffer = no_numbers(model_);
      for (int32_t& index : graph->outputs) mend(*graph, index, 0);
      for (auto& op : graph->operators)
        for (auto* indices : {&op->inputs, &op->outputs, &op->intermediates})
          for (int32_t& index : *indices) mend(*graph, index, -1);
    }
  }

 private:
  bool is_filled(const schema::TensorT& tensor) const {
    const schema::BufferT& buffer = *model_.buffers[tensor.buffer];
    const uint64_t found = buffer.offset > 1 ? buffer.size : buffer.data.size();
    return found == 0 || tensor.sparsity ||
           fills(tensor.type, {tensor.shape.begin(), tensor.shape.end()}, found);
  }

  void mend(schema::SubGraphT& graph, int32_t& index, int32_t lowest) {
    if (leads_to_tensor(index, lowest, graph.tensors.size())) return;
    if (added_++ >= most_absent) return void(index = lowest);
    auto tensor = std::make_unique<schema::TensorT>();
    tensor->name = "absent_" + std::to_string(graph.tensors.size());
    tensor->buffer = no_numbers(model_);
    index = static_cast<int32_t>(graph.tensors.size());
    graph.tensors.push_back(std::move(tensor));
  }

  schema::ModelT& model_;
  size_t added_ = 0;
};

}  // namespace

std::shared_ptr<const Bytes> without_damage(const schema::Model& model, BytesView file) {
  const std::unique_ptr<schema::ModelT> mended(model.UnPack());
  Mender(*mended).run();
  flatbuffers::FlatBufferBuilder builder(file.size() + (1u << 16));
  schema::FinishModelBuffer(builder, schema::Model::Pack(builder, mended.get()));
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return std::make_shared<const Bytes>(data, data + builder.GetSize());
}

}  // namespace fetafix::formats::tflite
