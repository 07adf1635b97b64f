// The readers of .npy and .npz: any bytes as a file of arrays, which reads back when it is written again.
#include "data/npy.h"
#include "fuzz/fuzz.h"

namespace fetafix {
namespace {

void read_and_write(BytesView bytes) {
  static fuzz::InputFile file;
  auto arrays = data::read_arrays(file.write(bytes));
  if (!arrays.ok()) return;
  for (const data::NamedTensor& array : *arrays) {
    auto written = data::npy_bytes(array.tensor);
    fuzz::promise(written.ok(), "an array that was read can be written");
    auto again = data::parse_npy(*written, "again");
    fuzz::promise(again.ok() && again->identical(array.tensor), "a written array reads back");
  }
}

}  // namespace
}  // namespace fetafix

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::read_and_write(fetafix::fuzz::input(data, size));
  return 0;
}
