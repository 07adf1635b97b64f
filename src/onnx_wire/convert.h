// Between ONNX's wire messages and our tensors, types and attributes.
#pragma once

#include <filesystem>

#include "base/files.h"

#include "graph/graph.h"
#include "onnx.pb.h"

namespace fetafix::onnx_wire {

// Whether a tensor in the file has as many raw bytes as its shape and type need; true for what is kept
// otherwise.
bool fills_its_shape(const onnx_wire::Tensor& wire);

// Reads the payload wherever it lies: typed fields, raw bytes, or an external file below `folder`.
// Errors: sizes that don't agree, types we don't hold, a location that leaves the folder.
Result<fetafix::Tensor> read_tensor(const onnx_wire::Tensor& wire, const std::filesystem::path& folder);

// Writes dims, type and raw bytes, keeping the name and whatever else the message holds.
void write_tensor(const fetafix::Tensor& tensor, onnx_wire::Tensor& wire);

// Graph-valued, sparse and reference attributes are refused (kind unsupported).
Result<graph::Attribute> read_attribute(const onnx_wire::Attribute& wire,
                                        const std::filesystem::path& folder);
void write_attribute(const std::string& name, const graph::Attribute& attribute, onnx_wire::Attribute& wire);

// Shape of a value info: nullopt when the rank is not known, -1 for symbolic dimensions.
std::optional<fetafix::Shape> read_shape(const onnx_wire::Type& type);
void write_type(DType dtype, const std::optional<fetafix::Shape>& shape, onnx_wire::Type& type);

}  // namespace fetafix::onnx_wire
