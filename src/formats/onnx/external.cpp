#include "formats/onnx/external.h"

namespace fetafix::formats::onnx {
namespace {

constexpr uint64_t most_times = 4;  // that the tensors of a model read their files, all in all

using Locations = std::set<std::string>;

void collect(const onnx_wire::Graph& graph, Locations& out);

void collect(const onnx_wire::Tensor& tensor, Locations& out) {
  if (tensor.data_location() != 1) return;
  for (const auto& entry : tensor.external_data())
    if (entry.key() == "location") out.insert(entry.value());
}

void collect(const onnx_wire::SparseTensor& sparse, Locations& out) {
  collect(sparse.values(), out);
  collect(sparse.indices(), out);
}

// No deeper than protobuf lets a file be nested.
void collect(const onnx_wire::Node& node, Locations& out) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_t()) collect(attribute.t(), out);
    if (attribute.has_sparse_tensor()) collect(attribute.sparse_tensor(), out);
    if (attribute.has_g()) collect(attribute.g(), out);
    for (const auto& one : attribute.tensors()) collect(one, out);
    for (const auto& one : attribute.sparse_tensors()) collect(one, out);
    for (const auto& one : attribute.graphs()) collect(one, out);
  }
}

void collect(const onnx_wire::Graph& graph, Locations& out) {
  for (const auto& tensor : graph.initializer()) collect(tensor, out);
  for (const auto& sparse : graph.sparse_initializer()) collect(sparse, out);
  for (const auto& node : graph.node()) collect(node, out);
}

}  // namespace

std::set<std::string> external_locations(const onnx_wire::Model& model) {
  Locations out;
  collect(model.graph(), out);
  for (const auto& function : model.functions())
    for (const auto& node : function.node()) collect(node, out);
  return out;
}

ExternalBudget::ExternalBudget(const onnx_wire::Model& model, const std::filesystem::path& folder)
    : left_(0) {
  for (const std::string& location : external_locations(model)) {
    std::error_code error;
    const auto size = std::filesystem::file_size(folder / location, error);
    if (!error) left_ += most_times * size;
  }
}

bool ExternalBudget::take(const onnx_wire::Tensor& wire, size_t bytes) {
  if (wire.data_location() != 1) return true;
  if (bytes > left_) return false;
  left_ -= bytes;
  return true;
}

}  // namespace fetafix::formats::onnx
