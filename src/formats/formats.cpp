#include <array>
#include <fstream>

#include "formats/format.h"
#include "formats/keras/keras.h"
#include "formats/onnx/onnx.h"
#include "formats/tensorflow/tensorflow.h"
#include "formats/tflite/tflite.h"
#include "formats/torch/torch.h"

namespace fetafix::formats {

// The registry: one line a format. Those with a magic number come before those without.
std::span<const Format* const> all_formats() {
  static const std::array<const Format*, 5> formats{&tflite::tflite_format(), &keras::keras_format(),
                                                    &torch::torch_format(), &tensorflow::tensorflow_format(),
                                                    &onnx::onnx_format()};
  return formats;
}

Result<std::unique_ptr<NativeModel>> read_model(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return Error{ErrorKind::file, path.string() + ": no such file"};
  std::ifstream in;
  Bytes head(4096);
  // Of a folder, the file that it is known by. Opening a named pipe would wait for ever.
  const auto known_by = std::filesystem::is_directory(status) ? path / tensorflow::graph_file : path;
  if (std::filesystem::is_regular_file(known_by, error)) {
    in.open(known_by, std::ios::binary);
    in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  }
  head.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  for (const Format* format : all_formats())
    if (format->recognizes(head)) return format->read(path);
  std::string known;
  for (const Format* format : all_formats())
    known += (known.empty() ? "" : ", ") + std::string(format->name());
  return Error{ErrorKind::file, path.string() + ": " +
                                    (head.empty() ? "empty or not a file" : "unknown format") +
                                    "; expected one of: " + known};
}

}  // namespace fetafix::formats
