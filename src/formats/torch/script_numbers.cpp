// What TorchScript computes of numbers, texts and lists while a program is read.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>

#include "formats/torch/script_value.h"

namespace fetafix::formats::torch {

namespace {
constexpr int deepest = 200;  // of what holds another: each is given back by a call in a call
}

ScriptValue script_none() {
  return {};
}
ScriptValue script_boolean(bool value) {
  ScriptValue out;
  out.kind = ValueKind::boolean;
  out.integer = value;
  return out;
}
ScriptValue script_integer(int64_t value) {
  ScriptValue out;
  out.kind = ValueKind::integer;
  out.integer = value;
  return out;
}
ScriptValue script_real(double value) {
  ScriptValue out;
  out.kind = ValueKind::real;
  out.real = value;
  return out;
}
ScriptValue script_text(std::string value) {
  ScriptValue out;
  out.kind = ValueKind::text;
  out.text = std::move(value);
  return out;
}
ScriptValue script_list(std::vector<ScriptValue> items) {
  ScriptValue out;
  for (const ScriptValue& item : items) out.depth = std::max(out.depth, item.depth + 1);
  if (out.depth > deepest) return script_unknown("lists that are nested too deep");
  out.kind = ValueKind::list;
  out.items = std::make_shared<std::vector<ScriptValue>>(std::move(items));
  return out;
}
ScriptValue script_tuple(std::vector<ScriptValue> items) {
  ScriptValue out = script_list(std::move(items));
  if (out.items) out.kind = ValueKind::tuple;
  return out;
}
ScriptValue script_tensor(std::string name) {
  ScriptValue out;
  out.kind = ValueKind::tensor;
  out.text = std::move(name);
  return out;
}
ScriptValue script_unknown(std::string why, bool rank_would_tell) {
  ScriptValue out;
  out.kind = ValueKind::unknown;
  out.text = std::move(why);
  out.rank_would_tell = rank_would_tell;
  return out;
}
ScriptValue script_size(Size size) {
  ScriptValue out;
  out.kind = ValueKind::size;
  out.size = std::make_shared<const Size>(std::move(size));
  return out;
}

DType script_type(int64_t number) {
  constexpr DType types[]{DType::uint8,   DType::int8,    DType::int16,   DType::int32,
                          DType::int64,   DType::float16, DType::float32, DType::float64,
                          DType::unknown, DType::unknown, DType::unknown, DType::boolean,
                          DType::unknown, DType::unknown, DType::unknown, DType::bfloat16};
  return number >= 0 && number < static_cast<int64_t>(std::size(types)) ? types[number] : DType::unknown;
}
int64_t script_type_number(DType dtype) {
  for (int64_t number = 0; number < 16; ++number)
    if (dtype != DType::unknown && script_type(number) == dtype) return number;
  return -1;
}

namespace {

constexpr size_t most_items = 100000;  // of a list that is made of others

using Operands = std::vector<ScriptValue>;

bool is_number(const ScriptValue& value) {
  return value.is(ValueKind::integer) || value.is(ValueKind::real) || value.is(ValueKind::boolean);
}
bool is_whole(const ScriptValue& value) {
  return value.is(ValueKind::integer) || value.is(ValueKind::boolean);
}
double real_of(const ScriptValue& value) {
  return value.is(ValueKind::real) ? value.real : static_cast<double>(value.integer);
}
bool is_list(const ScriptValue& value) {
  return value.items != nullptr;
}

ScriptValue depends() {
  return script_unknown("it depends on the run");
}

ScriptValue size_arithmetic(const std::string& name, const ScriptValue& a, const ScriptValue& b) {
  Size size;
  size.name = name;
  size.a = a;
  size.b = b;
  size.depth = 1 + std::max(a.size ? a.size->depth : 0, b.size ? b.size->depth : 0);
  if (size.depth > deepest) return depends();
  return script_size(std::move(size));
}

int64_t floor_divided(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::optional<ScriptValue> whole_arithmetic(const std::string& name, int64_t a, int64_t b) {
  int64_t out = 0;
  const bool overflow = name == "add"   ? __builtin_add_overflow(a, b, &out)
                        : name == "sub" ? __builtin_sub_overflow(a, b, &out)
                        : name == "mul" ? __builtin_mul_overflow(a, b, &out)
                                        : false;
  if (overflow) return depends();
  if (name == "add" || name == "sub" || name == "mul") return script_integer(out);
  const bool defined = b != 0 && !(b == -1 && a == std::numeric_limits<int64_t>::min());
  if (name == "floordiv") return defined ? script_integer(floor_divided(a, b)) : depends();
  if (name == "remainder") return defined ? script_integer(a - floor_divided(a, b) * b) : depends();
  return std::nullopt;
}

// add, sub, ... of two numbers, of which sizes may be.
std::optional<ScriptValue> arithmetic(const std::string& name, const ScriptValue& a, const ScriptValue& b) {
  const bool sizes = a.is(ValueKind::size) || b.is(ValueKind::size);
  const bool both = (is_whole(a) || a.is(ValueKind::size)) && (is_whole(b) || b.is(ValueKind::size));
  if (sizes) {
    const bool known = name == "add" || name == "sub" || name == "mul" || name == "floordiv";
    return both && known ? size_arithmetic(name, a, b) : depends();
  }
  if (both && name != "div" && name != "pow") return whole_arithmetic(name, a.integer, b.integer);
  const double x = real_of(a), y = real_of(b);
  if (name == "add") return script_real(x + y);
  if (name == "sub") return script_real(x - y);
  if (name == "mul") return script_real(x * y);
  if (name == "div") return script_real(x / y);
  if (name == "floordiv") return script_real(std::floor(x / y));
  if (name == "remainder") return script_real(x - std::floor(x / y) * y);
  const double power = std::pow(x, y);
  if (both && b.integer >= 0 && std::fabs(power) < 9e15) return script_integer(static_cast<int64_t>(power));
  return script_real(power);
}

// Nullopt: it depends on the run, or they hold too much (lists may hold one list many times).
std::optional<bool> same(const ScriptValue& a, const ScriptValue& b, int& steps) {
  if (--steps < 0) return std::nullopt;
  if (a.is(ValueKind::unknown) || b.is(ValueKind::unknown) || a.is(ValueKind::size) ||
      b.is(ValueKind::size) || a.is(ValueKind::sizes) || b.is(ValueKind::sizes))
    return std::nullopt;
  if (is_number(a) && is_number(b)) return real_of(a) == real_of(b);
  if (is_list(a) && is_list(b)) {
    if (a.items->size() != b.items->size()) return false;
    for (size_t i = 0; i < a.items->size(); ++i) {
      const auto equal = same((*a.items)[i], (*b.items)[i], steps);
      if (equal != true) return equal;
    }
    return true;
  }
  return a.kind == b.kind && a.text == b.text;
}

std::optional<bool> same(const ScriptValue& a, const ScriptValue& b) {
  int steps = 10000;
  return same(a, b, steps);
}

std::optional<ScriptValue> comparison(const std::string& name, const ScriptValue& a, const ScriptValue& b) {
  if (name == "eq" || name == "ne") {
    const auto equal = same(a, b);
    return equal ? script_boolean(*equal == (name == "eq")) : depends();
  }
  if (!is_number(a) || !is_number(b)) return depends();
  const double x = real_of(a), y = real_of(b);
  return script_boolean(name == "lt" ? x < y : name == "le" ? x <= y : name == "gt" ? x > y : x >= y);
}

std::optional<ScriptValue> identity_test(const std::string& name, const ScriptValue& a,
                                         const ScriptValue& b) {
  if (a.is(ValueKind::unknown) || b.is(ValueKind::unknown)) return depends();
  if (a.is(ValueKind::size) && b.is(ValueKind::size)) return depends();
  const bool equal = a.kind == b.kind && a.text == b.text && a.items == b.items && a.object == b.object &&
                     a.integer == b.integer && a.real == b.real;
  return script_boolean(equal == (name == "__is__"));
}

ScriptValue contains(const ScriptValue& list, const ScriptValue& wanted) {
  bool unsure = false;
  for (const ScriptValue& item : *list.items) {
    const auto equal = same(item, wanted);
    if (equal == true) return script_boolean(true);
    unsure = unsure || !equal;
  }
  return unsure ? depends() : script_boolean(false);
}

ScriptValue any_or_all(const std::string& name, const ScriptValue& list) {
  const bool wanted = name == "any";
  bool unsure = false;
  for (const ScriptValue& item : *list.items) {
    if (!is_number(item))
      unsure = true;
    else if ((real_of(item) != 0) == wanted)
      return script_boolean(wanted);
  }
  return unsure ? depends() : script_boolean(!wanted);
}

std::optional<ScriptValue> converted(const std::string& name, const ScriptValue& a) {
  if (name == "int" && a.is(ValueKind::size)) return a;
  if (!is_number(a)) return depends();
  if (name == "float") return script_real(real_of(a));
  if (name == "bool") return script_boolean(real_of(a) != 0);
  if (is_whole(a)) return script_integer(a.integer);
  return std::fabs(a.real) < 9e18 ? script_integer(static_cast<int64_t>(a.real)) : depends();
}

std::optional<ScriptValue> rounded(const std::string& name, const ScriptValue& a) {
  if (a.is(ValueKind::size) && (name == "floor" || name == "ceil" || name == "round")) return a;
  if (!is_number(a)) return depends();
  const double x = real_of(a);
  if (name == "sqrt") return script_real(std::sqrt(x));
  if (name == "neg")
    return is_whole(a) && a.integer != std::numeric_limits<int64_t>::min() ? script_integer(-a.integer)
                                                                           : script_real(-x);
  const double whole = name == "floor" ? std::floor(x) : name == "ceil" ? std::ceil(x) : std::nearbyint(x);
  if (name == "abs") return is_whole(a) ? script_integer(std::llabs(a.integer)) : script_real(std::fabs(x));
  return std::fabs(whole) < 9e18 ? script_integer(static_cast<int64_t>(whole)) : depends();
}

std::optional<ScriptValue> of_one(const std::string& name, const ScriptValue& a) {
  if (name == "int" || name == "float" || name == "bool") return converted(name, a);
  if (name == "floor" || name == "ceil" || name == "round" || name == "sqrt" || name == "neg" ||
      name == "abs")
    return rounded(name, a);
  if (name == "__not__") return is_number(a) ? script_boolean(real_of(a) == 0) : depends();
  if (name == "len") {
    if (is_list(a)) return script_integer(static_cast<int64_t>(a.items->size()));
    if (a.is(ValueKind::text)) return script_integer(static_cast<int64_t>(a.text.size()));
    return depends();
  }
  if ((name == "any" || name == "all") && is_list(a)) return any_or_all(name, a);
  if (name == "list" && is_list(a)) return script_list(*a.items);
  return std::nullopt;
}

std::optional<ScriptValue> of_two(const std::string& name, const ScriptValue& a, const ScriptValue& b) {
  static const std::map<std::string, const char*> words{{"add", "add"},
                                                        {"sub", "sub"},
                                                        {"mul", "mul"},
                                                        {"div", "div"},
                                                        {"floordiv", "floordiv"},
                                                        {"floor_divide", "floordiv"},
                                                        {"true_divide", "div"},
                                                        {"remainder", "remainder"},
                                                        {"pow", "pow"}};
  const bool numbers = (is_number(a) || a.is(ValueKind::size)) && (is_number(b) || b.is(ValueKind::size));
  if (const auto word = words.find(name); word != words.end()) {
    if (numbers) return arithmetic(word->second, a, b);
    if (name == "add" && a.is(ValueKind::text)) return a;  // of messages
    if (name == "add" && is_list(a) && is_list(b)) {
      if (a.items->size() + b.items->size() > most_items) return depends();
      std::vector<ScriptValue> items = *a.items;
      items.insert(items.end(), b.items->begin(), b.items->end());
      return script_list(std::move(items));
    }
    return depends();
  }
  if (name == "eq" || name == "ne" || name == "lt" || name == "le" || name == "gt" || name == "ge")
    return comparison(name, a, b);
  if (name == "__is__" || name == "__isnot__") return identity_test(name, a, b);
  if (name == "__contains__" && is_list(a)) return contains(a, b);
  if (name == "__and__" || name == "__or__") {
    if (!is_whole(a) || !is_whole(b)) return depends();
    return script_boolean(name == "__and__" ? a.integer && b.integer : a.integer || b.integer);
  }
  if (name == "min" || name == "max") {
    if (!is_number(a) || !is_number(b)) return depends();
    return (real_of(a) < real_of(b)) == (name == "min") ? a : b;
  }
  if (name == "append" && is_list(a)) {
    if (is_list(b) || a.items->size() > most_items) return depends();
    a.items->push_back(b);
    return a;
  }
  return std::nullopt;
}

// As Python slices a list: from, to and step, each of which may be left out.
std::optional<ScriptValue> slice(const Operands& operands) {
  const auto count = static_cast<int64_t>(operands[0].items->size());
  const auto number = [&](size_t i, int64_t otherwise) -> std::optional<int64_t> {
    if (i >= operands.size() || operands[i].is(ValueKind::none)) return otherwise;
    if (!is_whole(operands[i])) return std::nullopt;
    return operands[i].integer;
  };
  const auto from = number(1, 0), to = number(2, count), step = number(3, 1);
  if (!from || !to || !step || *step < 1) return depends();
  const auto place = [count](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count); };
  std::vector<ScriptValue> out;
  for (int64_t i = place(*from); i < place(*to); i += std::min(*step, count))
    out.push_back((*operands[0].items)[static_cast<size_t>(i)]);
  return script_list(std::move(out));
}

// The numbers of range(first, last, step), as TorchScript writes a loop over it.
std::optional<ScriptValue> of_range(const std::string& name, const Operands& operands) {
  if (!std::ranges::all_of(operands, is_whole)) return depends();
  const int64_t a = operands[0].integer, b = operands[1].integer, c = operands[2].integer;
  constexpr int64_t most = int64_t{1} << 30;  // beyond are no loops, and products stay in range
  if (std::max({std::llabs(a), std::llabs(b), std::llabs(c)}) > most) return depends();
  if (name == "__derive_index") return b + a * c <= most ? script_integer(b + a * c) : depends();
  if (c == 0) return depends();
  const int64_t span = c > 0 ? b - a + c - 1 : a - b - c - 1;
  return script_integer(std::max<int64_t>(0, span / std::llabs(c)));
}

}  // namespace

std::optional<ScriptValue> computed(const std::string& name, const Operands& operands) {
  const auto blocks = [](const ScriptValue& one) { return one.is(ValueKind::unknown); };
  if (name == "format") return operands.empty() ? depends() : operands[0];  // of messages alone
  const auto unknown = std::ranges::find_if(operands, blocks);
  std::optional<ScriptValue> out;
  if (operands.size() == 1) out = of_one(name, operands[0]);
  if (name == "slice" && !operands.empty() && is_list(operands[0])) return slice(operands);
  if (operands.size() == 2) out = of_two(name, operands[0], operands[1]);
  if (operands.size() == 3 && (name == "__range_length" || name == "__derive_index"))
    out = of_range(name, operands);
  if (operands.size() == 3 && name == "div" && operands[2].is(ValueKind::text))
    out = of_two("floordiv", operands[0], operands[1]);
  if (!out) return out;
  for (const ScriptValue& one : operands) out->is_tensor = out->is_tensor || one.is_tensor;
  const bool decided = !out->is(ValueKind::unknown) || unknown == operands.end();
  return decided ? out : *unknown;
}

}  // namespace fetafix::formats::torch
