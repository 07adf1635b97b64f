#include "formats/torch/pickled_table.h"

#include <algorithm>
#include <set>

#include "formats/torch/pickle.h"

namespace fetafix::formats::torch {
namespace {

using Kind = PickleValue::Kind;

const std::string pickle_entry = "data.pkl";

Error unsupported(const std::string& what) {
  return {ErrorKind::unsupported, what};
}

// The entries of the inner archive lie where the outer one has them; its folder is what the pickle lies in.
Status add_entries(File& file, PickledTable& table) {
  const BytesView whole = file.entry(table.archive)->bytes;
  if (whole.empty()) return {};
  FETAFIX_TRY(const auto entries, stored_entries(whole, "'" + table.archive + "'"));
  std::set<std::string> names;
  for (const ZipView& entry : file.entries) names.insert(entry.name);
  for (const ZipView& entry : entries) {
    std::string name = table.archive + "/" + entry.name;
    if (entry.name.find("..") != std::string::npos || !names.insert(name).second)
      return Error{ErrorKind::file, "'" + name + "' is in the archive twice or outside of it"};
    if (entry.name.ends_with("/" + pickle_entry) && std::ranges::count(entry.name, '/') == 1 &&
        table.folder.empty())
      table.folder = name.substr(0, name.size() - pickle_entry.size());
    file.entries.push_back({std::move(name), entry.bytes});
  }
  if (table.folder.empty()) return Error{ErrorKind::file, "no 'data.pkl' in '" + table.archive + "'"};
  const ZipView* order = file.entry(table.folder + "byteorder");
  return order ? check_byte_order(order->bytes, "'" + table.archive + "'") : Status();
}

Stored stored_of(const PickledTable& table, const PickleTensor& tensor) {
  Stored out;
  out.entry = table.data() + tensor.storage.key;
  out.meta = {tensor.dtype, tensor.sizes, tensor.strides, tensor.offset};
  return out;
}

// A pickle ends with the dict on the stack: more items may follow.
Result<Bytes> continued(const File& file, const PickledTable& table,
                        const std::map<std::string, PickledItem>& items) {
  const ZipView* pickle = file.entry(table.folder + pickle_entry);
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
  FETAFIX_CHECK(add_entries(file, out));
  if (out.folder.empty()) return {};
  auto pickle = read_pickle(file.entry(out.folder + pickle_entry)->bytes);
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

Result<Bytes> changed_table(const File& file, const PickledTable& table, PickledChange change) {
  const ZipView* whole = file.entry(table.archive);
  if (!whole || whole->bytes.empty())
    return unsupported("no weight can be added to '" + table.archive + "', which is empty");
  const size_t before = table.archive.size() + 1;
  for (auto* entries : {&change.replaced, &change.added})
    for (ZipEntry& entry : *entries) entry.name.erase(0, before);
  if (!change.items.empty()) {
    FETAFIX_TRY(Bytes pickle, continued(file, table, change.items));
    change.replaced.push_back({table.folder.substr(before) + pickle_entry, std::move(pickle)});
  }
  return rezip(whole->bytes, change.replaced, "'" + table.archive + "'", change.added);
}

}  // namespace fetafix::formats::torch
