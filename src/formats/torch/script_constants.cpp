// Further tensors behind a TorchScript archive's constants. The pickle is a tuple of tensors.
#include <set>

#include "formats/torch/pickle_write.h"
#include "formats/torch/script_say.h"

namespace fetafix::formats::torch {
namespace {

// Instructions of pickles (Python's pickletools.py).
constexpr char mark = '(', tuple = 't', stop = '.', empty_tuple = ')', one_item = '\x85',
               three_items = '\x87';
constexpr size_t start = 2;  // behind the protocol's number

// `items` behind those that the tuple has.
Result<std::string> appended(const std::string& pickle, const std::string& items) {
  const Error other{ErrorKind::unsupported,
                    "the file's list of constants is written in a way that is not known"};
  if (pickle.size() < start + 2 || pickle[0] != '\x80' || pickle.back() != stop) return other;
  const char last = pickle[pickle.size() - 2];
  const std::string inner = pickle.substr(start, pickle.size() - start - 2), head = pickle.substr(0, start);
  if (last == empty_tuple && inner.empty()) return head + mark + items + tuple + stop;
  if (last == tuple && inner.starts_with(mark)) return head + inner + items + tuple + stop;
  if (last >= one_item && last <= three_items) return head + mark + inner + items + tuple + stop;
  return other;
}

}  // namespace

Result<MoreConstants> with_constants(const File& file, const std::vector<Tensor>& tensors) {
  MoreConstants out;
  if (tensors.empty()) return out;
  std::set<std::string> names;
  for (const ZipView& entry : file.entries) names.insert(entry.name);
  const std::string entry = file.prefix + "constants.pkl";
  FETAFIX_TRY(const std::vector<ZipEntry> entries, unzip(*file.bytes, "archive", size_t{256} << 20, {entry}));
  std::string items, pickle;
  for (const ZipEntry& one : entries)
    if (one.name == entry) pickle.assign(reinterpret_cast<const char*>(one.bytes.data()), one.bytes.size());
  size_t key = 0;
  for (const Tensor& tensor : tensors) {
    while (!names.insert(file.prefix + "constants/" + std::to_string(key)).second) ++key;
    FETAFIX_TRY(const std::string item,
                pickled(PickledItem{std::to_string(key), tensor.dtype(), tensor.shape()}));
    items += item;
    const auto bytes = tensor.bytes();
    out.added.push_back(
        {file.prefix + "constants/" + std::to_string(key), Bytes(bytes.begin(), bytes.end())});
  }
  FETAFIX_TRY(const std::string written, appended(pickle, items));
  const BytesView bytes = as_bytes(written);
  out.replaced.push_back({entry, Bytes(bytes.begin(), bytes.end())});
  return out;
}

}  // namespace fetafix::formats::torch
