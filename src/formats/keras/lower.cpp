// What an inserted ONNX operator is as a Keras layer. Nothing else can be inserted.
#include <algorithm>

#include "formats/keras/edit_parts.h"

namespace fetafix::formats::keras {
namespace {

using graph::attribute_or;

// The constant operand of a node of two, as a number or a list along the last native axis.
Result<Json> factor(const graph::InsertNode& edit, const std::vector<int>& permutation,
                    bool& constant_first) {
  const Tensor* constant = nullptr;
  for (size_t i = 0; i < edit.operands.size(); ++i)
    if (edit.operands[i] && !edit.operands[i]->empty()) {
      constant = &*edit.operands[i];
      constant_first = i == 0;
    }
  if (!constant || !is_floating(constant->dtype())) return cant("its other operand is no constant");
  FETAFIX_TRY(const Tensor floats, cast(*constant, DType::float32));
  if (floats.size() == 1) return Json(shortest(floats.as<float>()[0]));
  // The one axis of more than one element, counted from the back, must be the last of the file's.
  int axis = -1;
  for (int i = 0; i < floats.rank(); ++i)
    if (floats.shape()[static_cast<size_t>(i)] > 1) {
      if (axis >= 0) return cant("its constant has several axes");
      axis = i;
    }
  const int from_back = floats.rank() - axis;
  bool last = from_back == 1;
  if (!permutation.empty()) {
    const int rank = static_cast<int>(permutation.size());
    if (from_back > rank) return cant("its constant has more axes than the value");
    last = permutation[static_cast<size_t>(rank - from_back)] == rank - 1;
  }
  if (!last) return cant("its constant does not lie along the channels");
  Json out = Json::array();
  for (float v : floats.as<float>()) out.push_back(shortest(v));
  return out;
}

Json negated(const Json& value) {
  if (value.is_number()) return -value.get<double>();
  Json out = Json::array();
  for (const Json& v : value) out.push_back(-v.get<double>());
  return out;
}

Json inverted(const Json& value) {
  if (value.is_number()) return shortest(1.f / value.get<float>());
  Json out = Json::array();
  for (const Json& v : value) out.push_back(shortest(1.f / v.get<float>()));
  return out;
}

Result<NewLayer> rescaling(const graph::InsertNode& edit, const std::vector<int>& permutation) {
  bool constant_first = false;
  FETAFIX_TRY(const Json value, factor(edit, permutation, constant_first));
  if (edit.type == "Add") return NewLayer{"Rescaling", {{"scale", 1.0}, {"offset", value}}};
  if (edit.type == "Mul") return NewLayer{"Rescaling", {{"scale", value}, {"offset", 0.0}}};
  if (edit.type == "Sub")
    return constant_first ? NewLayer{"Rescaling", {{"scale", -1.0}, {"offset", value}}}
                          : NewLayer{"Rescaling", {{"scale", 1.0}, {"offset", negated(value)}}};
  if (edit.type == "Div" && !constant_first)
    return NewLayer{"Rescaling", {{"scale", inverted(value)}, {"offset", 0.0}}};
  return cant("no layer computes that " + edit.type);
}

float number_at(const graph::InsertNode& edit, size_t operand, float otherwise) {
  if (operand >= edit.operands.size() || !edit.operands[operand] || edit.operands[operand]->empty())
    return otherwise;
  const auto numbers = to_doubles(*edit.operands[operand]);
  return numbers.ok() && numbers->size() == 1 ? static_cast<float>((*numbers)[0]) : otherwise;
}

Result<NewLayer> clip(const graph::InsertNode& edit) {
  constexpr float far = 3e38f;
  const float low = number_at(edit, 1, -far), high = number_at(edit, 2, far);
  if (low != 0.f) return cant("no layer clips at " + std::to_string(low));
  return NewLayer{"ReLU",
                  {{"max_value", high < far ? Json(shortest(high)) : Json()},
                   {"negative_slope", 0.0},
                   {"threshold", 0.0}}};
}

Result<std::vector<int64_t>> integers_at(const graph::InsertNode& edit, size_t operand) {
  if (operand >= edit.operands.size() || !edit.operands[operand] || edit.operands[operand]->empty())
    return cant("its parameters are not constant");
  return to_int64s(*edit.operands[operand]);
}

Result<NewLayer> pad(const graph::InsertNode& edit, const std::vector<int>& permutation) {
  if (attribute_or(edit.attributes, "mode", std::string("constant")) != "constant" ||
      number_at(edit, 2, 0.f) != 0.f)
    return cant("no layer pads with anything but zeros");
  FETAFIX_TRY(const auto view_pads, integers_at(edit, 1));
  const size_t rank = view_pads.size() / 2;
  if (rank < 3 || rank > 5) return cant("no layer pads a value of " + std::to_string(rank) + " axes");
  std::vector<int64_t> pads(2 * rank);
  for (size_t i = 0; i < rank; ++i) {
    const size_t native = permutation.empty() ? i : static_cast<size_t>(permutation[i]);
    pads[native] = view_pads[i];
    pads[native + rank] = view_pads[i + rank];
  }
  FETAFIX_TRY(const Json padding, padding_of(pads, true));
  Json settings = {{"padding", padding}};
  if (rank > 3) settings["data_format"] = "channels_last";
  return NewLayer{"ZeroPadding" + std::to_string(rank - 2) + "D", std::move(settings)};
}

Result<NewLayer> permute(const graph::InsertNode& edit, const std::vector<int>& permutation) {
  if (!permutation.empty()) return cant("the value has another layout in the view");
  const auto order = attribute_or(edit.attributes, "perm", std::vector<int64_t>{});
  if (order.empty() || order[0] != 0) return cant("no layer moves the batch");
  return NewLayer{"Permute", {{"dims", std::vector<int64_t>(order.begin() + 1, order.end())}}};
}

Result<NewLayer> reshape(const graph::InsertNode& edit, const std::vector<int>& permutation) {
  if (!permutation.empty()) return cant("the value has another layout in the view");
  FETAFIX_TRY(const auto shape, integers_at(edit, 1));
  if (shape.empty() || shape[0] > 1) return cant("no layer reshapes the batch");
  return NewLayer{"Reshape", {{"target_shape", std::vector<int64_t>(shape.begin() + 1, shape.end())}}};
}

Result<NewLayer> pool(const graph::InsertNode& edit, const std::vector<int>& permutation) {
  const auto window = attribute_or(edit.attributes, "kernel_shape", std::vector<int64_t>{});
  const size_t axes = window.size();
  if (permutation.size() != axes + 2) return cant("the value has another layout in the file");
  const auto pads = attribute_or(edit.attributes, "pads", std::vector<int64_t>(2 * axes, 0));
  if (std::ranges::any_of(pads, [](int64_t p) { return p != 0; })) return cant("pads of its own");
  return NewLayer{(edit.type == "MaxPool" ? "MaxPooling" : "AveragePooling") + std::to_string(axes) + "D",
                  {{"pool_size", window},
                   {"strides", attribute_or(edit.attributes, "strides", std::vector<int64_t>(axes, 1))},
                   {"padding", "valid"},
                   {"data_format", "channels_last"}}};
}

}  // namespace

const std::map<std::string, std::string>& merges() {
  static const std::map<std::string, std::string> classes{
      {"Add", "Add"},     {"Sum", "Add"},     {"Sub", "Subtract"}, {"Mul", "Multiply"},
      {"Max", "Maximum"}, {"Min", "Minimum"}, {"Mean", "Average"}};
  return classes;
}

bool is_merge(const std::string& class_name) {
  return class_name == "Concatenate" ||
         std::ranges::any_of(merges(), [&](const auto& one) { return one.second == class_name; });
}

std::optional<std::string> activation_of(const std::string& type, const Attributes& attributes,
                                         int generation) {
  static const std::map<std::string, std::string> names{
      {"Relu", "relu"},       {"Sigmoid", "sigmoid"},        {"Tanh", "tanh"},
      {"Softmax", "softmax"}, {"LogSoftmax", "log_softmax"}, {"Elu", "elu"},
      {"Selu", "selu"},       {"Softplus", "softplus"},      {"Softsign", "softsign"},
      {"Exp", "exponential"}, {"Identity", "linear"}};
  const auto found = names.find(type);
  if (found != names.end() && (attributes.empty() || type == "Softmax" || type == "LogSoftmax"))
    return found->second;
  if (type == "Gelu" && attribute_or(attributes, "approximate", std::string("none")) == "none") return "gelu";
  if (type == "HardSwish" && generation == 3) return "hard_silu";
  const float alpha = attribute_or(attributes, "alpha", 0.2f);
  if (type == "HardSigmoid" && std::abs(alpha - (generation == 3 ? 1.f / 6.f : 0.2f)) < 1e-6f)
    return "hard_sigmoid";
  return std::nullopt;
}

Result<NewLayer> lower(const graph::InsertNode& edit, const std::vector<int>& permutation, int generation) {
  const std::string& type = edit.type;
  if (!edit.other_operands.empty()) {
    if (type == "Concat" && permutation.empty())
      return NewLayer{"Concatenate", {{"axis", attribute_or(edit.attributes, "axis", int64_t{-1})}}};
    if (const auto merge = merges().find(type); merge != merges().end())
      return NewLayer{merge->second, Json::object()};
    return cant("no layer is a " + type + " of several tensors");
  }
  if (type == "Add" || type == "Mul" || type == "Sub" || type == "Div") return rescaling(edit, permutation);
  if (type == "Clip") return clip(edit);
  if (type == "Relu")
    return NewLayer{"ReLU", {{"max_value", nullptr}, {"negative_slope", 0.0}, {"threshold", 0.0}}};
  if (type == "LeakyRelu")
    return NewLayer{"LeakyReLU",
                    {{generation == 3 ? "negative_slope" : "alpha",
                      shortest(attribute_or(edit.attributes, "alpha", 0.01f))}}};
  if (type == "Elu")
    return NewLayer{"ELU", {{"alpha", shortest(attribute_or(edit.attributes, "alpha", 1.f))}}};
  if (type == "Softmax") {
    int64_t axis = attribute_or(edit.attributes, "axis", int64_t{-1});
    if (!permutation.empty())
      axis =
          permutation[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(permutation.size()) : axis)];
    return NewLayer{"Softmax", {{"axis", axis}}};
  }
  if (type == "Pad") return pad(edit, permutation);
  if (type == "Transpose") return permute(edit, permutation);
  if (type == "Reshape") return reshape(edit, permutation);
  if (type == "Flatten" && permutation.empty())
    return NewLayer{"Flatten", {{"data_format", "channels_last"}}};
  if (type == "MaxPool" || type == "AveragePool") return pool(edit, permutation);
  if (const auto name = activation_of(type, edit.attributes, generation))
    return NewLayer{"Activation", {{"activation", *name}}};
  return cant("no Keras layer is a " + type);
}

}  // namespace fetafix::formats::keras
