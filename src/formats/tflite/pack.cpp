// From objects back to bytes. A flatbuffer holds at most 2 GB; larger models keep their data behind it, and
// `offset` fields say where. Those are filled in last, when the flatbuffer's own size is known.
#include <algorithm>

#include "formats/tflite/model.h"

namespace fetafix::formats::tflite {
namespace {

constexpr size_t data_alignment = 16;  // what TFLite's kernels and memory mapping expect
constexpr size_t flatbuffer_limit = 0x7fff0000;

void align(Bytes& bytes) {
  bytes.resize((bytes.size() + data_alignment - 1) / data_alignment * data_alignment);
}

// Moves a piece of the old file behind the new flatbuffer; gives its new offset.
uint64_t append(Bytes& out, const File& original, uint64_t offset, uint64_t size) {
  align(out);
  const uint64_t at = out.size();
  const BytesView piece = BytesView(*original.bytes).subspan(offset, size);
  out.insert(out.end(), piece.begin(), piece.end());
  return at;
}

void append_outside(Bytes& out, const File& original) {
  // Offsets are found again through a fresh root each time: `out` grows and moves.
  const auto root = [&] { return schema::GetMutableModel(out.data()); };
  for (uint32_t i = 0; i < count_of(root()->buffers()); ++i) {
    const auto* buffer = root()->buffers()->Get(i);
    if (buffer->offset() <= 1 || count_of(buffer->data()) > 0) continue;
    const uint64_t at = append(out, original, buffer->offset(), buffer->size());
    root()->mutable_buffers()->GetMutableObject(i)->mutate_offset(at);
  }
  for (uint32_t g = 0; g < count_of(root()->subgraphs()); ++g)
    for (uint32_t i = 0; i < count_of(root()->subgraphs()->Get(g)->operators()); ++i) {
      const auto* op = root()->subgraphs()->Get(g)->operators()->Get(i);
      if (op->large_custom_options_offset() <= 1) continue;
      const uint64_t at =
          append(out, original, op->large_custom_options_offset(), op->large_custom_options_size());
      root()
          ->mutable_subgraphs()
          ->GetMutableObject(g)
          ->mutable_operators()
          ->GetMutableObject(i)
          ->mutate_large_custom_options_offset(at);
    }
}

bool has_outside_data(const File& file) {
  for (const auto* buffer : *file.model->buffers())
    if (buffer->offset() > 1) return true;
  for (const auto* graph : *file.model->subgraphs())
    for (uint32_t i = 0; i < count_of(graph->operators()); ++i)
      if (graph->operators()->Get(i)->large_custom_options_offset() > 1) return true;
  return false;
}

}  // namespace

Result<Bytes> pack(const schema::ModelT& model, const File& original) {
  size_t total = 1u << 16;
  for (const auto& buffer : model.buffers) total += buffer->data.size() + 64;
  if (total > flatbuffer_limit)
    return Error{ErrorKind::unsupported, "the edited model does not fit in one 2 GB flatbuffer"};
  flatbuffers::FlatBufferBuilder builder(total);
  schema::FinishModelBuffer(builder, schema::Model::Pack(builder, &model));
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  Bytes out(data, data + builder.GetSize());
  if (has_outside_data(original)) {
    append_outside(out, original);
  } else {
    // An attached archive (TFLite Metadata's label files): found from the end of the file, so it may move.
    const auto tail = original.bytes->begin() + static_cast<std::ptrdiff_t>(original.flatbuffer_size);
    const bool padding =
        std::all_of(tail, original.bytes->end(), [](std::byte b) { return b == std::byte{0}; });
    if (!padding) out.insert(out.end(), tail, original.bytes->end());
  }
  return out;
}

}  // namespace fetafix::formats::tflite
