#include "formats/keras/calls.h"

#include <algorithm>
#include <cctype>

namespace fetafix::formats::keras {

const Json& member(const Json& object, const char* key) {
  static const Json nothing = Json::object();
  return object.is_object() && object.contains(key) ? object[key] : nothing;
}

std::string text_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

std::optional<Reference> as_reference(const Json& json) {
  if (!json.is_array() || json.size() < 3 || json.size() > 4) return std::nullopt;
  if (!json[0].is_string() || !json[1].is_number_integer() || !json[2].is_number_integer())
    return std::nullopt;
  if (json.size() == 4 && !json[3].is_object()) return std::nullopt;
  const auto node = json[1].get<int64_t>(), tensor = json[2].get<int64_t>();
  if (node < 0 || tensor < 0) return std::nullopt;
  return Reference{json[0].get<std::string>(), node, tensor};
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// Whether there may be a tensor in it: weights stand among the arguments too, millions of numbers.
bool is_numbers(const Json& json) {
  return json.is_array() ? std::ranges::all_of(json, is_numbers) : json.is_number();
}

bool holds_tensors(const Argument& argument) {
  if (argument.tensor) return true;
  return std::ranges::any_of(argument.list, holds_tensors);
}

// Keras 3: tensors are {"class_name": "__keras_tensor__", ...}. Keras 2: among keyword arguments plain
// references. Both within any structure.
Argument argument_of(const Json& json, bool legacy) {
  Argument out;
  if (legacy) {
    out.tensor = as_reference(json);
  } else if (json.is_object() && text_of(json, "class_name") == "__keras_tensor__") {
    out.tensor = as_reference(member(member(json, "config"), "keras_history"));
    out.shape = &member(member(json, "config"), "shape");
  }
  if (out.tensor) return out;
  if (json.is_array() && !is_numbers(json))
    for (const Json& item : json) out.list.push_back(argument_of(item, legacy));
  if (holds_tensors(out)) return out;
  out.list.clear();
  out.literal = json;
  return out;
}

void add_keywords(Call& call, const Json& keywords, bool legacy) {
  for (const auto& [key, value] : keywords.items())
    call.keyword.emplace_back(key, argument_of(value, legacy));
}

// One tensor of a Keras 2 call: a reference, or ["_CONSTANT_VALUE", -1, value, {...}].
Result<Argument> legacy_tensor(const Json& json) {
  Argument out;
  if (json.is_array() && json.size() >= 3 && json[0].is_string() && json[0] == "_CONSTANT_VALUE") {
    out.literal = json[2];
    return out;
  }
  out.tensor = as_reference(json);
  if (!out.tensor) return broken("a call that names no tensor: " + dump_json(json).substr(0, 80));
  return out;
}

Result<Call> legacy_call(const Json& node) {
  Call out;
  if (!node.is_array()) return broken("a call is no list");
  // [["a", 0, 0, {}], ["b", 0, 0, {}]], or of functions ["a", 0, 0, {"y": 2.0}].
  const bool single = !node.empty() && node[0].is_string();
  Argument first;
  for (const Json& item : single ? Json::array({node}) : node) {
    FETAFIX_TRY(Argument one, legacy_tensor(item));
    first.list.push_back(std::move(one));
    if (first.list.size() == 1 && item.size() == 4) add_keywords(out, item[3], true);
  }
  if (first.list.empty()) return out;
  if (first.list.size() == 1) first = Argument(first.list[0]);
  out.positional.push_back(std::move(first));
  return out;
}

void collect(const Argument& argument, std::vector<const Argument*>& out) {
  if (argument.tensor) out.push_back(&argument);
  for (const Argument& item : argument.list) collect(item, out);
}

// Those that are tensors, in order.
std::vector<const Argument*> tensors_of(const Call& call) {
  std::vector<const Argument*> out;
  for (const Argument& argument : call.positional) collect(argument, out);
  for (const auto& [name, argument] : call.keyword) collect(argument, out);
  return out;
}

void collect(const Json& listed, std::vector<Reference>& out) {
  if (auto one = as_reference(listed)) {
    out.push_back(std::move(*one));
  } else if (listed.is_array() || listed.is_object()) {
    // Structures are flattened as Keras does: lists in order, dictionaries by their keys.
    std::vector<std::pair<std::string, const Json*>> items;
    for (const auto& [key, value] : listed.items()) items.emplace_back(key, &value);
    if (listed.is_object()) std::ranges::sort(items, {}, [](const auto& item) { return item.first; });
    for (const auto& item : items) collect(*item.second, out);
  }
}

}  // namespace

Result<Call> call_of(const Json& node) {
  if (!node.is_object()) return legacy_call(node);
  Call out;
  if (!member(node, "args").is_array() && !member(node, "args").empty())
    return broken("arguments are no list");
  if (member(node, "args").is_array())
    for (const Json& item : member(node, "args")) out.positional.push_back(argument_of(item, false));
  if (member(node, "kwargs").is_object()) add_keywords(out, member(node, "kwargs"), false);
  return out;
}

std::vector<Reference> Call::tensors() const {
  std::vector<Reference> out;
  for (const Argument* one : tensors_of(*this)) out.push_back(*one->tensor);
  return out;
}

std::vector<const Json*> Call::shapes() const {
  std::vector<const Json*> out;
  for (const Argument* one : tensors_of(*this)) out.push_back(one->shape);
  return out;
}

const Argument* Call::named(const std::string& name) const {
  for (const auto& [key, argument] : keyword)
    if (key == name) return &argument;
  return nullptr;
}

std::vector<Reference> references_of(const Json& listed) {
  std::vector<Reference> out;
  collect(listed, out);
  return out;
}

}  // namespace fetafix::formats::keras
