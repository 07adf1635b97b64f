#include "formats/torch/script_say.h"

#include <algorithm>

#include "base/python_json.h"
#include "formats/torch/program.h"
#include "formats/torch/script_schema.h"

namespace fetafix::formats::torch {
namespace {

Error cant(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

std::string say_real(const Json& number) {
  if (number == "Infinity") return "inf";
  if (number == "-Infinity") return "-inf";
  if (number == "NaN") return "nan";
  const std::string text = python_json(Json(number.get<double>()));
  return text.find_first_of(".e") == std::string::npos ? text + "." : text;
}

std::string say_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + "\"";
}

std::string without_dot(const std::string& target) {
  return target.substr(0, target.rfind('.'));
}

// A list's items, each said by `one`.
template <class One>
Result<std::string> say_list(const Json& list, const std::string& type, const One& one) {
  std::string out;
  for (const Json& item : list) {
    FETAFIX_TRY(const std::string said, one(item));
    out += (out.empty() ? "" : ", ") + said;
  }
  if (list.empty() || type.starts_with("Optional")) return "annotate(List[" + type + "], [" + out + "])";
  return "[" + out + "]";
}

Result<std::string> say_size(const Json& item, const SayValue& say) {
  if (item.is_number_integer()) return item.dump();
  if (item.contains("as_int")) return item["as_int"].dump();
  if (item.contains("as_name")) return say(item["as_name"].get<std::string>());
  return cant("a size of a kind that TorchScript's text does not have");
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

}  // namespace

std::string say_operator(const std::string& target) {
  const std::string name = without_prefix(target);
  if (name.starts_with("_operator.")) return "torch." + name.substr(10);
  if (name.starts_with("aten.sym_size")) return "torch.size";
  if (name.starts_with("aten.")) return "torch." + without_dot(name.substr(5));
  return "ops." + without_dot(name);
}

Result<std::string> say_content(const Json& content, const SayValue& say) {
  FETAFIX_TRY(const auto part, union_member(content));
  const std::string& kind = part.first;
  const Json& value = *part.second;
  const auto tensor = [&](const Json& one) -> Result<std::string> {
    return say(one["name"].get<std::string>());
  };
  if (kind == "as_none") return std::string("None");
  if (kind == "as_bool") return std::string(value == true ? "True" : "False");
  if (kind == "as_int" || kind == "as_memory_format") return value.dump();
  if (kind == "as_float") return say_real(value);
  if (kind == "as_string") return say_text(value.get<std::string>());
  if (kind == "as_layout") return std::string("0");
  if (kind == "as_device") return "torch.device(" + say_text(value["type"].get<std::string>()) + ")";
  if (kind == "as_scalar_type")
    return std::to_string(script_type_number(dtype_from_code(value.get<int64_t>())));
  if (kind == "as_tensor") return tensor(value);
  if (kind == "as_sym_int") return say_size(value, say);
  if (kind == "as_tensors") return say_list(value, "Tensor", tensor);
  if (kind == "as_optional_tensors")
    return say_list(value, "Optional[Tensor]", [&](const Json& one) -> Result<std::string> {
      return one.contains("as_tensor") ? tensor(one["as_tensor"]) : std::string("None");
    });
  if (kind == "as_ints" || kind == "as_sym_ints")
    return say_list(value, "int", [&](const Json& one) { return say_size(one, say); });
  if (kind == "as_floats")
    return say_list(value, "float", [](const Json& one) -> Result<std::string> { return say_real(one); });
  if (kind == "as_bools")
    return say_list(value, "bool", [](const Json& one) -> Result<std::string> {
      return std::string(one == true ? "True" : "False");
    });
  return cant("an argument of a kind (" + kind + ") that TorchScript's text does not have");
}

// By place as far as the signature goes without a gap, the others by name.
Result<std::string> say_call(const Json& node, const SayValue& say) {
  const auto target = node["target"].get<std::string>();
  const std::string name = say_operator(target);
  std::vector<std::string> order;
  for (const Schema& schema : schemas_of(name.substr(name.rfind('.') + 1)))
    if ("torch.ops." + schema.target == target)
      for (const SchemaArgument& one : schema.arguments)
        if (!one.keyword) order.emplace_back(one.name);
  std::string out;
  size_t place = 0;
  bool gap = false;
  std::vector<std::pair<size_t, const Json*>> inputs;
  for (const Json& input : node["inputs"]) {
    const auto at = std::ranges::find(order, input["name"].get<std::string>());
    inputs.emplace_back(at - order.begin(), &input);
  }
  std::ranges::stable_sort(inputs, {}, [](const auto& one) { return one.first; });
  for (const auto& [at, input] : inputs) {
    FETAFIX_TRY(const std::string said, say_content((*input)["arg"], say));
    const auto argument = (*input)["name"].get<std::string>();
    gap = gap || (!order.empty() && (at != place || at == order.size()));
    const bool numbered = order.empty() && (argument.starts_with("arg") || !name.starts_with("torch.") ||
                                            target.find("_operator.") != std::string::npos ||
                                            target.find("sym_size") != std::string::npos);
    out += (out.empty() ? "" : ", ") + (gap || (order.empty() && !numbered) ? argument + "=" : "") + said;
    ++place;
  }
  return name + "(" + out + ")";
}

Result<std::string> say_attribute(const PickleValue& module, const std::string& self,
                                  const std::string& path) {
  const PickleValue* at = &module;
  std::string out = self, left = path;
  while (!left.empty()) {
    const std::string part = left.substr(0, left.find('.'));
    left = part.size() == left.size() ? std::string() : left.substr(part.size() + 1);
    const bool is_list = at->is(PickleValue::Kind::list) || at->is(PickleValue::Kind::tuple);
    const bool digits =
        !part.empty() && std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c); });
    const PickleValue* next =
        is_list && digits && part.size() < 9 && static_cast<size_t>(std::stoul(part)) < at->items.size()
            ? at->items[std::stoul(part)]
        : at->state ? at->state->find(part)
                    : nullptr;
    if (!next || part.find('"') != std::string::npos || part.find('\\') != std::string::npos)
      return cant("'" + path + "' has no name in the file's text");
    out = is_list               ? "(" + out + ")[" + part + "]"
          : is_plain_name(part) ? out + "." + part
                                : "getattr(" + out + ", \"" + part + "\")";
    at = next;
  }
  return out;
}

}  // namespace fetafix::formats::torch
