// Settings that a class does not take or can't do without, and functions and objects that no Keras has.
#include <algorithm>

#include "base/near.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/settings.h"

namespace fetafix::formats::keras {
namespace {

constexpr const char* advice = "save the model with the Keras that is to load it";

// A setting that is not said and that a word may have meant.
std::optional<std::string> meant(const std::string& word, const Json& config, const ClassSettings& known,
                                 int generation) {
  std::vector<std::string> unsaid;
  for (const auto& [name, setting] : known.settings)
    if (!config.contains(name) && known.takes(name, generation)) unsaid.push_back(name);
  for (const char* name : {"name", "trainable", "dtype"})
    if (!config.contains(name)) unsaid.emplace_back(name);
  const auto near = near_names(word, unsaid, 1);
  return near.empty() ? std::nullopt : std::optional(near[0]);
}

// Numbers for settings that a layer can't do without; what is right shows when it computes.
std::vector<Json> guesses(const std::string& name) {
  if (name == "filters" || name == "units") return {1};  // weights say it
  if (name == "kernel_size" || name == "pool_size") return {2, 3, 1};
  if (name == "activation") return {"relu"};
  if (name == "rate" || name == "stddev" || name == "factor") return {0.1};
  if (name == "scale") return {1.0};
  if (name == "dims") return {Json::array({2, 1}), Json::array({2, 3, 1}), Json::array({3, 1, 2})};
  if (name == "n" || name == "input_dim" || name == "output_dim") return {1};
  return {};
}

// What the file itself says of a tensor that a layer makes: whoever reads it states its shape.
Json stated_output(const std::vector<Entry>& all, const Entry& entry) {
  for (const Entry& reader : all) {
    const Json& calls = member(*reader.json, "inbound_nodes");
    if (!calls.is_array()) continue;
    for (const Json& node : calls) {
      const auto call = call_of(node);
      if (!call.ok()) continue;
      const auto tensors = call->tensors();
      const auto shapes = call->shapes();
      for (size_t i = 0; i < tensors.size(); ++i)
        if (tensors[i].layer == name_of(*entry.json) && shapes[i] && shapes[i]->is_array()) return *shapes[i];
    }
  }
  return {};
}

const std::vector<std::string>& objects_of(const std::string& key) {
  static const std::vector<std::string> initializers{"Constant",
                                                     "GlorotNormal",
                                                     "GlorotUniform",
                                                     "HeNormal",
                                                     "HeUniform",
                                                     "Identity",
                                                     "LecunNormal",
                                                     "LecunUniform",
                                                     "Ones",
                                                     "Orthogonal",
                                                     "RandomNormal",
                                                     "RandomUniform",
                                                     "Zeros",
                                                     "STFT",
                                                     "TruncatedNormal",
                                                     "VarianceScaling",
                                                     "IdentityInitializer",
                                                     "OrthogonalInitializer",
                                                     "STFTInitializer",
                                                     "constant",
                                                     "glorot_normal",
                                                     "glorot_uniform",
                                                     "he_normal",
                                                     "he_uniform",
                                                     "identity",
                                                     "lecun_normal",
                                                     "lecun_uniform",
                                                     "ones",
                                                     "orthogonal",
                                                     "random_normal",
                                                     "random_uniform",
                                                     "truncated_normal",
                                                     "variance_scaling",
                                                     "zeros",
                                                     "uniform",
                                                     "normal",
                                                     "one",
                                                     "zero"};
  static const std::vector<std::string> regularizers{"L1", "L2", "L1L2",  "OrthogonalRegularizer",
                                                     "l1", "l2", "l1_l2", "orthogonal_regularizer"};
  static const std::vector<std::string> constraints{
      "MaxNorm",  "MinMaxNorm",   "NonNeg",  "UnitNorm",  "RadialConstraint",
      "max_norm", "min_max_norm", "non_neg", "unit_norm", "radial_constraint"};
  static const std::vector<std::string> none;
  return key.ends_with("_initializer")   ? initializers
         : key.ends_with("_regularizer") ? regularizers
         : key.ends_with("_constraint")  ? constraints
                                         : none;
}

// Of an initializer nothing counts once weights are loaded.
Json otherwise(const std::string& key) {
  if (!key.ends_with("_initializer")) return nullptr;
  return key.starts_with("gamma") || key.starts_with("moving_variance") ? "ones" : "zeros";
}

}  // namespace

bool DefectFinder::check_keys(const Entry& entry) {
  const auto known = class_settings().find(entry.class_name());
  if (known == class_settings().end()) return false;
  const int generation = now_.generation();
  for (const auto& [key, value] : entry.config().items()) {
    if (known->second.takes(key, generation) || is_of_all(key, generation)) continue;
    const std::string place = entry.place + "/config/" + escaped(key);
    // An input's shape under the other generation's key is a defect of its own (check_inputs).
    if (entry.class_name() == "InputLayer" && key.starts_with("batch_")) continue;
    const bool foreign = known->second.settings.contains(key) || is_of_all(key, 5 - generation);
    const auto other = foreign ? std::nullopt : meant(key, entry.config(), known->second, generation);
    Defect out = defect("unsupported", foreign ? "foreign-setting" : "unknown-setting",
                        "layer '" + entry.path + "' (" + entry.class_name() + ") has the setting '" + key +
                            "', which " +
                            (foreign ? "Keras " + std::to_string(5 - generation) + " writes and Keras " +
                                           std::to_string(generation) + " does not take"
                             : other ? "it does not take; '" + *other + "' is not said"
                                     : "it does not take"),
                        advice);
    out.ways.push_back(just(set(place, std::nullopt)));
    if (other) out.ways[0].push_back(set(entry.place + "/config/" + escaped(*other), value));
    if (add(entry.path, std::move(out))) return true;
  }
  return false;
}

bool DefectFinder::check_required(const Entry& entry) {
  const auto known = class_settings().find(entry.class_name());
  if (known == class_settings().end() || !entry.config().is_object()) return false;
  for (const auto& [name, setting] : known->second.settings) {
    if (!setting.required || entry.config().contains(name)) continue;
    auto values = guesses(name);
    if (name == "target_shape")
      if (const Json shape = stated_output(entries(), entry); shape.is_array() && !shape.empty())
        values = {Json(std::vector<Json>(shape.begin() + 1, shape.end()))};
    Defect out = defect("hyperparameters", "missing-setting",
                        "layer '" + entry.path + "' (" + entry.class_name() + ") lacks the setting '" + name +
                            "', without which it can't be made",
                        advice);
    for (const Json& value : values)
      out.ways.push_back(just(set(entry.place + "/config/" + escaped(name), value)));
    if (add(entry.path, std::move(out))) return true;
  }
  return false;
}

// An initializer, regularizer or constraint by its name, or as {"class_name", "config"}.
bool DefectFinder::check_made_by(const Entry& entry, const std::string& key) {
  const auto& known = objects_of(key);
  const Json& value = entry.config()[key];
  if (known.empty() || value.is_null()) return false;
  const bool custom = value.is_object() && !is_keras_module(text_of(value, "module"));
  const std::string name = value.is_string() ? value.get<std::string>() : text_of(value, "class_name");
  if (custom || std::ranges::find(known, name) != known.end()) return false;
  const std::string place = entry.place + "/config/" + escaped(key);
  const auto near = near_names(name, known, 1);
  Defect out =
      defect("unsupported", "unknown-name",
             "'" + key + "' of layer '" + entry.path + "' is '" + name + "', which no Keras has", advice);
  if (!near.empty())
    out.ways.push_back(just(set(value.is_string() ? place : place + "/class_name", near[0])));
  out.ways.push_back(just(set(place, otherwise(key))));
  return add(entry.path, std::move(out));
}

bool DefectFinder::check_settings() {
  const auto all = entries();
  for (const Entry& entry : all) {
    if (is_operation(*entry.json, now_.generation()) || !entry.config().is_object()) continue;
    if (!is_keras_module(text_of(*entry.json, "module"))) continue;
    if (check_keys(entry) || check_required(entry)) return true;
    for (const auto& [key, value] : entry.config().items())
      if (check_function(entry, key) || check_made_by(entry, key)) return true;
  }
  return false;
}

}  // namespace fetafix::formats::keras
