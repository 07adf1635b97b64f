// The TensorFlow reader: any bytes as a frozen graph, or as the graph of a SavedModel without variables.
#include "formats/tensorflow/tensorflow.h"
#include "fuzz/model.h"

namespace fetafix::fuzz {
namespace {

// A SavedModel says its version first.
bool is_saved_model(BytesView bytes) {
  return !bytes.empty() && bytes[0] == std::byte{0x08};
}

void read_folder(BytesView graph) {
  static InputFile file;
  const auto folder = file.write(formats::tensorflow::graph_file, graph).parent_path();
  const auto model = formats::tensorflow::tensorflow_format().read(folder);
  if (!model.ok()) return;
  const auto lifted = (*model)->lift();
  promise(lifted.ok() || lifted.error().kind != ErrorKind::internal,
          "a view is given or refused, but never malformed");
  promise(!lifted.ok() || graph::verify(lifted->graph).ok(), "a view is well formed");
}

}  // namespace
}  // namespace fetafix::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = fetafix::fuzz::input(data, size);
  if (fetafix::fuzz::is_saved_model(bytes))
    fetafix::fuzz::read_folder(bytes);
  else
    fetafix::fuzz::read_and_lift(fetafix::formats::tensorflow::tensorflow_format(), bytes);
  return 0;
}
