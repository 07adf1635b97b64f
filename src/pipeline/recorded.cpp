#include "pipeline/recorded.h"

#include "base/near.h"
#include "data/npy.h"

namespace fetafix::pipeline {
namespace {

std::string described(const data::NamedTensor& array) {
  return "array '" + array.name + "' " + std::string(dtype_name(array.tensor.dtype())) +
         to_string(array.tensor.shape());
}

Result<const data::NamedTensor*> find(const std::vector<data::NamedTensor>& arrays, const std::string& name,
                                      const graph::Graph& view) {
  if (arrays.size() == 1 && view.outputs.size() == 1 && arrays[0].name.empty()) return &arrays[0];
  std::vector<std::string> there, wanted;
  for (const data::NamedTensor& array : arrays) {
    if (array.name == name) return &array;
    there.push_back("'" + array.name + "'");
  }
  for (graph::ValueId id : view.outputs) wanted.push_back("'" + view.value(id).native_name + "'");
  return Error{ErrorKind::usage, "no array for output '" + name + "'; the file holds " + joined(there) +
                                     ", the model's outputs are " + joined(wanted)};
}

// The shape of one sample: the output's, where it is known; else the row's.
Result<Shape> shape_of_row(const data::NamedTensor& array, const graph::Value& output) {
  const Shape& whole = array.tensor.shape();
  const Shape row(whole.begin() + 1, whole.end());
  const auto known = output.shape ? element_count(*output.shape) : std::nullopt;
  if (!known) return row;
  if (known == element_count(row)) return *output.shape;
  return Error{ErrorKind::usage, described(array) + ": expected a row of shape " + to_string(*output.shape) +
                                     " for each sample"};
}

Result<std::vector<Tensor>> rows_of(const data::NamedTensor& array, const graph::Value& output,
                                    size_t count) {
  if (array.tensor.rank() == 0 || array.tensor.shape()[0] != static_cast<int64_t>(count))
    return Error{ErrorKind::usage, described(array) + ": expected " + std::to_string(count) +
                                       " samples along the first dimension, as many as are compared"};
  FETAFIX_TRY(const Shape shape, shape_of_row(array, output));
  const auto bytes = array.tensor.bytes();
  const size_t size = bytes.size() / count;
  std::vector<Tensor> out;
  for (size_t i = 0; i < count; ++i) {
    FETAFIX_TRY(Tensor row, Tensor::from_bytes(array.tensor.dtype(), shape, bytes.subspan(i * size, size)));
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

Result<std::vector<std::vector<Tensor>>> read_recorded(const std::filesystem::path& path,
                                                       const graph::Graph& view, size_t count) {
  FETAFIX_TRY(const auto arrays, data::read_arrays(path));
  std::vector<std::vector<Tensor>> out(count);
  for (graph::ValueId id : view.outputs) {
    const graph::Value& output = view.value(id);
    auto array = find(arrays, output.native_name, view);
    if (!array.ok()) return in_context(path.string(), std::move(array).error());
    auto rows = rows_of(**array, output, count);
    if (!rows.ok()) return in_context(path.string(), std::move(rows).error());
    for (size_t i = 0; i < count; ++i) out[i].push_back(std::move((*rows)[i]));
  }
  return out;
}

}  // namespace fetafix::pipeline
