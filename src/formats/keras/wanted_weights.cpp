#include "formats/keras/wanted_weights.h"

#include <algorithm>

#include "formats/keras/calls.h"
#include "formats/keras/gates.h"

namespace fetafix::formats::keras {
namespace {

using Wanted = std::vector<WantedWeight>;

// The number of spatial axes that a class is named after; 0: none.
size_t axes_of(const std::string& class_name) {
  for (size_t n = 1; n <= 3; ++n)
    if (class_name.find(std::to_string(n) + "D") != std::string::npos) return n;
  return 0;
}

// A layer's settings and what it reads.
struct Asked {
  const std::string& class_name;
  const Json& config;
  const std::vector<std::optional<Shape>>& inputs;
  int generation;

  int64_t number(const char* key, int64_t otherwise = -1) const {
    const Json& value = member(config, key);
    return value.is_number_integer() && value.get<int64_t>() > 0 ? value.get<int64_t>() : otherwise;
  }
  bool flag(const char* key, bool otherwise = true) const {
    const Json& value = member(config, key);
    return value.is_boolean() ? value.get<bool>() : otherwise;
  }
  // One number for all axes, or one for each.
  Shape window(const char* key, size_t axes) const {
    const Json& value = member(config, key);
    Shape out(axes, -1);
    for (size_t i = 0; i < axes; ++i) {
      const Json& one = value.is_array() && value.size() == axes ? value[i] : value;
      if (one.is_number_integer() && one.get<int64_t>() > 0) out[i] = one.get<int64_t>();
    }
    return out;
  }
  // The size of a dimension of the first operand, counted from the end where negative.
  int64_t size(int64_t axis) const {
    if (inputs.empty() || !inputs[0]) return -1;
    const auto rank = static_cast<int64_t>(inputs[0]->size());
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank ? (*inputs[0])[static_cast<size_t>(axis)] : -1;
  }
  int64_t channels() const { return size(text_of(config, "data_format") == "channels_first" ? 1 : -1); }
};

int64_t product(int64_t a, int64_t b) {
  return a < 0 || b < 0 || a > int64_t{1} << 31 || b > int64_t{1} << 31 ? -1 : a * b;
}

int64_t quotient(int64_t a, int64_t b) {
  return a < 0 || b < 1 ? -1 : a / b;
}

void add(Wanted& out, const char* role, Shape shape) {
  out.push_back({"", static_cast<int>(out.size()), role, std::move(shape)});
}

Shape behind(Shape window, int64_t in, int64_t out) {
  window.push_back(in);
  window.push_back(out);
  return window;
}

std::optional<Wanted> convolution(const Asked& a) {
  const size_t axes = axes_of(a.class_name);
  const Shape window = a.window("kernel_size", axes);
  const int64_t filters = a.number("filters"), in = a.channels(), each = a.number("depth_multiplier", 1);
  Wanted out;
  int64_t bias = filters;
  if (a.class_name.starts_with("Depthwise")) {
    add(out, "depthwise_kernel", behind(window, in, each));
    bias = product(in, each);
  } else if (a.class_name.starts_with("Separable")) {
    add(out, "depthwise_kernel", behind(window, in, each));
    add(out, "pointwise_kernel", behind(Shape(axes, 1), product(in, each), filters));
  } else if (a.class_name.ends_with("Transpose")) {
    add(out, "kernel", behind(window, filters, in));
  } else {
    add(out, "kernel", behind(window, quotient(in, a.number("groups", 1)), filters));
  }
  if (a.flag("use_bias")) add(out, "bias", {bias});
  return out;
}

std::optional<Wanted> dense(const Asked& a) {
  Wanted out;
  add(out, "kernel", {a.size(-1), a.number("units")});
  if (a.flag("use_bias")) add(out, "bias", {a.number("units")});
  return out;
}

std::optional<Wanted> normalization(const Asked& a) {
  const Json& axis = member(a.config, "axis");
  const Json& one = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
  if (axis.is_array() && axis.size() > 1) return std::nullopt;
  const int64_t count = a.size(one.is_number_integer() ? one.get<int64_t>() : -1);
  Wanted out;
  if (a.flag("scale")) add(out, "gamma", {count});
  if (a.flag("center")) add(out, "beta", {count});
  if (a.class_name != "BatchNormalization") return out;
  add(out, "moving_mean", {count});
  add(out, "moving_variance", {count});
  return out;
}

std::optional<Wanted> recurrent(const Asked& a) {
  const int64_t gates = gates_of(a.class_name), units = a.number("units"), all = product(gates, units);
  Wanted out;
  add(out, "kernel", {a.size(-1), all});
  add(out, "recurrent_kernel", {units, all});
  const bool two =
      a.class_name == "GRU" && a.flag("reset_after", a.generation == 3 || a.config.contains("reset_after"));
  if (a.flag("use_bias")) add(out, "bias", two ? Shape{2, all} : Shape{all});
  for (WantedWeight& one : out) one.part = "cell";
  return out;
}

std::optional<Wanted> bidirectional(const Asked& a) {
  const Json& inner = member(a.config, "layer");
  const std::string class_name = text_of(inner, "class_name");
  if (gates_of(class_name) == 0) return std::nullopt;
  Wanted out;
  for (const char* side : {"forward_layer", "backward_layer"}) {
    auto one = recurrent({class_name, member(inner, "config"), a.inputs, a.generation});
    for (WantedWeight& weight : *one) weight.part = std::string(side) + "/cell";
    out.insert(out.end(), one->begin(), one->end());
  }
  return out;
}

std::optional<Wanted> embedding(const Asked& a) {
  Wanted out;
  add(out, "embeddings", {a.number("input_dim"), a.number("output_dim")});
  return out;
}

struct Row {
  bool (*is)(const std::string& class_name);
  std::optional<Wanted> (*weights)(const Asked& asked);
};

constexpr Row rows[]{
    {[](const std::string& c) { return c == "Dense"; }, dense},
    {[](const std::string& c) { return c == "Embedding"; }, embedding},
    {[](const std::string& c) { return c == "Bidirectional"; }, bidirectional},
    {[](const std::string& c) { return gates_of(c) > 0; }, recurrent},
    {[](const std::string& c) {
       return axes_of(c) > 0 && c.find("Conv") != std::string::npos && c != "ConvLSTM2D";
     },
     convolution},
    {[](const std::string& c) {
       return c == "BatchNormalization" || c == "LayerNormalization" || c == "GroupNormalization";
     },
     normalization},
};

}  // namespace

std::optional<std::vector<WantedWeight>> wanted_weights(const std::string& class_name, const Json& config,
                                                        const std::vector<std::optional<Shape>>& inputs,
                                                        int generation) {
  for (const Row& row : rows)
    if (row.is(class_name)) return row.weights({class_name, config, inputs, generation});
  return std::nullopt;
}

Json settings_of_weights(const std::string& class_name, const Json& config,
                         const std::vector<std::optional<Shape>>& stored) {
  Json out = Json::object();
  const auto say = [&](const char* key, Json value) {
    if (config.contains(key)) out[key] = std::move(value);
  };
  const auto shape = [&](size_t k, size_t rank) {
    return k < stored.size() && stored[k] && stored[k]->size() == rank ? *stored[k] : Shape();
  };
  const size_t axes = axes_of(class_name);
  if (class_name.find("Conv") != std::string::npos && axes > 0) {
    const Shape kernel = shape(0, axes + 2), point = shape(1, axes + 2);
    if (kernel.empty()) return out;
    say("kernel_size", Json(Shape(kernel.begin(), kernel.begin() + static_cast<std::ptrdiff_t>(axes))));
    say("depth_multiplier", kernel.back());
    if (class_name.starts_with("Separable") && !point.empty()) say("filters", point.back());
    if (class_name.ends_with("Transpose")) say("filters", kernel[axes]);
    if (class_name.size() == 6) say("filters", kernel.back());  // ConvND
  } else if (class_name == "Dense") {
    if (const Shape kernel = shape(0, 2); !kernel.empty()) say("units", kernel[1]);
  } else if (gates_of(class_name) > 0) {
    if (const Shape kernel = shape(1, 2); !kernel.empty()) say("units", kernel[0]);
  } else if (class_name == "Embedding") {
    if (const Shape table = shape(0, 2); !table.empty()) {
      say("input_dim", table[0]);
      say("output_dim", table[1]);
    }
  }
  return out;
}

bool fits(const Shape& stored, const Shape& wanted) {
  return std::ranges::equal(stored, wanted, [](int64_t a, int64_t b) { return b < 0 || a == b; });
}

}  // namespace fetafix::formats::keras
