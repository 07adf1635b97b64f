// The TFLite reader: any bytes as a model file.
#include "formats/tflite/tflite.h"
#include "fuzz/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::fuzz::read_and_lift(fetafix::formats::tflite::tflite_format(), fetafix::fuzz::input(data, size));
  return 0;
}
