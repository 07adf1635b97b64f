// Operators of a TorchScript program as nodes of the document that an exported program has.
#include <algorithm>

#include "formats/torch/lift.h"
#include "formats/torch/script_run.h"

namespace fetafix::formats::torch {
namespace {

using Value = ScriptValue;
constexpr size_t most_nodes = 200'000;

Json tensor_json(const std::string& name) {
  return {{"name", name}};
}

Json real_json(double value) {
  if (value == std::numeric_limits<double>::infinity()) return {{"as_float", "Infinity"}};
  if (value == -std::numeric_limits<double>::infinity()) return {{"as_float", "-Infinity"}};
  if (value != value) return {{"as_float", "NaN"}};
  return {{"as_float", value}};
}

double real_of(const Value& value) {
  return value.is(ValueKind::real) ? value.real : static_cast<double>(value.integer);
}

Error no_content(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

// Kinds of a value alone, for operators whose signature is not known.
std::string_view type_of_value(const Value& value) {
  switch (value.kind) {
    case ValueKind::tensor:
      return "T";
    case ValueKind::boolean:
      return "b";
    case ValueKind::real:
      return "f";
    case ValueKind::text:
      return "s";
    case ValueKind::device:
      return "d";
    case ValueKind::sizes:
      return "i*";
    case ValueKind::list:
    case ValueKind::tuple:
      return !value.items->empty() && (*value.items)[0].is(ValueKind::tensor) ? "T*"
             : !value.items->empty() && (*value.items)[0].is(ValueKind::real) ? "f*"
                                                                              : "i*";
    default:
      return "i";
  }
}

}  // namespace

Status ScriptRun::add_node(ScriptNode node) {
  if (out_.nodes.size() >= most_nodes)
    return Error{ErrorKind::file, "the program has more than " + std::to_string(most_nodes) + " operators"};
  const bool one = node.outputs.size() == 1 && node.outputs[0].contains("as_tensor");
  if (one && !node.arguments.empty() && node.arguments[0].second.contains("as_tensor") &&
      !without_writing(without_prefix(node.target)).empty())
    written_over_[node.arguments[0].second["as_tensor"]["name"]] = node.outputs[0]["as_tensor"]["name"];
  out_.nodes.push_back(std::move(node));
  return {};
}

// What a tensor's name stands for now: the result of what wrote into it, which exported programs read too.
std::string ScriptRun::meant(const std::string& name) {
  const auto found = written_over_.find(name);
  if (found == written_over_.end()) return name;
  std::string last = found->second;
  for (auto next = found; (next = written_over_.find(last)) != written_over_.end();) last = next->second;
  return found->second = last;  // the next one to ask has a short way
}

// Each size is computed once, by a node in front of what reads it first.
Result<std::string> ScriptRun::size_name(const SizePtr& size) {
  if (const auto found = size_names_.find(size); found != size_names_.end()) return found->second;
  FETAFIX_TRY(const std::string name, new_size(*size));
  return size_names_[size] = name;
}

Result<std::string> ScriptRun::new_size(const Size& size) {
  std::string target;
  std::vector<std::pair<std::string, Json>> arguments;
  if (size.name == "sym_size") {
    target = "torch.ops.aten.sym_size.int";
    arguments = {{"self", Json{{"as_tensor", tensor_json(meant(size.tensor))}}},
                 {"dim", Json{{"as_int", size.dim}}}};
  } else {
    FETAFIX_TRY(const Json a, content(size.a, "i"));
    FETAFIX_TRY(const Json b, content(size.b, "i"));
    target = "_operator." + size.name;
    arguments = {{"a", a}, {"b", b}};
  }
  const std::string key = target + arguments[0].second.dump() + arguments[1].second.dump();
  if (const auto found = sizes_.find(key); found != sizes_.end()) return found->second;
  const std::string name = unique(size.name);
  const Json result = {{"as_sym_int", {{"as_name", name}}}};
  FETAFIX_CHECK(add_node({name, target, "", std::move(arguments), Json::array({result}), {}}));
  return sizes_[key] = name;
}

Result<std::string> ScriptRun::tensor_name(const Value& value) {
  if (value.is(ValueKind::tensor)) {
    std::string name = meant(value.text);
    if (name != value.text) out_.read_by_operand.insert(name);
    return name;
  }
  if (!value.is_tensor) return no_content("no tensor, where one is expected");
  FETAFIX_TRY(const Json number, content(value, value.is(ValueKind::real) ? "f" : "i"));
  const std::string key = "tensor " + number.dump();
  if (const auto found = sizes_.find(key); found != sizes_.end()) return found->second;
  const std::string name = unique("number");
  const Json result = {{"as_tensor", tensor_json(name)}};
  TensorType type;
  type.dtype = value.is(ValueKind::real) ? DType::float32 : DType::int64;
  type.rank = std::make_shared<Rank>(Rank{0, {}});
  out_.types[name] = std::move(type);
  FETAFIX_CHECK(
      add_node({name, "torch.ops.prim.NumToTensor.Scalar", "", {{"a", number}}, Json::array({result}), {}}));
  return sizes_[key] = name;
}

Result<Json> ScriptRun::list_content(const Value& value, char type) {
  std::vector<Value> items;
  if (value.is(ValueKind::sizes)) {
    const int rank = out_.types[value.text].rank->count;
    if (rank < 0) {
      rank_would_tell_ = true;
      return no_content("the number of dimensions of '" + value.text + "' is not known");
    }
    for (int i = 0; i < rank; ++i) items.push_back(size_of(value.text, i));
  } else if (value.items) {
    items = *value.items;
  } else {
    items = {value};
  }
  Json list = Json::array();
  bool sizes = false, none = false;
  for (const Value& item : items) {
    sizes = sizes || item.is(ValueKind::size);
    none = none || item.is(ValueKind::none);
  }
  for (const Value& item : items) {
    if (type == 'T' && item.is(ValueKind::none)) {
      list.push_back({{"as_none", true}});
    } else if (type == 'T') {
      FETAFIX_TRY(const std::string name, tensor_name(item));
      list.push_back(none ? Json{{"as_tensor", tensor_json(name)}} : tensor_json(name));
    } else if (type == 'f') {
      list.push_back(real_json(real_of(item))["as_float"]);
    } else if (type == 'b') {
      list.push_back(item.integer != 0);
    } else {
      FETAFIX_TRY(const Json one, content(item, "i"));
      list.push_back(!sizes ? one["as_int"] : one.contains("as_int") ? one : one["as_sym_int"]);
    }
  }
  if (type == 'T') return Json{{none ? "as_optional_tensors" : "as_tensors", std::move(list)}};
  if (type == 'f') return Json{{"as_floats", std::move(list)}};
  if (type == 'b') return Json{{"as_bools", std::move(list)}};
  return Json{{sizes ? "as_sym_ints" : "as_ints", std::move(list)}};
}

Result<Json> ScriptRun::content(const Value& value, std::string_view type) {
  if (value.is(ValueKind::none)) return Json{{"as_none", true}};
  if (value.is(ValueKind::unknown)) {
    rank_would_tell_ = rank_would_tell_ || value.rank_would_tell;
    return no_content("an operand is not known: " + value.text);
  }
  const bool list = type.find_first_of("*#") != std::string_view::npos;
  if (list && (value.items || value.is(ValueKind::sizes) || type[0] != 'T'))
    return list_content(value, type[0]);
  switch (type[0]) {
    case 'T': {
      FETAFIX_TRY(const std::string name, tensor_name(value));
      return Json{{"as_tensor", tensor_json(name)}};
    }
    case 's':
      return Json{{"as_string", value.text}};
    case 'd':
      return Json{{"as_device", {{"type", value.text}, {"index", nullptr}}}};
    case 'y':
      return Json{{"as_scalar_type", dtype_code(script_type(value.integer))}};
    case 'l':
      return Json{{"as_layout", 7}};
    case 'm':
      return Json{{"as_memory_format", value.integer}};
    default:
      break;
  }
  if (value.is(ValueKind::size)) {
    FETAFIX_TRY(const std::string name, size_name(value.size));
    return Json{{"as_sym_int", {{"as_name", name}}}};
  }
  if (value.is(ValueKind::boolean)) return Json{{"as_bool", value.integer != 0}};
  if (value.is(ValueKind::integer) && type[0] != 'f') return Json{{"as_int", value.integer}};
  if (value.is(ValueKind::integer) || value.is(ValueKind::real)) return real_json(real_of(value));
  return no_content("an operand is of a kind that is not read here");
}

Result<Value> ScriptRun::emit(Frame& frame, const Expr& expr, const std::string& space,
                              const std::string& name, const std::vector<Value>& values) {
  const auto call = space == "aten" ? bind_call(name, values, expr.keywords) : std::nullopt;
  if (!call) return emit_unknown(frame, expr, space + "." + name, values);
  learn(*call);
  ScriptNode node;
  node.target = "torch.ops." + call->schema.target;
  node.path = frame.path;
  node.site = {frame.activation, &expr, {}};
  for (size_t i = 0; i < call->values.size(); ++i) {
    if (!call->values[i]) continue;
    auto json = content(*call->values[i], call->schema.arguments[i].type);
    if (!json.ok()) return fault(frame, expr.span, json.error().message, json.error().kind);
    const std::string argument(call->schema.arguments[i].name);
    node.arguments.emplace_back(argument, std::move(*json));
    node.site.arguments[argument] = call->places[i] + 1;
  }
  const auto& results = call->schema.results;
  if (std::ranges::any_of(results, [](std::string_view type) { return type[0] != 'T'; }))
    return script_unknown("'" + name + "' depends on the run");
  const bool list = results.size() == 1 && results[0] == "T*";
  const size_t count = list ? results_of(*call) : results.size();
  if (list && count == 0)
    return fault(frame, expr.span, "how many tensors '" + name + "' gives is not known");
  const std::vector<TensorType> types = types_of(*call, count);
  node.name = unique(name);
  std::vector<Value> made;
  Json tensors = Json::array();
  for (size_t i = 0; i < count; ++i) {
    const std::string result = count == 1 && !list ? node.name : unique(node.name + "_" + std::to_string(i));
    out_.types[result] = types[i];
    learn_channels(*call, result);
    made.push_back(script_tensor(result));
    tensors.push_back(list ? tensor_json(result) : Json{{"as_tensor", tensor_json(result)}});
  }
  node.outputs = list ? Json::array({Json{{"as_tensors", std::move(tensors)}}}) : std::move(tensors);
  if (auto status = add_node(std::move(node)); !status.ok())
    return fault(frame, expr.span, status.error().message, status.error().kind);
  if (list) return script_list(std::move(made));
  return made.size() == 1 ? made[0] : script_tuple(std::move(made));
}

// An operator whose signature is not known: one tensor of tensors, as far as one can tell.
Result<Value> ScriptRun::emit_unknown(Frame& frame, const Expr& expr, const std::string& target,
                                      const std::vector<Value>& values) {
  const auto is_unknown =
      std::ranges::find_if(values, [](const Value& v) { return v.is(ValueKind::unknown); });
  if (is_unknown != values.end()) return *is_unknown;
  static const std::set<std::string> numbers{"int",  "float", "bool", "item", "Int", "Float",
                                             "Bool", "numel", "dim",  "size", "len", "is_nonzero"};
  const std::string name = target.substr(target.rfind('.') + 1);
  if (numbers.contains(name) || name.starts_with("__"))
    return script_unknown("'" + name + "' depends on the run");
  ScriptNode node;
  node.target = "torch.ops." + target + ".default";
  node.path = frame.path;
  node.site = {frame.activation, &expr, {}};
  for (size_t i = 0; i < values.size(); ++i) {
    auto json = content(values[i], type_of_value(values[i]));
    if (!json.ok())
      return fault(frame, expr.span, "'" + target + "': " + json.error().message, json.error().kind);
    const std::string argument = expr.keywords[i].empty() ? "arg" + std::to_string(i) : expr.keywords[i];
    node.arguments.emplace_back(argument, std::move(*json));
    node.site.arguments[argument] = static_cast<int>(i) + 1;
  }
  node.name = unique(name);
  const size_t count = std::max<size_t>(wanted_, 1);
  std::vector<Value> made;
  node.outputs = Json::array();
  for (size_t i = 0; i < count; ++i) {
    const std::string result = count == 1 ? node.name : unique(node.name + "_" + std::to_string(i));
    TensorType type;
    type.rank = std::make_shared<Rank>();
    out_.types[result] = std::move(type);
    made.push_back(script_tensor(result));
    node.outputs.push_back({{"as_tensor", tensor_json(result)}});
  }
  if (auto status = add_node(std::move(node)); !status.ok())
    return fault(frame, expr.span, status.error().message, status.error().kind);
  return made.size() == 1 ? made[0] : script_tuple(std::move(made));
}

}  // namespace fetafix::formats::torch
