// The TensorFlow reader: any bytes as a frozen graph, or behind "S" as the graph of a SavedModel without variables.
#include "formats/tensorflow/tensorflow.h"
#include "fuzz/model.h"

namespace {

using namespace fetafix;

void read_folder(BytesView graph) {
  static fuzz::InputFile file;
  static const std::filesystem::path folder = file.write("unused", {}).parent_path();
  file.write(formats::tensorflow::graph_file, graph);
  const auto model = formats::tensorflow::tensorflow_format().read(folder);
  if (model.ok()) (void)(*model)->lift();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const BytesView bytes = fuzz::input(data, size);
  if (size > 0 && data[0] == 'S')
    read_folder(bytes.subspan(1));
  else
    fuzz::read_and_lift(formats::tensorflow::tensorflow_format(), bytes);
  return 0;
}
