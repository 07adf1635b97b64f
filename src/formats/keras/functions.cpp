#include "formats/keras/functions.h"

#include <algorithm>

namespace fetafix::formats::keras {
namespace {

constexpr int64_t largest = int64_t{1} << 32;  // of a whole number that is a size, an axis or an index
constexpr size_t most_axes = 8;

bool is_index(const Json& v) {
  return v.is_number_integer() && v.get<int64_t>() >= -largest && v.get<int64_t>() <= largest;
}

// Appends the numbers of lists within lists; false: no numbers, or lists of different lengths.
bool collect(const Json& literal, size_t axis, Shape& shape, std::vector<double>& numbers, bool& whole) {
  if (literal.is_number() || literal.is_boolean()) {
    if (axis != shape.size()) return false;
    whole &= !literal.is_number_float();
    numbers.push_back(literal.is_boolean() ? literal.get<bool>() : literal.get<double>());
    return true;
  }
  if (!literal.is_array() || literal.empty() || axis >= most_axes) return false;
  const auto length = static_cast<int64_t>(literal.size());
  if (axis == shape.size()) {
    if (!numbers.empty()) return false;
    shape.push_back(length);
  }
  return shape[axis] == length && std::ranges::all_of(literal, [&](const Json& item) {
           return collect(item, axis + 1, shape, numbers, whole);
         });
}

Result<Operand> operand_of(Operation& op, const Argument& argument, const std::string& name,
                           size_t& tensors) {
  if (argument.tensor) return op.in(tensors++);
  if (!argument.is_literal()) return Operation::unsupported("argument '" + name + "' is a list of lists");
  return literal_operand(op, argument.literal, name);
}

}  // namespace

const Json& literal_of(const Operation& op, size_t position, const std::string& name) {
  const Argument* argument = op.argument(position, name);
  return argument ? argument->literal : op.setting(name);
}

std::string name_of_argument(const Operation& op, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const Argument* said = op.call().named(name);
    if (said && (said->tensor || !said->list.empty() || !said->literal.is_null())) return name;
  }
  return *names.begin();
}

std::optional<Tensor> literal_tensor(const Json& literal) {
  Shape shape;
  std::vector<double> numbers;
  bool whole = true;
  if (!collect(literal, 0, shape, numbers, whole)) return std::nullopt;
  if (!whole) return Tensor::of(std::vector<float>(numbers.begin(), numbers.end()), shape);
  if (std::ranges::any_of(numbers, [](double v) { return std::abs(v) > static_cast<double>(largest); }))
    return std::nullopt;
  return Tensor::of(std::vector<int64_t>(numbers.begin(), numbers.end()), shape);
}

Result<Operand> literal_operand(Operation& op, const Json& literal, const std::string& name) {
  const auto numbers = literal_tensor(literal);
  if (!numbers) return Operation::unsupported("argument '" + name + "' is neither a tensor nor numbers");
  // As TensorFlow and Keras do: numbers beside a tensor are of its type.
  DType type = DType::float32;
  if (op.operands() > 0 && is_integer(op.dtype(*op.in(0))) && numbers->dtype() == DType::int64)
    type = op.dtype(*op.in(0));
  FETAFIX_TRY(const Tensor typed, cast(*numbers, type));
  return op.constant(name, typed);
}

Result<Operand> operand_at(Operation& op, size_t position, const std::string& name) {
  if (auto tensor = op.tensor(position, name)) return *tensor;
  if (!op.argument(position, name)) return Operation::unsupported("argument '" + name + "' is missing");
  return literal_operand(op, literal_of(op, position, name), name);
}

Result<std::vector<Operand>> operands_at(Operation& op, size_t position, const std::string& name) {
  const Argument* argument = op.argument(position, name);
  std::vector<Operand> out;
  size_t tensors = 0;
  if (!argument || argument->is_literal())
    return Operation::unsupported("argument '" + name + "' is no list of tensors");
  for (const Argument& item : argument->tensor ? std::vector<Argument>{*argument} : argument->list) {
    FETAFIX_TRY(const Operand one, operand_of(op, item, name, tensors));
    out.push_back(one);
  }
  if (tensors != op.operands()) return Operation::unsupported("it is called with other tensors besides");
  return out;
}

std::optional<std::vector<int64_t>> integers_at(const Operation& op, size_t position,
                                                const std::string& name) {
  const Json& literal = literal_of(op, position, name);
  if (is_index(literal)) return std::vector<int64_t>{literal.get<int64_t>()};
  if (!literal.is_array() || literal.empty() || !std::ranges::all_of(literal, is_index)) return std::nullopt;
  return literal.get<std::vector<int64_t>>();
}

std::optional<int64_t> integer_at(const Operation& op, size_t position, const std::string& name,
                                  int64_t otherwise) {
  if (is_default(op, position, name, Json())) return otherwise;
  const auto numbers = integers_at(op, position, name);
  return numbers && numbers->size() == 1 ? std::optional((*numbers)[0]) : std::nullopt;
}

std::optional<float> number_at(const Operation& op, size_t position, const std::string& name,
                               float otherwise) {
  if (is_default(op, position, name, Json())) return otherwise;
  const Json& value = literal_of(op, position, name);
  return value.is_number() ? std::optional(value.get<float>()) : std::nullopt;
}

bool truth_at(const Operation& op, size_t position, const std::string& name) {
  return literal_of(op, position, name) == Json(true);
}

std::string text_at(const Operation& op, size_t position, const std::string& name,
                    const std::string& otherwise) {
  if (is_default(op, position, name, Json())) return otherwise;
  const Json& value = literal_of(op, position, name);
  return value.is_string() ? value.get<std::string>() : "?";
}

bool is_default(const Operation& op, size_t position, const std::string& name, const Json& otherwise) {
  const Argument* argument = op.argument(position, name);
  const Json& value = argument ? argument->literal : op.setting(name);
  return !(argument && !argument->is_literal()) && (value.is_null() || value == otherwise);
}

}  // namespace fetafix::formats::keras
