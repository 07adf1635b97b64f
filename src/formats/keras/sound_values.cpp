// Values that no layer takes: what a setting may be, and what it may have been.
#include <algorithm>

#include "base/near.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/editor.h"

namespace fetafix::formats::keras {
namespace {

using Words = std::vector<std::string>;

size_t axes_of(const std::string& class_name) {
  for (size_t n = 1; n <= 3; ++n)
    if (class_name.find(std::to_string(n) + "D") != std::string::npos) return n;
  return 2;
}

// What a setting may be in a layer of a class.
struct Domain {
  const char* key;
  bool (*takes)(const Json& value, const std::string& class_name);
  // In place of another value, the likeliest first.
  std::vector<Json> (*instead)(const std::string& class_name);
  const char* words;  // for people
};

bool is_count(const Json& value, const std::string&) {
  return value.is_number_integer() && value.get<int64_t>() >= 1;
}
bool is_count_or_null(const Json& value, const std::string& name) {
  return value.is_null() || is_count(value, name);
}
bool is_flag(const Json& value, const std::string&) {
  return value.is_boolean() || value.is_number_integer();
}
bool is_share(const Json& value, const std::string&) {
  return value.is_null() || (value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 1);
}
bool is_small(const Json& value, const std::string&) {
  return value.is_number() && value.get<double>() >= 0;
}
bool is_window(const Json& value, const std::string& class_name) {
  const bool pool = class_name.find("Pooling") != std::string::npos;
  if (value.is_null()) return pool;
  if (value.is_array() && value.size() != axes_of(class_name)) return false;
  return value.is_array() ? std::ranges::all_of(value, [](const Json& n) { return is_count(n, ""); })
                          : is_count(value, "");
}

std::vector<Json> one(const std::string&) {
  return {1};
}
std::vector<Json> no(const std::string&) {
  return {false, true};
}
std::vector<Json> yes(const std::string&) {
  return {true, false};
}
std::vector<Json> none(const std::string&) {
  return {0.0};
}
std::vector<Json> windows(const std::string& class_name) {
  std::vector<Json> out;
  for (int size : {1, 2, 3}) out.push_back(Json(std::vector<int>(axes_of(class_name), size)));
  return out;
}
std::vector<Json> wide_windows(const std::string& class_name) {
  auto out = windows(class_name);
  std::rotate(out.begin(), out.begin() + 1, out.end());
  return out;
}

bool is_text_in(const Json& value, std::initializer_list<const char*> words) {
  return value.is_string() && std::ranges::any_of(words, [&](const char* word) { return value == word; });
}
bool is_padding(const Json& value, const std::string& class_name) {
  if (class_name.starts_with("ZeroPadding")) return true;
  return is_text_in(value, {"valid", "same"}) || (class_name == "Conv1D" && value == "causal");
}
std::vector<Json> paddings(const std::string& class_name) {
  if (class_name == "Conv1D") return {"same", "valid", "causal"};
  return {"same", "valid"};
}
bool is_format(const Json& value, const std::string&) {
  return value.is_null() || is_text_in(value, {"channels_last", "channels_first"});
}
std::vector<Json> formats(const std::string&) {
  return {"channels_last", "channels_first"};
}
bool is_interpolation(const Json& value, const std::string&) {
  return is_text_in(
      value, {"nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"});
}
std::vector<Json> interpolations(const std::string&) {
  return {"nearest", "bilinear"};
}
bool is_merge_mode(const Json& value, const std::string&) {
  return value.is_null() || is_text_in(value, {"concat", "sum", "mul", "ave"});
}
std::vector<Json> merge_modes(const std::string&) {
  return {"concat", "sum", "mul", "ave"};
}
// Sizes behind the batch: one may be open.
bool is_shape(const Json& value, const std::string&) {
  return value.is_array() &&
         std::ranges::all_of(value,
                             [](const Json& n) { return n.is_number_integer() && (n == -1 || n > 0); }) &&
         std::ranges::count(value, Json(-1)) <= 1;
}
std::vector<Json> shapes(const std::string&) {
  return {Json::array({-1})};
}
bool is_dims(const Json& value, const std::string&) {
  if (!value.is_array()) return false;
  std::vector<int64_t> axes{0};
  for (const Json& n : value) axes.push_back(n.is_number_integer() ? n.get<int64_t>() : -1);
  return is_order(std::move(axes));
}
std::vector<Json> orders(const std::string&) {
  return {Json::array({2, 1}), Json::array({2, 3, 1}), Json::array({3, 1, 2})};
}

constexpr const char* counts = "a number of at least 1";
constexpr const char* sizes = "a number of at least 1 for each axis";
constexpr const char* flags = "true or false";
constexpr Domain domains[]{
    {"filters", is_count, one, counts},
    {"units", is_count, one, counts},
    {"depth_multiplier", is_count, one, counts},
    {"num_heads", is_count, one, counts},
    {"key_dim", is_count, one, counts},
    {"value_dim", is_count_or_null, one, counts},
    {"input_dim", is_count_or_null, one, counts},
    {"output_dim", is_count, one, counts},
    {"n", is_count, one, counts},
    {"kernel_size", is_window, wide_windows, sizes},
    {"pool_size", is_window, wide_windows, sizes},
    {"size", is_window, wide_windows, sizes},
    {"strides", is_window, windows, sizes},
    {"dilation_rate", is_window, windows, sizes},
    {"padding", is_padding, paddings, "'valid' or 'same'"},
    {"data_format", is_format, formats, "'channels_last' or 'channels_first'"},
    {"interpolation", is_interpolation, interpolations, "'nearest' or 'bilinear'"},
    {"merge_mode", is_merge_mode, merge_modes, "'concat', 'sum', 'mul' or 'ave'"},
    {"target_shape", is_shape, shapes, "sizes, one of which may be open"},
    {"dims", is_dims, orders, "an order of the axes behind the batch"},
    {"use_bias", is_flag, yes, flags},
    {"center", is_flag, yes, flags},
    {"return_sequences", is_flag, no, flags},
    {"return_state", is_flag, no, flags},
    {"go_backwards", is_flag, no, flags},
    {"stateful", is_flag, no, flags},
    {"keepdims", is_flag, no, flags},
    {"reset_after", is_flag, yes, flags},
    {"rate", is_share, none, "a number from 0 to 1"},
    {"momentum", is_small, none, "a number from 0 to 1"},
    {"epsilon", is_small,
     [](const std::string&) {
       return std::vector<Json>{1e-3, 1e-6};
     },
     "a small number"},
};

// A word that is nearly one of those allowed is that one.
void put_first(std::vector<Json>& values, const Json& wrong) {
  if (!wrong.is_string()) return;
  Words words;
  for (const Json& value : values)
    if (value.is_string()) words.push_back(value.get<std::string>());
  const auto near = near_names(wrong.get<std::string>(), words, 1);
  if (near.empty()) return;
  std::stable_partition(values.begin(), values.end(), [&](const Json& value) { return value == near[0]; });
}

bool is_policy(const std::string& name) {
  static const Words known{"float32",  "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16",
                           "int8",     "int16",   "int32",    "int64",   "uint8",         "uint16",
                           "uint32",   "uint64",  "bool",     "string",  "_infer",        "int8_from_float32",
                           "complex64"};
  return std::ranges::find(known, name) != known.end() || name.find("_from_") != std::string::npos;
}

}  // namespace

// A type by name, or as {"class_name": "DTypePolicy", "config": {"name": "float32"}}.
bool DefectFinder::check_value(const Entry& entry, const std::string& key) {
  const Json& value = entry.config()[key];
  const std::string place = entry.place + "/config/" + escaped(key);
  if (key == "dtype") {
    const bool object = member(member(value, "config"), "name").is_string();
    const std::string name = object              ? text_of(value["config"], "name")
                             : value.is_string() ? value.get<std::string>()
                                                 : "";
    if (name.empty() || is_policy(name)) return false;
    Defect out = defect("unsupported", "unknown-name",
                        "layer '" + entry.path + "' computes in '" + name + "', which no Keras has",
                        "save the model in float32");
    out.ways.push_back(just(set(place + (object ? "/config/name" : ""), "float32")));
    return add(entry.path, std::move(out));
  }
  for (const Domain& domain : domains) {
    if (key != domain.key || domain.takes(value, entry.class_name())) continue;
    // A RandomCrop's or Rescaling's word of the same name is something else.
    auto values = domain.instead(entry.class_name());
    put_first(values, value);
    Defect out = defect("hyperparameters", "impossible-setting",
                        "'" + key + "' of layer '" + entry.path + "' (" + entry.class_name() + ") is " +
                            dump_json(value).substr(0, 60) + ", expected " + domain.words,
                        "check how the converter fills settings");
    for (const Json& other : values) out.ways.push_back(just(set(place, other)));
    return add(entry.path, std::move(out));
  }
  return false;
}

bool DefectFinder::check_values() {
  for (const Entry& entry : entries()) {
    if (is_operation(*entry.json, now_.generation()) || !entry.config().is_object()) continue;
    if (!find_lift_rule(entry.class_name(), false)) continue;
    for (const auto& [key, value] : entry.config().items())
      if (check_value(entry, key)) return true;
  }
  return check_axes();
}

}  // namespace fetafix::formats::keras
