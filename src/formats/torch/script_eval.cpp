// Expressions of a TorchScript program while it is laid out.
#include <limits>

#include "formats/torch/script_run.h"

namespace fetafix::formats::torch {
namespace {

using Value = ScriptValue;
constexpr int64_t most_turns = 100'000;
constexpr int most_nesting = 1000;

// "__torch__.torch.nn.functional.relu" of a chain of attributes; empty: it is none.
std::string dotted(const Expr& expr) {
  if (expr.kind == Expr::Kind::name) return expr.text;
  if (expr.kind != Expr::Kind::attribute) return {};
  const std::string base = dotted(expr.items[0]);
  return base.empty() ? base : base + "." + expr.text;
}

std::string place_of(const PickleTensor& tensor, bool constant) {
  return (constant ? "c" : "d") + tensor.storage.key + "@" + std::to_string(tensor.offset) +
         to_string(tensor.sizes) + to_string(tensor.strides) + std::to_string(static_cast<int>(tensor.dtype));
}

Value device(const std::string& name) {
  Value out = script_text(name);
  out.kind = ValueKind::device;
  return out;
}

}  // namespace

// Expressions within calls within expressions take stack.
Result<Value> ScriptRun::eval(Frame& frame, const Expr& expr) {
  FETAFIX_CHECK(spend(frame, expr.span));
  if (nesting_ >= most_nesting)
    return fault(frame, expr.span, "calls that are nested too deep", ErrorKind::file);
  ++nesting_;
  auto out = eval_kind(frame, expr);
  --nesting_;
  return out;
}

Result<Value> ScriptRun::eval_kind(Frame& frame, const Expr& expr) {
  switch (expr.kind) {
    case Expr::Kind::name: {
      if (const auto found = frame.variables.find(expr.text); found != frame.variables.end())
        return found->second;
      if (expr.text == "inf") return script_real(std::numeric_limits<double>::infinity());
      if (expr.text == "nan") return script_real(std::numeric_limits<double>::quiet_NaN());
      return fault(frame, expr.span, "'" + expr.text + "' is not known", ErrorKind::file);
    }
    case Expr::Kind::attribute:
      return eval_attribute(frame, expr);
    case Expr::Kind::call:
      return eval_call(frame, expr);
    case Expr::Kind::index:
      return eval_index(frame, expr);
    case Expr::Kind::list:
    case Expr::Kind::tuple: {
      std::vector<Value> items;
      for (const Expr& item : expr.items) {
        FETAFIX_TRY(items.emplace_back(), eval(frame, item));
      }
      return expr.kind == Expr::Kind::list ? script_list(std::move(items)) : script_tuple(std::move(items));
    }
    case Expr::Kind::text:
      return script_text(expr.text);
    case Expr::Kind::integer:
      return script_integer(expr.integer);
    case Expr::Kind::real:
      return script_real(expr.real);
    case Expr::Kind::boolean:
      return script_boolean(expr.integer != 0);
    case Expr::Kind::none:
      return script_none();
    case Expr::Kind::dict:
      break;
  }
  return fault(frame, expr.span, "a dict, which is not read here");
}

Result<Value> ScriptRun::eval_attribute(Frame& frame, const Expr& expr) {
  const std::string name = dotted(expr);
  if (name.starts_with("CONSTANTS.c")) {
    const PickleValue& root = script_.constants->root();
    const size_t index = std::strtoul(name.c_str() + 11, nullptr, 10);
    if (index >= root.items.size()) return fault(frame, expr.span, "no such constant", ErrorKind::file);
    const PickleValue& one = *root.items[index];
    if (!one.is(PickleValue::Kind::tensor)) return from_pickle(one, "");
    const Value value = weight(*one.tensor, "c" + std::to_string(index), true);
    out_.constant_of.try_emplace(value.text, static_cast<int>(index));
    return value;
  }
  if (name.starts_with("__torch__.")) {
    Value out = script_text(name);
    out.kind = ValueKind::function;
    return out;
  }
  FETAFIX_TRY(const Value base, eval(frame, expr.items[0]));
  if (base.is(ValueKind::module)) return attribute_of(base, expr.text);
  return fault(frame, expr.span, "attribute '" + expr.text + "' of what is no module");
}

Value ScriptRun::attribute_of(const Value& module, const std::string& name) {
  if (name == "training") return script_boolean(false);  // as PyTorch's eval() leaves it
  const PickleValue* found = module.object->state ? module.object->state->find(name) : nullptr;
  if (found) return from_pickle(*found, module.text.empty() ? name : module.text + "." + name);
  const auto owner = script_.classes.find(module.object->text);
  if (owner != script_.classes.end())
    for (const Stmt& stmt : owner->second.second->attributes)  // Final[int] = 3
      if (stmt.targets.size() == 1 && stmt.targets[0].text == name && stmt.value.span.end > 0) {
        Frame frame;
        frame.code = owner->second.first;
        if (auto value = eval(frame, stmt.value); value.ok()) return *value;
      }
  return script_unknown("attribute '" + name + "' is not in the file");
}

Value ScriptRun::from_pickle(const PickleValue& value, const std::string& path) {
  using Kind = PickleValue::Kind;
  switch (value.kind) {
    case Kind::none:
      return script_none();
    case Kind::boolean:
      return script_boolean(value.integer != 0);
    case Kind::integer:
      return script_integer(value.integer);
    case Kind::real:
      return script_real(value.real);
    case Kind::text:
      return script_text(value.text);
    case Kind::tensor:
      return weight(*value.tensor, path, false);
    case Kind::name:
      return device(value.text);
    case Kind::list:
    case Kind::tuple: {
      if (++steps_ > 1'000'000) return script_unknown("its attributes hold too much");
      std::vector<Value> items;
      for (size_t i = 0; i < value.items.size(); ++i)
        items.push_back(from_pickle(*value.items[i], path + "." + std::to_string(i)));
      return value.is(Kind::list) ? script_list(std::move(items)) : script_tuple(std::move(items));
    }
    case Kind::object: {
      Value out;
      out.kind = ValueKind::module;
      out.object = &value;
      out.text = path;
      return out;
    }
    default:
      return script_unknown("an attribute is a " + std::string(kind_name(value.kind)));
  }
}

void ScriptRun::name_parameters(const PickleValue& module, const std::string& path) {
  if (!module.state || !module.state->is(PickleValue::Kind::dict) || !walked_.insert(&module).second) return;
  const auto& items = module.state->items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::string inner = path.empty() ? items[i]->text : path + "." + items[i]->text;
    if (items[i + 1]->is(PickleValue::Kind::tensor))
      paths_.try_emplace(place_of(*items[i + 1]->tensor, false), inner);
    if (items[i + 1]->is(PickleValue::Kind::object)) name_parameters(*items[i + 1], inner);
  }
}

// Tensors are known by where they lie: lists of weights hold the modules' own.
Value ScriptRun::weight(const PickleTensor& tensor, const std::string& path, bool constant) {
  const std::string key = place_of(tensor, constant);
  if (const auto found = weights_.find(key); found != weights_.end()) return script_tensor(found->second);
  const auto known = paths_.find(key);
  std::string target = known == paths_.end() ? path : known->second, name = constant ? target : "p_" + target;
  while (!targets_.insert((constant ? "c " : "d ") + target).second) target += "#";
  for (char& c : name) c = c == '.' ? '_' : c;
  name = unique(name);
  weights_[key] = name;
  stored_[name] = &tensor;
  out_.inputs.push_back({name, target, &tensor, constant});
  TensorType type;
  type.dtype = tensor.dtype;
  type.rank = std::make_shared<Rank>(Rank{static_cast<int>(tensor.sizes.size()), tensor.sizes});
  out_.types[name] = std::move(type);
  return script_tensor(name);
}

Result<std::vector<Value>> ScriptRun::parts_of(Frame& frame, const Expr& expr, const Value& value) {
  if (value.items) return *value.items;
  if (value.is(ValueKind::sizes)) {
    const auto type = out_.types.find(value.text);
    const int rank = type == out_.types.end() ? -1 : type->second.rank->count;
    if (rank < 0 && wanted_ > 0 && type != out_.types.end())
      type->second.rank->count = static_cast<int>(wanted_);  // the text knows
    const int count = rank < 0 ? static_cast<int>(wanted_) : rank;
    if (count > 0 || rank == 0) {
      std::vector<Value> out;
      for (int i = 0; i < count; ++i) out.push_back(size_of(value.text, i));
      return out;
    }
    rank_would_tell_ = true;
    return fault(frame, expr.span, "the number of dimensions of '" + value.text + "' is not known");
  }
  rank_would_tell_ = rank_would_tell_ || value.rank_would_tell;
  return fault(frame, expr.span, "what has parts here is not known");
}

Value ScriptRun::size_of(const std::string& tensor, int64_t dim) const {
  Size size;
  size.name = "sym_size";
  size.tensor = tensor;
  size.dim = dim;
  return script_size(std::move(size));
}

Result<Value> ScriptRun::eval_index(Frame& frame, const Expr& expr) {
  if (expr.items.size() != 2) return fault(frame, expr.span, "an index of another kind");
  FETAFIX_TRY(const Value value, eval(frame, expr.items[0]));
  FETAFIX_TRY(const Value at, eval(frame, expr.items[1]));
  if (value.is(ValueKind::unknown)) return value;
  if (!at.is(ValueKind::integer)) return fault(frame, expr.span, "an index that depends on the run");
  if (value.is(ValueKind::sizes) && at.integer >= 0) return size_of(value.text, at.integer);
  FETAFIX_TRY(const std::vector<Value> parts, parts_of(frame, expr, value));
  const auto count = static_cast<int64_t>(parts.size());
  const int64_t place = at.integer < 0 ? at.integer + count : at.integer;
  if (place < 0 || place >= count) return fault(frame, expr.span, "an index outside");
  return parts[static_cast<size_t>(place)];
}

Result<std::vector<Value>> ScriptRun::eval_arguments(Frame& frame, const Expr& call, size_t first) {
  std::vector<Value> out;
  const size_t wanted = wanted_;
  wanted_ = 0;
  for (size_t i = first; i < call.items.size(); ++i) {
    FETAFIX_TRY(out.emplace_back(), eval(frame, call.items[i]));
  }
  wanted_ = wanted;
  return out;
}

Result<Value> ScriptRun::eval_call(Frame& frame, const Expr& expr) {
  const Expr& callee = expr.items[0];
  const std::string name = dotted(callee);
  const std::string root = name.substr(0, name.find('.'));
  if (callee.kind == Expr::Kind::attribute && !frame.variables.contains(root)) {
    if (root == "torch" && name.find('.', 6) == std::string::npos)
      return eval_operator(frame, expr, "aten", callee.text);
    if (root == "ops") {
      const std::string space = name.substr(4, name.rfind('.') - std::min<size_t>(name.rfind('.'), 4));
      return eval_operator(frame, expr, space, callee.text);
    }
  }
  const auto call_function = [&](const std::string& full) -> Result<Value> {
    const auto found = script_.functions.find(full);
    if (found == script_.functions.end()) return fault(frame, expr.span, "'" + full + "' is not in the file");
    FETAFIX_TRY(std::vector<Value> arguments, eval_arguments(frame, expr));
    return run_function(found->second, frame.path, nullptr, std::move(arguments), expr.keywords, &expr,
                        &frame);
  };
  if (root == "__torch__") return call_function(name);
  if (callee.kind == Expr::Kind::attribute) {
    FETAFIX_TRY(const Value module, eval(frame, callee.items[0]));
    if (!module.is(ValueKind::module))
      return fault(frame, expr.span, "method '" + callee.text + "' of what is no module");
    const auto found = script_.functions.find(module.object->text + "." + callee.text);
    if (found == script_.functions.end())
      return fault(frame, expr.span, "'" + module.object->text + "' has no method '" + callee.text + "'");
    FETAFIX_TRY(std::vector<Value> arguments, eval_arguments(frame, expr));
    return run_function(found->second, module.text, module.object, std::move(arguments), expr.keywords, &expr,
                        &frame);
  }
  if (callee.kind != Expr::Kind::name) return fault(frame, expr.span, "a call of another kind");
  if (const auto found = frame.variables.find(callee.text); found != frame.variables.end()) {
    if (!found->second.is(ValueKind::function))
      return fault(frame, expr.span, "a call of what is no function");
    const std::string full = found->second.text;
    return call_function(full);
  }
  return eval_builtin(frame, expr);
}

// Words of the language itself.
Result<Value> ScriptRun::eval_builtin(Frame& frame, const Expr& expr) {
  const std::string& name = expr.items[0].text;
  const size_t count = expr.items.size() - 1;
  if ((name == "annotate" || name == "unchecked_cast") && count == 2) return eval(frame, expr.items[2]);
  if (name == "uninitialized") return script_unknown("it is never set");
  if (name == "getattr" && count == 2 && expr.items[2].kind == Expr::Kind::text) {
    FETAFIX_TRY(const Value base, eval(frame, expr.items[1]));
    if (base.is(ValueKind::module)) return attribute_of(base, expr.items[2].text);
  }
  if ((name == "int" || name == "float" || name == "bool") && count == 1) {
    if (expr.items[1].kind == Expr::Kind::text && name == "float") {
      const std::string& text = expr.items[1].text;
      return script_real(text == "inf"    ? std::numeric_limits<double>::infinity()
                         : text == "-inf" ? -std::numeric_limits<double>::infinity()
                                          : std::numeric_limits<double>::quiet_NaN());
    }
    return eval_operator(frame, expr, "aten", name);
  }
  if (name == "range") {
    FETAFIX_TRY(const std::vector<Value> bounds, eval_arguments(frame, expr));
    int64_t begin = 0, end = 0;
    for (const Value& bound : bounds)
      if (!bound.is(ValueKind::integer)) {
        rank_would_tell_ = rank_would_tell_ || bound.rank_would_tell;
        return fault(frame, expr.span, "a loop that depends on the run");
      }
    if (bounds.empty() || bounds.size() > 2) return fault(frame, expr.span, "a range of another kind");
    if (bounds.size() == 2) begin = bounds[0].integer;
    end = bounds.back().integer;
    if (begin < -most_turns || end > most_turns) return fault(frame, expr.span, "a loop of too many turns");
    std::vector<Value> out;
    for (int64_t i = begin; i < end; ++i) out.push_back(script_integer(i));
    return script_list(std::move(out));
  }
  return fault(frame, expr.span, "'" + name + "' is not known here");
}

// What an operator gives without a run: of numbers, or what is asked of a tensor that is known of it.
std::optional<Value> ScriptRun::without_run(const std::string& space, const std::string& name,
                                            const std::vector<Value>& values) {
  const Value* tensor = !values.empty() && values[0].is(ValueKind::tensor) ? &values[0] : nullptr;
  if (space == "prim") {
    if (name == "device") return device("cpu");
    if (name == "type") return script_text("cpu");
    if (name == "requires_grad" || name == "is_cuda" || name == "is_sparse" || name == "is_quantized" ||
        name == "is_nested" || name == "is_mkldnn")
      return script_boolean(false);
    if (name == "dtype" && tensor) {
      const DType dtype = type_of(*tensor).dtype;
      return script_integer(script_type_number(dtype));
    }
    if (name == "NumToTensor" && values.size() == 1) {
      Value out = values[0];
      out.is_tensor = true;
      return out;
    }
    return std::nullopt;
  }
  if (space != "aten") return std::nullopt;
  if (name == "device" && !tensor) return device("cpu");
  if (name == "is_grad_enabled" || name == "is_autocast_enabled" || name == "is_scripting")
    return script_boolean(false);
  if (tensor) {
    const auto type = type_of(*tensor);
    if (name == "size" && values.size() == 1) {
      Value out = *tensor;
      out.kind = ValueKind::sizes;
      return out;
    }
    if (name == "size" && values.size() == 2 && values[1].is(ValueKind::integer)) {
      if (values[1].integer >= 0 || type.rank->count < 0) return size_of(tensor->text, values[1].integer);
      return size_of(tensor->text, values[1].integer + type.rank->count);
    }
    if (name == "dim" && values.size() == 1)
      return type.rank->count < 0 ? script_unknown("the number of dimensions of '" + tensor->text + "'", true)
                                  : script_integer(type.rank->count);
    if (name == "is_floating_point")
      return type.dtype == DType::unknown ? script_unknown("the type of '" + tensor->text + "'")
                                          : script_boolean(is_floating(type.dtype));
  }
  if (name == "len" && values.size() == 1 && values[0].is(ValueKind::sizes)) {
    const int rank = out_.types[values[0].text].rank->count;
    return rank < 0 ? script_unknown("the number of dimensions of '" + values[0].text + "'", true)
                    : script_integer(rank);
  }
  // A tensor without dimensions that takes part in what is computed of sizes is its number.
  std::vector<Value> numbers = values;
  static const std::set<std::string> of_lists{"slice", "list", "add"};
  for (Value& one : numbers) {
    if (!one.is(ValueKind::sizes) || !of_lists.contains(name)) continue;
    const int rank = out_.types[one.text].rank->count;
    if (rank < 0) return script_unknown("the number of dimensions of '" + one.text + "'", true);
    std::vector<Value> sizes;
    for (int i = 0; i < rank; ++i) sizes.push_back(size_of(one.text, i));
    one = script_list(std::move(sizes));
  }
  const bool of_sizes =
      std::ranges::any_of(values, [](const Value& one) { return one.is_tensor; }) || name == "int";
  for (Value& one : numbers) {
    const auto stored = one.is(ValueKind::tensor) ? stored_.find(one.text) : stored_.end();
    if (!of_sizes || stored == stored_.end() || !stored->second->sizes.empty()) continue;
    const bool constant = out_.constant_of.contains(one.text);
    if (const auto number = read_(*stored->second, constant)) one = *number;
    one.is_tensor = true;
  }
  const bool tensors =
      std::ranges::any_of(numbers, [](const Value& one) { return one.is(ValueKind::tensor); });
  static const std::set<std::string> of_any{"__is__", "__isnot__", "__contains__", "append", "len", "format"};
  if (tensors && !of_any.contains(name)) return std::nullopt;
  auto out = computed(name, numbers);
  // A tensor that holds a size goes into operators like any other.
  const bool as_tensor = of_sizes && std::ranges::none_of(numbers, [](const Value& one) {
                           return one.is(ValueKind::unknown) || one.is(ValueKind::sizes);
                         });
  if (out && out->is(ValueKind::unknown) && as_tensor && !schemas_of(name).empty()) return std::nullopt;
  if (out && (name == "int" || name == "float" || name == "bool")) out->is_tensor = false;
  return out;
}

Result<Value> ScriptRun::eval_operator(Frame& frame, const Expr& expr, const std::string& space,
                                       const std::string& name) {
  FETAFIX_TRY(const std::vector<Value> values, eval_arguments(frame, expr));
  if (const auto value = without_run(space, name, values)) return *value;
  return emit(frame, expr, space, name, values);
}

}  // namespace fetafix::formats::torch
