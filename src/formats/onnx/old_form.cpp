#include "formats/onnx/old_form.h"

#include <algorithm>
#include <functional>

#include "formats/onnx/upgrade.h"

namespace fetafix::formats::onnx {
namespace {

using graph::InsertNode;

bool is_given(const InsertNode& insert, size_t operand) {
  return operand < insert.operands.size() && insert.operands[operand] && !insert.operands[operand]->empty();
}

// Whether something varies where older operator sets want a number.
bool varies_behind_the_first(const InsertNode& insert) {
  const bool open =
      std::any_of(insert.operands.begin() + std::min<std::ptrdiff_t>(1, std::ssize(insert.operands)),
                  insert.operands.end(), [](const auto& operand) { return !operand; });
  return open || std::any_of(insert.other_operands.begin(), insert.other_operands.end(),
                             [](const auto& other) { return other.first > 0; });
}

bool take_ints(InsertNode& insert, size_t operand, const std::string& name) {
  if (!is_given(insert, operand)) return true;
  auto numbers = to_int64s(*insert.operands[operand]);
  if (!numbers.ok()) return false;
  insert.attributes[name] = std::move(numbers).value();
  return true;
}

bool take_number(InsertNode& insert, size_t operand, const std::string& name) {
  if (!is_given(insert, operand)) return true;
  const Tensor& number = *insert.operands[operand];
  if (number.dtype() != DType::float32 || number.size() != 1) return false;
  insert.attributes[name] = number.as<float>()[0];
  return true;
}

bool axes(InsertNode& insert) {
  if (graph::attribute_or(insert.attributes, "noop_with_empty_axes", int64_t{0}) != 0) return false;
  insert.attributes.erase("noop_with_empty_axes");
  return take_ints(insert, 1, "axes");
}

bool clip(InsertNode& insert) {
  return take_number(insert, 1, "min") && take_number(insert, 2, "max");
}

bool pad(InsertNode& insert) {
  return !is_given(insert, 3) && take_ints(insert, 1, "pads") && take_number(insert, 2, "value");
}

bool slice(InsertNode& insert) {
  if (is_given(insert, 4)) {
    const auto steps = to_int64s(*insert.operands[4]);
    if (!steps.ok() || std::any_of(steps->begin(), steps->end(), [](int64_t s) { return s != 1; }))
      return false;
  }
  return take_ints(insert, 1, "starts") && take_ints(insert, 2, "ends") && take_ints(insert, 3, "axes");
}

// Before opset 14 the number of outputs says whether it trains; one that is put in has one.
bool batch_normalization(InsertNode& insert) {
  if (graph::attribute_or(insert.attributes, "training_mode", int64_t{0}) != 0) return false;
  insert.attributes.erase("training_mode");
  return true;
}

// Along the last axis it means the same in all operator sets.
bool softmax(InsertNode& insert) {
  if (graph::attribute_or(insert.attributes, "axis", int64_t{-1}) != -1) return false;
  insert.attributes["axis"] = int64_t{-1};  // what is left out means another one there
  return true;
}

struct Form {
  bool operands_become_attributes;
  std::function<bool(InsertNode&)> change;
};

Form form_of(const std::string& type) {
  if (type == "BatchNormalization") return {false, batch_normalization};
  if (type == "Softmax" || type == "LogSoftmax" || type == "Hardmax") return {false, softmax};
  if (type == "Clip") return {true, clip};
  if (type == "Pad") return {true, pad};
  if (type == "Slice") return {true, slice};
  if (type == "Squeeze" || type == "Unsqueeze" || type.starts_with("Reduce")) return {true, axes};
  return {};
}

}  // namespace

Error written_otherwise(const std::string& type, int opset) {
  return {ErrorKind::unsupported, "operator set " + std::to_string(opset) + " of this file writes " + type +
                                      " otherwise; convert the file to " + std::to_string(form_since(type)) +
                                      " or newer first"};
}

Result<InsertNode> in_old_form(InsertNode insert, int opset) {
  if (opset >= form_since(insert.type)) return insert;
  const Form form = form_of(insert.type);
  const bool possible = form.change && !(form.operands_become_attributes && varies_behind_the_first(insert));
  if (!possible || !form.change(insert)) return written_otherwise(insert.type, opset);
  if (form.operands_become_attributes) insert.operands.resize(std::min<size_t>(insert.operands.size(), 1));
  return insert;
}

}  // namespace fetafix::formats::onnx
