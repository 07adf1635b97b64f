#include "onnx_wire/convert.h"

#include <cstring>
#include <fstream>

#include "graph/onnx_types.h"

namespace fetafix::onnx_wire {
namespace {

namespace fs = std::filesystem;

Error bad(const onnx_wire::Tensor& wire, const std::string& what) {
  return {ErrorKind::file, "tensor '" + wire.name() + "': " + what};
}

template <class To, class Field>
Result<fetafix::Tensor> from_field(const onnx_wire::Tensor& wire, DType dtype, fetafix::Shape shape,
                                   const Field& field) {
  // Before anything is allocated: a shape may claim any size.
  if (element_count(shape) != field.size())
    return bad(wire, "shape " + to_string(shape) + " does not hold the " + std::to_string(field.size()) +
                         " elements that were found");
  FETAFIX_TRY(auto tensor, fetafix::Tensor::zeros(dtype, std::move(shape)));
  auto* out = reinterpret_cast<To*>(tensor.mutable_bytes().data());
  for (int i = 0; i < field.size(); ++i) out[i] = static_cast<To>(field.Get(i));
  return tensor;
}

// The typed field that each element type uses when there are no raw bytes.
Result<fetafix::Tensor> from_typed(const onnx_wire::Tensor& w, DType dtype, fetafix::Shape shape) {
  switch (dtype) {
    case DType::float32:
      return from_field<float>(w, dtype, std::move(shape), w.float_data());
    case DType::float64:
      return from_field<double>(w, dtype, std::move(shape), w.double_data());
    case DType::int64:
      return from_field<int64_t>(w, dtype, std::move(shape), w.int64_data());
    case DType::uint64:
      return from_field<uint64_t>(w, dtype, std::move(shape), w.uint64_data());
    case DType::uint32:
      return from_field<uint32_t>(w, dtype, std::move(shape), w.uint64_data());
    case DType::int32:
      return from_field<int32_t>(w, dtype, std::move(shape), w.int32_data());
    case DType::float16:
    case DType::bfloat16:
    case DType::int16:
    case DType::uint16:
      return from_field<uint16_t>(w, dtype, std::move(shape), w.int32_data());
    case DType::int8:
    case DType::uint8:
    case DType::boolean:
      return from_field<uint8_t>(w, dtype, std::move(shape), w.int32_data());
    default:
      return bad(w, "element type " + std::to_string(w.data_type()) + " is not supported");
  }
}

// External data must stay inside the model's folder: absolute paths and '..' are refused.
Result<Bytes> external_bytes(const onnx_wire::Tensor& wire, const fs::path& folder, size_t wanted) {
  std::string location;
  int64_t offset = 0;
  for (const auto& entry : wire.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = std::atoll(entry.value().c_str());
  }
  const fs::path relative = fs::path(location).lexically_normal();
  if (location.empty() || relative.is_absolute() || (!relative.empty() && *relative.begin() == ".."))
    return bad(wire, "external data location '" + location + "' leaves the model's folder; refused");
  const fs::path path = folder / relative;
  std::error_code error;
  if (!fs::is_regular_file(path, error))  // a folder opens too, and says that it has any size
    return bad(wire, "external data file '" + path.string() + "' is missing or no file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return bad(wire, "external data file '" + path.string() + "' can't be opened");
  in.seekg(0, std::ios::end);
  const int64_t size = in.tellg();
  if (offset < 0 || size < 0 || static_cast<uint64_t>(size - offset) < wanted || offset > size)
    return bad(wire, "external data lies outside '" + path.string() + "' (offset " + std::to_string(offset) +
                         ", needs " + std::to_string(wanted) + " bytes of " + std::to_string(size) + ")");
  Bytes bytes(wanted);
  in.seekg(offset);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(wanted));
  if (!in) return bad(wire, "external data file '" + path.string() + "' can't be read");
  return bytes;
}

}  // namespace

bool fills_its_shape(const onnx_wire::Tensor& wire) {
  const auto count = element_count(fetafix::Shape(wire.dims().begin(), wire.dims().end()));
  const size_t size = element_size(graph::dtype_of_onnx_type(wire.data_type()));
  if (!count || size == 0 || wire.data_location() == 1 || !wire.has_raw_data()) return true;
  return wire.raw_data().size() == static_cast<size_t>(*count) * size;
}

Result<fetafix::Tensor> read_tensor(const onnx_wire::Tensor& wire, const fs::path& folder) {
  const DType dtype = graph::dtype_of_onnx_type(wire.data_type());
  fetafix::Shape shape(wire.dims().begin(), wire.dims().end());
  const auto count = element_count(shape);
  if (!count) return bad(wire, "impossible shape " + to_string(shape));
  if (element_size(dtype) == 0)
    return Error{ErrorKind::unsupported, "tensor '" + wire.name() + "': element type " +
                                             std::to_string(wire.data_type()) + " is not supported"};
  const size_t bytes = static_cast<size_t>(*count) * element_size(dtype);
  if (wire.data_location() == 1) {
    FETAFIX_TRY(Bytes data, external_bytes(wire, folder, bytes));
    return fetafix::Tensor::from_bytes(dtype, std::move(shape), data);
  }
  if (wire.has_raw_data()) {
    const std::string& raw = wire.raw_data();
    if (raw.size() != bytes)
      return bad(wire, "shape " + to_string(shape) + " needs " + std::to_string(bytes) + " bytes, found " +
                           std::to_string(raw.size()));
    return fetafix::Tensor::from_bytes(dtype, std::move(shape), as_bytes(raw));
  }
  return from_typed(wire, dtype, std::move(shape));
}

void write_tensor(const fetafix::Tensor& tensor, onnx_wire::Tensor& wire) {
  wire.clear_dims();
  for (int64_t d : tensor.shape()) wire.add_dims(d);
  wire.set_data_type(static_cast<int>(graph::onnx_type(tensor.dtype())));
  wire.clear_float_data();
  wire.clear_int32_data();
  wire.clear_int64_data();
  wire.clear_double_data();
  wire.clear_uint64_data();
  wire.clear_external_data();
  wire.clear_data_location();
  wire.set_raw_data(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.byte_size());
}

Result<graph::Attribute> read_attribute(const onnx_wire::Attribute& a, const fs::path& folder) {
  // Old files leave the type out: then the field that is set tells.
  const int type = a.type() != 0      ? a.type()
                   : a.has_f()        ? 1
                   : a.has_i()        ? 2
                   : a.has_s()        ? 3
                   : a.has_t()        ? 4
                   : a.floats_size()  ? 6
                   : a.ints_size()    ? 7
                   : a.strings_size() ? 8
                                      : 0;
  if (a.has_ref_attr_name() && !a.ref_attr_name().empty())
    return Error{ErrorKind::unsupported, "attribute '" + a.name() + "' refers to a function's attribute"};
  switch (type) {
    case 1:
      return graph::Attribute(a.f());
    case 2:
      return graph::Attribute(static_cast<int64_t>(a.i()));
    case 3:
      return graph::Attribute(a.s());
    case 4: {
      FETAFIX_TRY(auto tensor, read_tensor(a.t(), folder));
      return graph::Attribute(std::move(tensor));
    }
    case 6:
      return graph::Attribute(std::vector<float>(a.floats().begin(), a.floats().end()));
    case 7:
      return graph::Attribute(std::vector<int64_t>(a.ints().begin(), a.ints().end()));
    case 8:
      return graph::Attribute(std::vector<std::string>(a.strings().begin(), a.strings().end()));
    default:
      return Error{ErrorKind::unsupported, "attribute '" + a.name() + "' has type " + std::to_string(type) +
                                               ", which is kept but not read"};
  }
}

namespace {

struct AttributeWriter {
  onnx_wire::Attribute& wire;
  void operator()(int64_t v) const { wire.set_type(2), wire.set_i(v); }
  void operator()(float v) const { wire.set_type(1), wire.set_f(v); }
  void operator()(const std::string& v) const { wire.set_type(3), wire.set_s(v); }
  void operator()(const std::vector<int64_t>& v) const {
    wire.set_type(7);
    for (int64_t x : v) wire.add_ints(x);
  }
  void operator()(const std::vector<float>& v) const {
    wire.set_type(6);
    for (float x : v) wire.add_floats(x);
  }
  void operator()(const std::vector<std::string>& v) const {
    wire.set_type(8);
    for (const auto& x : v) wire.add_strings(x);
  }
  void operator()(const fetafix::Tensor& v) const {
    wire.set_type(4);
    write_tensor(v, *wire.mutable_t());
  }
};

}  // namespace

void write_attribute(const std::string& name, const graph::Attribute& attribute, onnx_wire::Attribute& wire) {
  wire.Clear();
  wire.set_name(name);
  std::visit(AttributeWriter{wire}, attribute);
}

std::optional<fetafix::Shape> read_shape(const onnx_wire::Type& type) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape()) return std::nullopt;
  fetafix::Shape shape;
  for (const auto& dim : type.tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : -1);
  return shape;
}

void write_type(DType dtype, const std::optional<fetafix::Shape>& shape, onnx_wire::Type& type) {
  auto* tensor = type.mutable_tensor_type();
  tensor->set_elem_type(static_cast<int>(graph::onnx_type(dtype)));
  tensor->clear_shape();
  if (!shape) return;
  auto* out = tensor->mutable_shape();
  for (size_t i = 0; i < shape->size(); ++i) {
    auto* dim = out->add_dim();
    if ((*shape)[i] >= 0)
      dim->set_dim_value((*shape)[i]);
    else
      dim->set_dim_param("d" + std::to_string(i));
  }
}

}  // namespace fetafix::onnx_wire
