// The reader of TensorFlow's checkpoints: any bytes as an index, whose tensors lie in a shard of 64 bytes.
// Checksums are ignored and then made right, so that what is read is not only what a checksum happens to fit.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "tensor_bundle/bundle.h"

namespace fetafix::tensor_bundle {
namespace {

constexpr size_t most_tensors = 20;  // read of each index: every one opens its shard

void read_tensors(BytesView index) {
  static fuzz::InputFile file;
  static const auto shard = file.write("input.data-00000-of-00001", Bytes(64));
  auto prefix = file.write("input.index", index);
  const auto bundle = Bundle::open(prefix.replace_extension());
  if (!bundle.ok()) return;
  for (const Entry& entry :
       std::span(bundle->entries()).first(std::min(bundle->entries().size(), most_tensors))) {
    const auto raw = bundle->raw(entry);
    const auto tensor = bundle->read(entry);
    fuzz::promise(!tensor.ok() || (raw.ok() && std::ranges::equal(*raw, tensor->bytes())),
                  "a tensor has its raw bytes");
    if (entry.sliced) continue;
    const auto value = changed_value(
        bundle->index().records[static_cast<size_t>(&entry - bundle->entries().data()) + 1].value, entry);
    fuzz::promise(value.ok(), "a value that was read can be changed");
  }
}

void read_and_write(BytesView bytes) {
  (void)read_index(bytes);
  const auto records = read_table(bytes, Checksums::ignored);
  if (!records.ok()) return;
  const auto written = write_table(*records);
  fuzz::promise(written.ok(), "records that were read can be written");
  const auto again = read_table(*written);
  fuzz::promise(again.ok() && *again == *records, "written records read back");
  read_tensors(*written);
}

}  // namespace
}  // namespace fetafix::tensor_bundle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::tensor_bundle::read_and_write(fetafix::fuzz::input(data, size));
  return 0;
}
