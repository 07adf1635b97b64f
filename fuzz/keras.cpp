// The Keras reader: any bytes as an archive. Its check sums keep damage from the HDF5 part, and .h5 files are
// left out: libhdf5 1.10 does not survive arbitrary bytes.
#include "formats/keras/keras.h"
#include "fuzz/model.h"

// libhdf5 loses memory where it gives a damaged file up.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || data[0] != 'P' || data[1] != 'K') return 0;
  fetafix::fuzz::read_and_lift(fetafix::formats::keras::keras_format(), fetafix::fuzz::input(data, size));
  return 0;
}
