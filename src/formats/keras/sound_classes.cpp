// Classes that no Keras has, and modules that do not hold them.
#include <algorithm>
#include <tuple>

#include "base/near.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/editor.h"
#include "formats/keras/settings.h"

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_ways = 5;  // each costs a start of the runtime

bool is_known(const std::string& class_name) {
  return class_settings().contains(class_name) || is_another_class(class_name) ||
         find_lift_rule(class_name, false) || is_model_class(class_name);
}

std::vector<std::string> known_classes() {
  std::vector<std::string> out;
  for (const auto& [name, settings] : class_settings()) out.push_back(name);
  return out;
}

size_t operands_of(const Json& entry) {
  const Json& calls = member(entry, "inbound_nodes");
  if (!calls.is_array() || calls.empty()) return 1;
  const auto call = call_of(calls[0]);
  return call.ok() ? call->tensors().size() : 1;
}

// The number of spatial axes that a class is named after; 0: none.
size_t axes_of(const std::string& class_name) {
  for (size_t n = 1; n <= 3; ++n)
    if (class_name.ends_with(std::to_string(n) + "D") ||
        class_name.ends_with(std::to_string(n) + "DTranspose"))
      return n;
  return 0;
}

// ... and that settings say a number for each of; 0: none does.
size_t axes_said(const Json& config) {
  for (const char* key : {"kernel_size", "pool_size", "size", "strides"})
    if (member(config, key).is_array()) return config[key].size();
  for (const char* key : {"padding", "cropping"})
    if (const Json& sides = member(config, key); sides.is_array() && !sides.empty())
      return sides[0].is_array() ? sides.size() : 1;
  return 0;
}

// How well settings go with a class: how many it does not take, and how many of its own are not said.
std::pair<size_t, size_t> misfits(const std::string& class_name, const Json& config,
                                  const ClassSettings& known, int generation) {
  size_t foreign = 0, said = 0, own = 0;
  for (const auto& [key, value] : config.items()) {
    if (known.takes(key, generation))
      ++said;
    else
      foreign += !is_of_all(key, generation);
  }
  foreign += axes_said(config) != 0 && axes_of(class_name) != 0 && axes_said(config) != axes_of(class_name);
  for (const auto& [key, setting] : known.settings) own += setting.only == 0 || setting.only == generation;
  return {foreign, own - said};
}

// What an entry may be an instance of, by what is said of it: its settings, what it reads, what it is called.
std::vector<std::string> likely_classes(const Json& entry, int generation) {
  const auto near = near_names(text_of(entry, "class_name"), known_classes(), 3);
  std::vector<std::tuple<size_t, size_t, size_t, std::string>> ranked;
  const size_t operands = operands_of(entry);
  size_t fewest = SIZE_MAX;
  for (const auto& [name, settings] : class_settings()) {
    if (name == "InputLayer" || (is_merge(name) && operands < 2)) continue;
    const auto [foreign, unsaid] = misfits(name, member(entry, "config"), settings, generation);
    const auto place = static_cast<size_t>(std::ranges::find(near, name) - near.begin());
    ranked.emplace_back(foreign, place, unsaid, name);
    fewest = std::min(fewest, foreign);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> out;
  for (const auto& [foreign, place, unsaid, name] : ranked)
    if (out.size() < most_ways && (foreign == fewest || place < near.size())) out.push_back(name);
  return out;
}

}  // namespace

std::optional<std::string> nearest_class(const std::string& class_name) {
  const auto near = near_names(class_name, known_classes(), 1);
  return near.empty() ? std::nullopt : std::optional(near[0]);
}

bool DefectFinder::check_class(const Entry& entry) {
  const auto classes = likely_classes(*entry.json, now_.generation());
  const std::string module = text_of(*entry.json, "module");
  Defect out = defect("unsupported", "unknown-layer",
                      "layer '" + entry.path + "' is of class '" + entry.class_name() +
                          "', which no Keras has; its settings are those of: " + joined(classes),
                      "check what wrote the file's configuration");
  for (const std::string& name : classes) {
    out.ways.push_back(just(set(entry.place + "/class_name", name)));
    if (!is_keras_module(module)) {
      out.ways.back().push_back(set(entry.place + "/module", "keras.layers"));
      out.ways.back().push_back(set(entry.place + "/registered_name", nullptr));
    }
  }
  out.only_if_it_loads = !is_keras_module(module);  // it may be a layer of the user's own
  return add(entry.path, std::move(out));
}

// A class of Keras is looked for where the entry says that it is.
bool DefectFinder::check_module(const Entry& entry) {
  const std::string module = text_of(*entry.json, "module");
  if (module.empty() || module == "keras" || module == "keras.layers" || module == "builtins" ||
      module.find(".src.") != std::string::npos || module.starts_with("keras.layers.") ||
      module.starts_with("tf_keras.") || is_operation(*entry.json, now_.generation()))
    return false;
  Defect out = defect("unsupported", "unknown-layer",
                      "layer '" + entry.path + "' (" + entry.class_name() + ") is of module '" + module +
                          "', and Keras has that class in 'keras.layers'",
                      "check what wrote the file's configuration");
  out.ways.push_back(just(set(entry.place + "/module", "keras.layers")));
  if (entry.json->contains("registered_name"))
    out.ways.back().push_back(set(entry.place + "/registered_name", nullptr));
  out.only_if_it_loads = !is_keras_module(module) && 2 * edit_distance(module, "keras.layers") > 6;
  return add(entry.path, std::move(out));
}

bool DefectFinder::check_classes() {
  for (const Entry& entry : entries()) {
    if (is_operation(*entry.json, now_.generation())) continue;
    if (is_known(entry.class_name()) ? check_module(entry) : check_class(entry)) return true;
  }
  return false;
}

}  // namespace fetafix::formats::keras
