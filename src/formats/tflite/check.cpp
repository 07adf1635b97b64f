// What must hold before anything else looks at a file. The generated verifier checks that every offset stays
// inside; here is what it can't know: indices into tensors, buffers and operator codes, and sizes.
#include <algorithm>
#include <cstring>

#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {
namespace {

// TFLite kernels stop at 8 dimensions; a few tools write more.
constexpr size_t max_rank = 32;
constexpr uint32_t max_tables = 10'000'000;  // largest known model: about 100,000
constexpr uint32_t max_depth = 64;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

std::string range(int64_t found, size_t size) {
  return std::to_string(found) + ", expected below " + std::to_string(size) + " (the file is damaged)";
}

class Checker {
 public:
  explicit Checker(const File& file) : file_(file), model_(*file.model) {}

  // What only leads nowhere is told apart: the rest of such a file can be read.
  std::optional<std::string> damage() && { return std::move(damage_); }

  Status run() {
    if (count_of(model_.subgraphs()) == 0) return broken("a TFLite file without a subgraph");
    if (count_of(model_.buffers()) == 0) return broken("a TFLite file without buffers");
    FETAFIX_CHECK(check_buffers());
    for (uint32_t i = 0; i < model_.subgraphs()->size(); ++i)
      FETAFIX_CHECK(check_subgraph(*model_.subgraphs()->Get(i), "subgraph " + std::to_string(i) + ": "));
    FETAFIX_CHECK(check_signatures());
    for (uint32_t i = 0; i < count_of(model_.metadata()); ++i)
      if (model_.metadata()->Get(i)->buffer() >= buffers())
        return broken("metadata " + std::to_string(i) + " has buffer " +
                      range(model_.metadata()->Get(i)->buffer(), buffers()));
    return {};
  }

 private:
  size_t buffers() const { return count_of(model_.buffers()); }

  Status check_buffers() {
    size_t total = 0;
    for (uint32_t i = 0; i < buffers(); ++i) {
      const auto* buffer = model_.buffers()->Get(i);
      total += count_of(buffer->data());
      if (buffer->offset() > 1 &&
          (buffer->offset() > file_.bytes->size() || buffer->size() > file_.bytes->size() - buffer->offset()))
        return broken("buffer " + std::to_string(i) + " lies at byte " + std::to_string(buffer->offset()) +
                      " + " + std::to_string(buffer->size()) + ", but the file has " +
                      std::to_string(file_.bytes->size()) + " (truncated; copy it again)");
    }
    if (total > file_.bytes->size())
      return broken("buffers overlap: they hold more bytes than the file (damaged)");
    return {};
  }

  Status check_subgraph(const schema::SubGraph& graph, const std::string& where) {
    const size_t tensors = count_of(graph.tensors());
    for (uint32_t i = 0; i < tensors; ++i)
      FETAFIX_CHECK(check_tensor(*graph.tensors()->Get(i), where + "tensor " + std::to_string(i) + ": "));
    FETAFIX_CHECK(check_inputs(graph, where));
    check_indices(graph.outputs(), tensors, 0, where + "an output");
    for (uint32_t i = 0; i < count_of(graph.operators()); ++i)
      FETAFIX_CHECK(check_operator(*graph.operators()->Get(i), tensors,
                                   where + "operator " + std::to_string(i) + ": "));
    return {};
  }

  // Without its inputs nothing can be fed.
  static Status check_inputs(const schema::SubGraph& graph, const std::string& where) {
    for (int32_t index : copy_of(graph.inputs()))
      if (!leads_to_tensor(index, 0, count_of(graph.tensors())))
        return broken(where + "an input is tensor " + range(index, count_of(graph.tensors())));
    return {};
  }

  Status check_tensor(const schema::Tensor& tensor, const std::string& where) {
    if (count_of(tensor.shape()) > max_rank || count_of(tensor.shape_signature()) > max_rank)
      return broken(where + "has " + std::to_string(count_of(tensor.shape())) +
                    " dimensions, expected at most " + std::to_string(max_rank));
    const Shape shape = shape_of(tensor);
    for (int64_t dimension : shape)
      if (dimension < -1)
        return broken(where + "has shape " + to_string(shape) + ", expected no dimension below -1");
    if (tensor.buffer() >= buffers()) {
      note(where + "has buffer " + range(tensor.buffer(), buffers()));
      return {};
    }
    const size_t found = buffer_bytes(file_, tensor.buffer()).size();
    if (found == 0 || tensor.sparsity()) return {};
    const auto count = element_count(shape);
    if (!count)
      return broken(where + "has data, but shape " + to_string(shape) + "; expected a concrete one");
    if (!fills(tensor.type(), shape, found))
      note(where + "'" + text_of(tensor.name()) + "' has shape " + to_string(shape) + " and so needs " +
           std::to_string(*wire_bytes(tensor.type(), *count)) + " bytes, but its buffer holds " +
           std::to_string(found));
    return {};
  }

  Status check_operator(const schema::Operator& op, size_t tensors, const std::string& where) {
    const size_t codes = count_of(model_.operator_codes());
    if (op.opcode_index() >= codes)
      return broken(where + "has operator code " + range(op.opcode_index(), codes));
    check_indices(op.inputs(), tensors, -1, where + "an operand");
    check_indices(op.outputs(), tensors, -1, where + "an output");
    check_indices(op.intermediates(), tensors, -1, where + "an intermediate");
    const uint64_t offset = op.large_custom_options_offset();
    if (offset > 1 &&
        (offset > file_.bytes->size() || op.large_custom_options_size() > file_.bytes->size() - offset))
      return broken(where + "custom options lie outside the file (truncated; copy it again)");
    return {};
  }

  void check_indices(const flatbuffers::Vector<int32_t>* indices, size_t size, int32_t lowest,
                     const std::string& what) {
    for (int32_t index : copy_of(indices))
      if (!leads_to_tensor(index, lowest, size)) note(what + " is tensor " + range(index, size));
  }

  void note(std::string what) {
    if (!damage_) damage_ = std::move(what);
  }

  Status check_signatures() {
    for (uint32_t i = 0; i < count_of(model_.signature_defs()); ++i) {
      const auto* signature = model_.signature_defs()->Get(i);
      const std::string where = "signature " + std::to_string(i);
      if (signature->subgraph_index() >= model_.subgraphs()->size())
        return broken(where + " has subgraph " +
                      range(signature->subgraph_index(), model_.subgraphs()->size()));
      const size_t tensors = count_of(model_.subgraphs()->Get(signature->subgraph_index())->tensors());
      for (const auto* map : {signature->inputs(), signature->outputs()})
        for (uint32_t k = 0; k < count_of(map); ++k)
          if (map->Get(k)->tensor_index() >= tensors)
            return broken(where + " has tensor " + range(map->Get(k)->tensor_index(), tensors));
    }
    return {};
  }

  const File& file_;
  const schema::Model& model_;
  std::optional<std::string> damage_;
};

}  // namespace

Result<File> parse_file(std::shared_ptr<const Bytes> bytes) {
  if (bytes->size() < 8 || std::memcmp(bytes->data() + 4, schema::ModelIdentifier(), 4) != 0)
    return broken("not a TFLite file: expected the identifier TFL3 at byte 4");
  // Offsets of a flatbuffer are 31 bits; what lies behind is data that `offset` fields point to.
  const size_t readable = std::min<size_t>(bytes->size(), FLATBUFFERS_MAX_BUFFER_SIZE - 1);
  flatbuffers::Verifier::Options limits;
  limits.max_depth = max_depth;
  // A table takes 4 bytes at least; a small file with shared ones must not take as long as a large one.
  limits.max_tables = static_cast<uint32_t>(std::min<size_t>(max_tables, readable / 4 + (1u << 18)));
  const auto* data = reinterpret_cast<const uint8_t*>(bytes->data());
  flatbuffers::Verifier verifier(data, readable, limits);
  if (!schema::VerifyModelBuffer(verifier))
    return broken("a damaged TFLite file: an offset leads outside its " + std::to_string(bytes->size()) +
                  " bytes (truncated; copy or convert it again)");
  File file{std::move(bytes), schema::GetModel(data), verifier.GetComputedSize(), {}, {}, {}};
  Walk found = walk(*file.model, *file.bytes);
  if (found.damage) return broken("a damaged TFLite file: " + *found.damage);
  file.frozen = std::move(found.frozen);
  Checker checker(file);
  FETAFIX_CHECK(checker.run());
  file.damage = std::move(checker).damage();
  if (!file.damage) return file;
  if (file.frozen) return broken(*file.damage);
  file.stand_in = without_damage(*file.model, *file.bytes);
  file.model = schema::GetModel(file.stand_in->data());
  return file;
}

}  // namespace fetafix::formats::tflite
