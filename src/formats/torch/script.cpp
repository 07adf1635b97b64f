#include "formats/torch/script.h"

#include <algorithm>

#include "formats/torch/script_document.h"

namespace fetafix::formats::torch {
namespace {

constexpr size_t most_text = size_t{256} << 20;  // of code and pickles, unpacked
constexpr const char* code_folder = "code/";

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "code/__torch__/torch/nn/modules/conv.py" -> "__torch__.torch.nn.modules.conv"
std::string space_of(std::string name) {
  name = name.substr(0, name.size() - 3);
  std::ranges::replace(name, '/', '.');
  return name;
}

Status add_code(Script& script, const ZipEntry& entry, const std::string& prefix) {
  Code code;
  code.entry = entry.name;
  code.space = space_of(entry.name.substr(prefix.size() + std::string_view(code_folder).size()));
  code.text = text_of(entry.bytes);
  auto source = parse_script(code.text);
  if (!source.ok()) return in_context("'" + entry.name + "'", std::move(source).error());
  code.source = std::move(*source);
  script.codes.push_back(std::move(code));
  return {};
}

// Only when all are there: places in `codes` move while it grows.
void list_names(Script& script) {
  for (size_t i = 0; i < script.codes.size(); ++i) {
    const Code& code = script.codes[i];
    const auto index = static_cast<int>(i);
    for (const Function& function : code.source.functions)
      script.functions.try_emplace(code.space + "." + function.name, Place{index, &function});
    for (const Class& one : code.source.classes) {
      const std::string full = code.space + "." + one.name;
      script.classes.try_emplace(full, std::pair{index, &one});
      for (const Function& method : one.methods)
        script.functions.try_emplace(full + "." + method.name, Place{index, &method});
    }
  }
}

Result<std::shared_ptr<const Pickle>> pickle_of(const ZipEntry& entry) {
  auto pickle = read_pickle(entry.bytes);
  if (!pickle.ok()) return in_context("'" + entry.name + "'", std::move(pickle).error());
  return std::make_shared<const Pickle>(std::move(*pickle));
}

// What the traced module was called with: a dict of a list for each method. What can't be read says nothing.
std::vector<std::pair<DType, Shape>> traced_inputs(const ZipEntry& entry) {
  std::vector<std::pair<DType, Shape>> out;
  const auto pickle = read_pickle(entry.bytes);
  const PickleValue* list = pickle.ok() ? pickle->root().find("forward") : nullptr;
  if (!list || !list->is(PickleValue::Kind::list)) return {};
  for (const PickleValue* one : list->items) {
    if (!one->is(PickleValue::Kind::tensor)) return {};
    out.emplace_back(one->tensor->dtype, one->tensor->sizes);
  }
  return out;
}

}  // namespace

bool is_script(const std::vector<ZipView>& entries) {
  return std::ranges::any_of(entries, [](const ZipView& entry) {
    return entry.name.ends_with("/constants.pkl") || entry.name.find("/code/") != std::string::npos;
  });
}

Result<File> parse_script_file(File file) {
  const auto is_data = [](const ZipView& entry) { return entry.name.ends_with("/data.pkl"); };
  const auto data = std::ranges::find_if(file.entries, is_data);
  if (data == file.entries.end()) return broken("a TorchScript archive without 'data.pkl'");
  file.prefix = data->name.substr(0, data->name.size() - std::string_view("data.pkl").size());
  const std::string code = file.prefix + code_folder;
  const std::string traced = file.prefix + "traced_inputs.pkl", constants = file.prefix + "constants.pkl",
                    order = file.prefix + "byteorder";
  std::vector<std::string> wanted{data->name, constants, traced, order};
  for (const ZipView& entry : file.entries)
    if (entry.name.starts_with(code) && entry.name.ends_with(".py")) wanted.push_back(entry.name);
  FETAFIX_TRY(const std::vector<ZipEntry> entries, unzip(*file.bytes, "archive", most_text, wanted));
  auto script = std::make_shared<Script>();
  for (const ZipEntry& entry : entries) {
    if (entry.name.starts_with(code) && entry.name.ends_with(".py"))
      FETAFIX_CHECK(add_code(*script, entry, file.prefix));
    if (entry.name == order) FETAFIX_CHECK(check_byte_order(entry.bytes, "the archive"));
    if (entry.name == data->name) {
      FETAFIX_TRY(script->modules, pickle_of(entry));
    }
    if (entry.name == constants) {
      FETAFIX_TRY(script->constants, pickle_of(entry));
    }
    if (entry.name == traced) script->traced = traced_inputs(entry);
  }
  if (!script->constants) return broken("a TorchScript archive without 'constants.pkl'");
  list_names(*script);
  FETAFIX_CHECK(make_document(file, *script));
  file.script = std::move(script);
  return file;
}

}  // namespace fetafix::formats::torch
