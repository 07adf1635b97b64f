#include "formats/torch/pickled_table.h"

#include <algorithm>
#include <set>

#include "formats/torch/pickle.h"

namespace fetafix::formats::torch {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view pickle_entry = "data.pkl";

Error unsupported(const std::string& what) {
  return {ErrorKind::unsupported, what};
}

// The entries of the inner archive lie where the outer one has them; its folder is what the pickle lies in.
Status add_entries(File& file, PickledTable& table) {
  const ZipView* whole = file.entry(table.archive);
  if (whole->bytes.empty()) return {};
  FETAFIX_TRY(const auto entries, stored_entries(whole->bytes, "'" + table.archive + "'"));
  std::set<std::string> names;
  for (const ZipView& entry : file.entries) names.insert(entry.name);
  for (const ZipView& entry : entries) {
    std::string name = table.archive + "/" + entry.name;
    if (entry.name.find("..") != std::string::npos || !names.insert(name).second)
      return Error{ErrorKind::file, "'" + name + "' is in the archive twice or outside of it"};
    if (entry.name.ends_with(pickle_entry) && std::ranges::count(entry.name, '/') == 1 &&
        table.folder.empty())
      table.folder = name.substr(0, name.size() - pickle_entry.size());
    file.entries.push_back({std::move(name), entry.bytes});
  }
  if (table.folder.empty()) return Error{ErrorKind::file, "no 'data.pkl' in '" + table.archive + "'"};
  const ZipView* order = file.entry(table.folder + "byteorder");
  const bool little = !order || (order->bytes.size() == 6 && order->bytes[0] == std::byte{'l'});
  return little ? Status()
                : unsupported("'" + table.archive +
                              "' was written on a machine whose byte order is not 'little'");
}

Stored stored_of(const PickledTable& table, const PickleTensor& tensor) {
  Stored out;
  out.entry = table.data() + tensor.storage.key;
  out.meta = {tensor.dtype, tensor.sizes, tensor.strides, tensor.offset};
  return out;
}

// --- the pickle's continuation -------------------------------------------------------------------

std::string number(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<char>(value));
  return out;
}
std::string pickled(const std::string& text) {
  return "X" + number(text.size(), 4) + text;
}
std::string pickled(int64_t value) {
  return "\x8a\x08" + number(static_cast<uint64_t>(value), 8);
}
std::string pickled(bool value) {
  return value ? "\x88" : "\x89";
}
std::string pickled(const std::vector<int64_t>& numbers) {
  std::string out = "(";
  for (int64_t one : numbers) out += pickled(one);
  return out + "t";
}

const std::string no_hooks = "ccollections\nOrderedDict\n)R";

// Empty: a type that has no storage of its own.
std::string storage_type(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "FloatStorage";
    case DType::float64:
      return "DoubleStorage";
    case DType::float16:
      return "HalfStorage";
    case DType::bfloat16:
      return "BFloat16Storage";
    case DType::int8:
      return "CharStorage";
    case DType::uint8:
      return "ByteStorage";
    case DType::int16:
      return "ShortStorage";
    case DType::int32:
      return "IntStorage";
    case DType::int64:
      return "LongStorage";
    case DType::boolean:
      return "BoolStorage";
    default:
      return "";
  }
}

Result<std::string> pickled(const PickledItem& item) {
  const std::string type = storage_type(item.dtype);
  const auto count = element_count(item.sizes);
  if (type.empty() || !count)
    return unsupported("a weight of type " + std::string(dtype_name(item.dtype)) +
                       " is not written into a pickle");
  const std::string storage = "(" + pickled(std::string("storage")) + "ctorch\n" + type + "\n" +
                              pickled(item.key) + pickled(std::string("cpu")) + pickled(*count) + "tQ";
  std::string out = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickled(int64_t{0}) +
                    pickled(item.sizes) + pickled(plain_meta(item.dtype, item.sizes).strides) +
                    pickled(item.requires_grad) + no_hooks + "tR";
  if (!item.is_parameter) return out;
  return "ctorch._utils\n_rebuild_parameter\n(" + out + pickled(item.requires_grad) + no_hooks + "tR";
}

// A pickle ends with the dict on the stack: more items may follow.
Result<Bytes> continued(const File& file, const PickledTable& table,
                        const std::map<std::string, PickledItem>& items) {
  const ZipView* pickle = file.entry(table.folder + std::string(pickle_entry));
  // Newer protocols say how many bytes follow.
  if (!pickle || pickle->bytes.size() < 3 || pickle->bytes[0] != std::byte{0x80} ||
      pickle->bytes[1] != std::byte{2})
    return unsupported("no weight can be added to '" + table.archive + "': its pickle is not of protocol 2");
  Bytes out(pickle->bytes.begin(), pickle->bytes.end() - 1);
  std::string more = "(";
  for (const auto& [name, item] : items) {
    FETAFIX_TRY(const std::string tensor, pickled(item));
    more += pickled(name) + tensor;
  }
  more += "u.";
  const BytesView view = as_bytes(more);
  out.insert(out.end(), view.begin(), view.end());
  return out;
}

}  // namespace

Status read_pickled_table(File& file, Table table, const std::string& archive) {
  PickledTable& out = file.pickled[table];
  out.archive = archive;
  file.stored[table];
  if (auto status = add_entries(file, out); !status.ok()) return status;
  if (out.folder.empty()) return {};
  auto pickle = read_pickle(file.entry(out.folder + std::string(pickle_entry))->bytes);
  if (!pickle.ok()) return in_context("'" + archive + "'", std::move(pickle).error());
  const PickleValue& root = pickle->root();
  if (!root.is(Kind::dict))
    return Error{ErrorKind::file, "'" + archive + "' holds " + std::string(kind_name(root.kind)) +
                                      ", expected a dict of tensors"};
  for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const PickleValue &name = *root.items[i], &value = *root.items[i + 1];
    if (!name.is(Kind::text)) return Error{ErrorKind::file, "'" + archive + "' has a name that is no text"};
    if (value.is(Kind::tensor)) file.stored[table][name.text] = stored_of(out, *value.tensor);
  }
  return {};
}

Result<Bytes> changed_table(const File& file, const PickledTable& table, const PickledChange& change) {
  const ZipView* whole = file.entry(table.archive);
  if (!whole || whole->bytes.empty())
    return unsupported("no weight can be added to '" + table.archive + "', which is empty");
  const size_t before = table.archive.size() + 1;
  const auto inner = [&](const std::vector<ZipEntry>& entries) {
    std::vector<ZipEntry> out;
    for (const ZipEntry& entry : entries) out.push_back({entry.name.substr(before), entry.bytes});
    return out;
  };
  std::vector<ZipEntry> replaced = inner(change.replaced);
  if (!change.items.empty()) {
    FETAFIX_TRY(Bytes pickle, continued(file, table, change.items));
    replaced.push_back({table.folder.substr(before) + std::string(pickle_entry), std::move(pickle)});
  }
  return rezip(whole->bytes, replaced, "'" + table.archive + "'", inner(change.added));
}

}  // namespace fetafix::formats::torch
