// numpy's .npy and .npz. Reading takes versions 1 to 3, both byte orders and both orders of elements; writing
// makes version 1, little endian, row-major. Text, objects, complex and structured types are refused.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "tensor/tensor.h"

namespace fetafix::data {

struct NamedTensor {
  std::string name;  // empty for the one array of a .npy file
  Tensor tensor;
};

// Error kind `file`; the message starts with `what` and says what is wrong with the header or the size.
Result<Tensor> parse_npy(BytesView bytes, const std::string& what);
// bfloat16 has no numpy name and becomes float32.
Result<Bytes> npy_bytes(const Tensor& tensor);

// A .npy or .npz file, recognized by its content; arrays in the order of the archive.
Result<std::vector<NamedTensor>> read_arrays(const std::filesystem::path& path);
// A .npz, whatever the name; an empty tensor is refused.
Status write_npz(const std::filesystem::path& path, const std::vector<NamedTensor>& arrays);
Status write_npy(const std::filesystem::path& path, const Tensor& tensor);

// By the first bytes of a file.
bool looks_like_npy(BytesView bytes);
bool looks_like_zip(BytesView bytes);

}  // namespace fetafix::data
