#include "formats/keras/layers.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_layers = 20000;
constexpr size_t most_weights = 16;  // of one part of a layer

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// The name of a group for a class: "DepthwiseConv2D" is depthwise_conv2d (Keras: naming.to_snake_case).
std::string snake_case(const std::string& name) {
  const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
  const auto lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
  std::string words;
  for (char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') words += c;
  std::string parts;  // a capital with small letters behind it begins a word
  for (size_t i = 0; i < words.size(); ++i) {
    const bool begins = i > 0 && upper(words[i]) && i + 1 < words.size() && lower(words[i + 1]);
    if (begins) parts += '_';
    parts += words[i];
  }
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && lower(parts[i - 1]) && upper(parts[i])) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(parts[i])));
  }
  return out;
}

bool is_operation_module(const std::string& module) {
  return module.starts_with("keras.src.ops") || module.starts_with("keras.ops");
}

// How layers keep their weights in parts of their own, in the order of `layer.weights`.
std::vector<std::string> parts_of(const std::string& class_name, const Json& config) {
  if (class_name == "LSTM" || class_name == "GRU" || class_name == "SimpleRNN") return {"cell"};
  if (class_name == "Bidirectional") return {"forward_layer/cell", "backward_layer/cell"};
  if (class_name == "MultiHeadAttention")
    return {"query_dense", "_query_dense", "key_dense",    "_key_dense",
            "value_dense", "_value_dense", "output_dense", "_output_dense"};
  if (class_name == "TimeDistributed") {
    std::vector<std::string> out;
    const Json& inner = member(config, "layer");
    for (const std::string& part : parts_of(text_of(inner, "class_name"), member(inner, "config")))
      out.push_back(part.empty() ? "layer" : "layer/" + part);
    return out;
  }
  return {""};
}

class Parser {
 public:
  explicit Parser(const File& file) : file_(file) {}

  Result<Tree> run() {
    const std::string class_name = text_of(file_.config, "class_name");
    if (!is_model_class(class_name))
      return Error{ErrorKind::unsupported,
                   "the model is a " + (class_name.empty() ? "thing without a class" : class_name) +
                       "; only Functional and Sequential models say in the file what they compute"};
    FETAFIX_TRY(tree_.model, model(member(file_.config, "config"), class_name == "Sequential", "", ""));
    FETAFIX_CHECK(assign_weights());
    return std::move(tree_);
  }

 private:
  Result<Model> model(const Json& config, bool sequential, const std::string& path,
                      const std::string& group) {
    Model out;
    out.name = text_of(config, "name");
    out.sequential = sequential;
    // Of Keras 1 and early 2, a Sequential's configuration is the list itself.
    const Json& layers = config.is_array() ? config : member(config, "layers");
    if (!layers.is_array()) return broken("model '" + out.name + "' lists no layers");
    if ((count_ += layers.size()) > most_layers)
      return broken("more than " + std::to_string(most_layers) + " layers");
    const auto groups = groups_of(config, sequential, group, file_);
    for (const Json& entry : layers) {
      FETAFIX_TRY(Layer one, layer(entry, path, groups));
      if (!out.by_name.emplace(one.name, out.layers.size()).second)
        return broken("two layers of model '" + out.name + "' are called '" + one.name + "'");
      out.layers.push_back(std::move(one));
    }
    FETAFIX_CHECK(sequential ? chain(out, config) : connect(out, config));
    return out;
  }

  Result<Layer> layer(const Json& entry, const std::string& path,
                      const std::map<std::string, std::string>& groups) {
    if (!entry.is_object()) return broken("a layer is no object");
    Layer out;
    out.name = name_of(entry);
    out.class_name = text_of(entry, "class_name");
    if (out.name.empty() || out.class_name.empty()) return broken("a layer without name or class");
    out.module = text_of(entry, "module");
    out.path = path.empty() ? out.name : path + "/" + out.name;
    out.config = &member(entry, "config");
    if (!out.config->is_object() && !(out.config->is_array() && is_model_class(out.class_name)))
      return broken("the settings of layer '" + out.path + "' are no object");
    if (entry.contains("inbound_nodes") && !entry["inbound_nodes"].is_array())
      return broken("the calls of layer '" + out.path + "' are no list");
    out.is_operation = is_operation(entry, file_.generation());
    if (const auto found = groups.find(out.name); found != groups.end()) out.group = found->second;
    if (is_model_class(out.class_name)) {
      FETAFIX_TRY(Model inner, model(*out.config, out.class_name == "Sequential", out.path, out.group));
      out.nested = std::make_shared<Model>(std::move(inner));
      out.first_call = first_call_of(entry, file_.generation());
    }
    if (member(entry, "inbound_nodes").is_array())
      for (const Json& node : member(entry, "inbound_nodes")) {
        auto call = call_of(node);
        if (!call.ok()) return in_context("layer '" + out.path + "'", std::move(call).error());
        out.calls.push_back(std::move(call).value());
      }
    return out;
  }

  // Each layer reads the one before it.
  Status chain(Model& out, const Json& config) {
    std::optional<Reference> last;
    if (out.layers.empty()) return broken("model '" + out.name + "' has no layers");
    if (out.layers[0].class_name != "InputLayer") FETAFIX_CHECK(add_input(out, config));
    for (Layer& layer : out.layers) {
      layer.calls.clear();
      if (last) {
        Argument argument;
        argument.tensor = last;
        Call call;
        call.positional.push_back(std::move(argument));
        layer.calls.push_back(std::move(call));
      } else {
        out.inputs = {{layer.name, 0, 0}};
      }
      last = Reference{layer.name, layer.first_call, 0};
    }
    out.outputs = {*last};
    return {};
  }

  // A Sequential without an InputLayer says its input's shape in the first layer.
  Status add_input(Model& out, const Json& config) {
    const Layer& first = out.layers[0];
    for (const char* key : {"batch_input_shape", "batch_shape"})
      if (first.config->contains(key)) return prepend_input(out, (*first.config)[key], first.name + "_input");
    if (member(config, "build_input_shape").is_array())
      return prepend_input(out, config["build_input_shape"], first.name + "_input");
    return broken("model '" + out.name + "' does not say what its input is; build it before saving");
  }

  Status prepend_input(Model& out, const Json& shape, const std::string& name) {
    tree_.made.push_back(std::make_shared<const Json>(Json{{"batch_shape", shape}, {"dtype", "float32"}}));
    Layer input;
    input.name = input.path = name;
    input.class_name = "InputLayer";
    input.config = tree_.made.back().get();
    out.layers.insert(out.layers.begin(), std::move(input));
    out.by_name.clear();
    for (size_t i = 0; i < out.layers.size(); ++i) out.by_name.emplace(out.layers[i].name, i);
    return {};
  }

  Status connect(Model& out, const Json& config) {
    out.inputs = references_of(member(config, "input_layers"));
    out.outputs = references_of(counted_outputs(config, file_.generation(), -1));
    if (out.inputs.empty() || out.outputs.empty())
      return broken("model '" + out.name + "' lists no " + (out.inputs.empty() ? "inputs" : "outputs"));
    std::vector<Reference> all = out.outputs;
    for (const Layer& layer : out.layers)
      for (const Call& call : layer.calls) std::ranges::copy(call.tensors(), std::back_inserter(all));
    for (const Reference& one : all)
      if (!out.find(one.layer)) return broken("a call reads layer '" + one.layer + "', which does not exist");
    for (const Reference& one : all) {
      const Layer& layer = *out.find(one.layer);
      const bool input = layer.class_name == "InputLayer" && layer.calls.empty() && one.node == 0;
      if (!input && (one.node < layer.first_call ||
                     one.node - layer.first_call >= static_cast<int64_t>(layer.calls.size())))
        return broken("call " + std::to_string(one.node) + " of layer '" + one.layer +
                      "' is read and does not exist");
    }
    return {};
  }

  Status assign_weights() {
    std::map<std::string, int> number;
    for (const Dataset& dataset : file_.store->datasets()) {
      number[dataset.path] = static_cast<int>(tree_.weights.size());
      tree_.weights.push_back(dataset);
    }
    if (file_.container == Container::archive) {
      assign_from_groups(tree_.model, number);
      return {};
    }
    for (Layer& layer : tree_.model.layers) FETAFIX_CHECK(assign_from_names(layer, number));
    return {};
  }

  void assign_from_groups(Model& model, const std::map<std::string, int>& number) {
    for (Layer& layer : model.layers) {
      if (layer.nested) {
        assign_from_groups(*layer.nested, number);
        continue;
      }
      if (layer.group.empty()) continue;
      for (const std::string& part : parts_of(layer.class_name, *layer.config)) {
        const std::string prefix = layer.group + (part.empty() ? "" : "/" + part) + "/vars/";
        size_t lacking = 0;
        for (size_t i = 0; i < most_weights; ++i) {
          const auto found = number.find(prefix + std::to_string(i));
          if (found == number.end()) {
            ++lacking;
            continue;
          }
          layer.weights.insert(layer.weights.end(), std::exchange(lacking, 0), -1);
          layer.weights.push_back(found->second);
        }
      }
    }
  }

  // An attribute that is too long for one is kept in several.
  Result<std::vector<std::string>> list_attribute(const std::string& group, const std::string& name) {
    if (auto whole = file_.store->texts(group, name)) return *whole;
    if (file_.store->has_attribute(group, name))
      return broken("the list '" + name + "' of group '" + group + "' can't be read");
    std::vector<std::string> out;
    for (size_t i = 0;; ++i) {
      const auto part = file_.store->texts(group, name + std::to_string(i));
      if (!part) return out;
      out.insert(out.end(), part->begin(), part->end());
    }
  }

  // An .h5 file lists the weights of each outermost layer by name.
  Status assign_from_names(Layer& layer, const std::map<std::string, int>& number) {
    const std::string group = "model_weights/" + layer.name;
    if (layer.is_operation || !file_.store->has_group(group)) return {};
    layer.group = group;
    Owners owners;
    if (layer.nested) collect_owners(*layer.nested, owners);
    FETAFIX_TRY(const std::vector<std::string> names, list_attribute(group, "weight_names"));
    for (const std::string& name : names) {
      const auto found = number.find(group + "/" + name);
      const bool lacking = found == number.end();
      if (lacking) tree_.lacks = "weight '" + name + "' of layer '" + layer.name + "' is not in the file";
      Layer* owner = layer.nested ? owner_of(owners, name) : &layer;
      if (owner) owner->weights.push_back(lacking ? -1 : found->second);
    }
    return {};
  }

  // The layers within a nested model, by name; of one name the first, with its place among all.
  using Owners = std::map<std::string, std::pair<size_t, Layer*>>;
  static void collect_owners(Model& model, Owners& out) {
    for (Layer& layer : model.layers) {
      if (layer.nested)
        collect_owners(*layer.nested, out);
      else
        out.try_emplace(layer.name, out.size(), &layer);
    }
  }

  // The layer that a weight's name speaks of: "inner/conv1/kernel" or "conv1/kernel:0". Names of layers may
  // have strokes in them.
  static Layer* owner_of(const Owners& owners, const std::string& name) {
    constexpr size_t most_parts = 16;
    std::vector<size_t> cuts{0};
    for (size_t i = 0; i < name.size() && cuts.size() <= most_parts; ++i)
      if (name[i] == '/') cuts.push_back(i + 1);
    std::pair<size_t, Layer*> found{owners.size(), nullptr};
    for (size_t from = 0; from < cuts.size(); ++from)
      for (size_t to = from + 1; to < cuts.size(); ++to)
        if (const auto at = owners.find(name.substr(cuts[from], cuts[to] - cuts[from] - 1));
            at != owners.end())
          found = std::min(found, at->second);
    return found.second;
  }

  const File& file_;
  Tree tree_;
  size_t count_ = 0;
};

}  // namespace

// In .h5 files entries have no module; an operation has no settings but its name then.
bool is_operation(const Json& entry, int generation) {
  const std::string module = text_of(entry, "module");
  if (is_operation_module(module)) return true;
  if (!module.empty() || generation == 2) return false;
  const Json& config = member(entry, "config");
  return !config.contains("dtype") && !config.contains("trainable") && !config.contains("layers") &&
         text_of(entry, "class_name") != "InputLayer";
}

const Layer* Model::find(const std::string& layer) const {
  const auto at = by_name.find(layer);
  return at == by_name.end() ? nullptr : &layers[at->second];
}

bool is_model_class(const std::string& class_name) {
  return class_name == "Functional" || class_name == "Model" || class_name == "Sequential";
}

bool is_keras_module(const std::string& module) {
  return module.empty() || module == "builtins" || module == "keras" || module.starts_with("keras.") ||
         module.starts_with("tf_keras.");
}

std::string name_of(const Json& entry) {
  const std::string name = text_of(entry, "name");
  return name.empty() ? text_of(member(entry, "config"), "name") : name;
}

namespace {

void renumber(Json& listed, const std::map<std::string, int64_t>& calls, int by) {
  if (as_reference(listed)) {
    const auto model = calls.find(listed[0].get<std::string>());
    if (model == calls.end()) return;
    const int64_t number = std::min(listed[1].get<int64_t>(), int64_t{1} << 32) + by;
    listed[1] = number < 0 ? std::max<int64_t>(model->second - 1, 0) : number;  // as Python counts: the last
  } else if (listed.is_structured()) {
    for (Json& item : listed) renumber(item, calls, by);
  }
}

}  // namespace

Json counted_outputs(const Json& config, int generation, int by) {
  Json out = member(config, "output_layers");
  if (generation == 2) return out;
  std::map<std::string, int64_t> calls;
  for (const Json& entry : member(config, "layers")) {
    const std::string name = text_of(entry, "class_name");
    if (is_model_class(name) && name != "Sequential")
      calls[name_of(entry)] = static_cast<int64_t>(member(entry, "inbound_nodes").size());
  }
  renumber(out, calls, by);
  return out;
}

int64_t first_call_of(const Json& entry, int generation) {
  if (generation != 2) return 0;
  if (text_of(entry, "class_name") != "Sequential") return 1;
  const Json& config = member(entry, "config");
  const Json& layers = config.is_array() ? config : member(config, "layers");
  return layers.is_array() && !layers.empty() && text_of(layers[0], "class_name") == "InputLayer" ? 1 : 0;
}

std::map<std::string, std::string> groups_of(const Json& config, bool sequential, const std::string& group,
                                             const File& file) {
  std::map<std::string, std::string> out;
  if (file.container != Container::archive) return out;
  const Json& layers = member(config, "layers");
  // Until 2.14 groups have the names of layers.
  const std::string prefix = group.empty() ? "" : group + "/";
  const std::string early = prefix + "_layer_checkpoint_dependencies/";
  const bool by_name = file.store->has_group(prefix + "_layer_checkpoint_dependencies");
  std::map<std::string, int> used;
  for (const Json& entry : layers) {
    if (is_operation(entry, file.generation())) continue;
    if (sequential && text_of(entry, "class_name") == "InputLayer") continue;
    const std::string name_of_class = text_of(entry, "class_name");
    const std::string base =
        snake_case(name_of_class == "Model" ? "Functional" : name_of_class);  // as it is made
    const int count = used[base]++;
    const std::string name = count == 0 ? base : base + "_" + std::to_string(count);
    out[name_of(entry)] = by_name ? early + name_of(entry) : prefix + "layers/" + name;
  }
  return out;
}

Result<Tree> parse_tree(const File& file) {
  return Parser(file).run();
}

}  // namespace fetafix::formats::keras
