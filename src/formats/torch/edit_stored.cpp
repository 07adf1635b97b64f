// Stored tensors: where an edit's go, in archives of each kind.
#include <algorithm>

#include "formats/torch/editor.h"

namespace fetafix::formats::torch {
namespace {

bool lies_plainly(const TensorMeta& meta) {
  return meta.offset == 0 && meta.strides == plain_meta(meta.dtype, meta.sizes).strides;
}

Bytes copy_of(const Tensor& tensor) {
  const auto bytes = tensor.bytes();
  return {bytes.begin(), bytes.end()};
}

// Whether the archive is to hold it.
bool is_kept(const Input& input) {
  return input.kind == Input::Kind::weight || input.kind == Input::Kind::constant;
}

Table table_of(const Input& input) {
  return input.kind == Input::Kind::weight ? Table::weights : Table::constants;
}

// PyTorch knows by the start of a file's name what it holds.
std::string file_prefix(Table table) {
  return table == Table::weights ? "weight_" : "tensor_";
}

}  // namespace

std::string Editor::add_weight(const Tensor& value, const std::string& base) {
  const std::string target = unique_name("fetafix_" + base), name = unique_name("p_" + target);
  const TensorMeta meta = plain_meta(value.dtype(), value.shape());
  if (file_.script) {
    constants_.emplace_back(name, value);
    declare(name, meta);
    return name;
  }
  const std::string file = unique_name(file_prefix(Table::weights) + target);
  store(Table::weights, target, file, value, true, false);
  declare(name, meta);
  // Parameters come first.
  Json& specs = signature()["input_specs"];
  size_t place = 0;
  while (place < specs.size() && specs[place].contains("parameter")) ++place;
  specs.insert(specs.begin() + static_cast<std::ptrdiff_t>(place),
               Json{{"parameter", {{"arg", {{"name", name}}}, {"parameter_name", target}}}});
  Json& inputs = graph()["inputs"];
  inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(std::min(place, inputs.size())),
                as_tensor(name));
  return name;
}

void Editor::store(Table table, const std::string& target, const std::string& entry, const Tensor& value,
                   bool is_parameter, bool requires_grad) {
  if (const auto pickled = file_.pickled.find(table); pickled != file_.pickled.end()) {
    added_entries_[pickled->second.data() + entry] = copy_of(value);
    pickled_items_[table][target] = {entry, value.dtype(), value.shape(), is_parameter, requires_grad};
    return;
  }
  added_entries_[file_.prefix + table_folder(table) + entry] = copy_of(value);
  Json& said = tables_[table]["config"][target];
  if (said.is_null()) said = {{"path_name", entry}, {"is_param", is_parameter}, {"use_pickle", false}};
  said["path_name"] = entry;
  said["tensor_meta"] = written_meta(plain_meta(value.dtype(), value.shape()), requires_grad);
  changed_.insert(table);
}

size_t Editor::uses_of(const std::string& name) const {
  auto count = std::ranges::count(program().outputs, name);
  for (const Op& op : program().ops)
    for (const Argument& argument : op.arguments) count += std::ranges::count(names_read(argument), name);
  return static_cast<size_t>(count);
}

void Editor::find_common_changes(const graph::Patch& patch) {
  std::map<std::string, std::vector<Tensor>> changes;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      const auto* set = std::get_if<graph::SetTensor>(&edit);
      const auto index = set ? op_at(set->at) : Result<int>(unsupported(""));
      if (!index.ok()) continue;
      const ArgumentPlace place = place_of(set->slot);
      const Argument* read = op(*index).argument(place.name);
      if (!read || read->kind != "as_tensor") continue;
      const auto native = native_form(*this, *index, *set);
      if (native.ok()) changes[(*read->value)["name"].get<std::string>()].push_back(*native);
    }
  for (const auto& [name, tensors] : changes)
    if (tensors.size() == uses_of(name) &&
        std::ranges::all_of(tensors,
                            [&, tensors = tensors](const Tensor& t) { return t.identical(tensors[0]); }))
      common_.emplace(name, tensors[0]);
}

Status Editor::write_weight(const ReadPlace& place, const std::string& name, const Tensor& value) {
  const Input* input = program().input(name);
  if (!input || !is_kept(*input)) return unsupported("'" + name + "' is computed");
  // An edit before this one may have written there or elsewhere, or made the place read another.
  if (moved_.contains(name)) {
    write_aside(*input, value);
    return {};
  }
  const auto now = input->stored ? file_.read(*input->stored) : Result<Tensor>(unsupported(""));
  if (now.ok() && now->identical(value)) {
    replaced_.erase(input->stored->entry);
    return set_read(place, name);
  }
  if (now.ok() && uses_of(name) > 1 && !common_.contains(name))
    return set_read(place, add_weight(value, input->name));
  if (now.ok() && lies_alone(*input) && input->stored->meta.sizes == value.shape() &&
      input->stored->meta.dtype == value.dtype()) {
    replaced_[input->stored->entry] = copy_of(value);
    return set_read(place, name);
  }
  // Sizes of a TorchScript module's attributes stay as they are.
  if (file_.script) return set_read(place, add_weight(value, input->name));
  write_aside(*input, value);
  return {};
}

// Names that nothing reads share it by right: tied weights have several. An entry may hold more than the
// tensor.
bool Editor::lies_alone(const Input& input) const {
  const auto sharing = std::ranges::count_if(program().inputs, [&](const Input& one) {
    return one.stored && one.stored->entry == input.stored->entry &&
           (one.name == input.name || uses_of(one.name) > 0);
  });
  const TensorMeta& meta = input.stored->meta;
  const ZipView* entry = file_.entry(input.stored->entry);
  const auto count = element_count(meta.sizes);
  return sharing == 1 && lies_plainly(meta) && entry && count &&
         entry->bytes.size() == static_cast<size_t>(*count) * element_size(meta.dtype);
}

// Into an entry of its own, of which the table says all.
void Editor::write_aside(const Input& input, const Tensor& value) {
  const Table table = table_of(input);
  std::string& file = moved_[input.name];
  if (file.empty()) file = unique_name(file_prefix(table) + "fetafix_" + input.name);
  store(table, input.target, file, value, input.is_param, input.is_param && is_floating(value.dtype()));
  declare(input.name, plain_meta(value.dtype(), value.shape()));
}

Status Editor::add_pickled_tables(std::vector<ZipEntry>& replaced, std::vector<ZipEntry>& added) const {
  for (const auto& [table, pickled] : file_.pickled) {
    PickledChange change;
    const auto take = [folder = pickled.archive + "/"](std::vector<ZipEntry>& from) {
      const auto mine = std::stable_partition(
          from.begin(), from.end(), [&](const ZipEntry& entry) { return !entry.name.starts_with(folder); });
      std::vector<ZipEntry> out(std::make_move_iterator(mine), std::make_move_iterator(from.end()));
      from.erase(mine, from.end());
      return out;
    };
    change.replaced = take(replaced);
    change.added = take(added);
    if (const auto items = pickled_items_.find(table); items != pickled_items_.end())
      change.items = items->second;
    if (change.replaced.empty() && change.added.empty()) continue;
    FETAFIX_TRY(Bytes whole, changed_table(file_, pickled, std::move(change)));
    replaced.push_back({pickled.archive, std::move(whole)});
  }
  return {};
}

}  // namespace fetafix::formats::torch
