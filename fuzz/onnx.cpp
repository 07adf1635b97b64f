// The ONNX reader: any bytes as a model file.
#include "formats/onnx/onnx.h"
#include "fuzz/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::fuzz::read_and_lift(fetafix::formats::onnx::onnx_format(), fetafix::fuzz::input(data, size));
  return 0;
}
