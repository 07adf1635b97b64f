#include "formats/keras/document.h"

#include <algorithm>

#include "formats/keras/layer_order.h"

namespace fetafix::formats::keras {
namespace {

constexpr const char* tag_key = "\x01group";  // where the file keeps the layer's weights; never written

bool is_sequential(const Json& model) {
  return model.contains("class_name") && model["class_name"] == "Sequential";
}

Json& layers_of(Json& model) {
  Json& config = model["config"];
  return config.is_array() ? config : config["layers"];
}

bool is_model(const Json& entry) {
  return entry.contains("class_name") && entry["class_name"].is_string() &&
         is_model_class(entry["class_name"].get<std::string>());
}

}  // namespace

Document::Document(const File& file) : file_(file), config_(file.config) {
  tag(config_, "");
  count_outputs(config_, -1);
}

void Document::count_outputs(Json& model, int by) {
  for (Json& entry : layers_of(model))
    if (is_model(entry)) count_outputs(entry, by);
  if (!is_sequential(model))
    model["config"]["output_layers"] = counted_outputs(model["config"], file_.generation(), by);
}

void Document::tag(Json& model, const std::string& group) {
  const auto groups = groups_of(model["config"], is_sequential(model), group, file_);
  for (Json& entry : layers_of(model)) {
    const auto found = groups.find(name_of(entry));
    const std::string own = found == groups.end() ? "" : found->second;
    if (is_model(entry)) tag(entry, own);
    if (!own.empty()) entry[tag_key] = own;
  }
}

void Document::untag(Json& model) {
  for (Json& entry : layers_of(model)) {
    if (is_model(entry)) untag(entry);
    entry.erase(tag_key);
  }
}

Result<Json*> Document::model(const Way& way) {
  Json* at = &config_;
  for (const std::string& name : way) {
    FETAFIX_TRY(at, layer(*at, name));
  }
  return at;
}

Result<Json*> Document::layer(Json& model, const std::string& name) {
  for (Json& entry : layers_of(model))
    if (name_of(entry) == name) return &entry;
  return cant("the file has no layer '" + name + "' of its own (its model says it by another's settings)");
}

Json Document::call_of(const std::vector<Reference>& tensors) const {
  Json list = Json::array();
  if (file_.generation() == 2) {
    for (const Reference& tensor : tensors)
      list.push_back(Json::array({tensor.layer, tensor.node, tensor.tensor, Json::object()}));
    return list;
  }
  for (const Reference& tensor : tensors)
    list.push_back(
        {{"class_name", "__keras_tensor__"},
         {"config",
          {{"shape", Json::array({nullptr})}, {"dtype", "float32"}, {"keras_history", listed(tensor)}}}});
  return {{"args", tensors.size() == 1 ? list : Json::array({list})}, {"kwargs", Json::object()}};
}

std::string Document::free_name(const Json& model, const std::string& base) const {
  const Json& config = model["config"];
  const Json& layers = config.is_array() ? config : config["layers"];
  for (int i = 1;; ++i) {
    std::string name = "p" + std::to_string(i) + "_" + base;
    if (std::ranges::none_of(layers, [&](const Json& entry) { return name_of(entry) == name; })) return name;
  }
}

Json Document::new_layer(const std::string& class_name, const std::string& name, Json settings,
                         const std::vector<Reference>& tensors) const {
  Json config = {{"name", name}, {"trainable", true}, {"dtype", "float32"}};
  config.update(settings);
  Json out = Json::object();
  if (file_.container == Container::archive) out["module"] = "keras.layers";
  out["class_name"] = class_name;
  out["config"] = std::move(config);
  if (file_.container == Container::archive) out["registered_name"] = nullptr;
  out["name"] = name;
  out["inbound_nodes"] = Json::array({call_of(tensors)});
  return out;
}

Status Document::make_functional(Json& model) {
  if (!is_sequential(model)) return {};
  changed_ = true;
  Json layers = layers_of(model);
  if (layers.empty()) return cant("a model without layers");
  if (&model != &config_ && file_.generation() == 2 && first_call_of(model, 2) == 0)
    return cant("a nested Sequential that does not say what its input is");  // its calls would be renumbered
  std::string name = name_of({{"config", model["config"]}});
  if (name.empty()) name = "sequential";
  if (layers[0]["class_name"] != "InputLayer") {
    const Json& first = layers[0]["config"];
    const char* key = first.contains("batch_input_shape") ? "batch_input_shape" : "batch_shape";
    Json shape = first.contains(key)                             ? first[key]
                 : model["config"].contains("build_input_shape") ? model["config"]["build_input_shape"]
                                                                 : Json();
    if (!shape.is_array()) return cant("the model does not say what its input is");
    const std::string input = name_of(layers[0]) + "_input";
    Json entry = Json::object();
    if (file_.container == Container::archive) entry["module"] = "keras.layers";
    entry["class_name"] = "InputLayer";
    entry["config"] = {{file_.generation() == 2 ? "batch_input_shape" : "batch_shape", shape},
                       {"dtype", "float32"},
                       {"sparse", false},
                       {"name", input}};
    layers.insert(layers.begin(), std::move(entry));
  }
  Reference last;
  for (Json& entry : layers) {
    const std::string own = name_of(entry);
    entry["name"] = own;
    Json calls = Json::array();
    if (!last.layer.empty()) calls.push_back(call_of({last}));
    entry["inbound_nodes"] = std::move(calls);
    last = {own, is_model(entry) ? first_call_of(entry, file_.generation()) : 0, 0};
  }
  Json config = {{"name", name}, {"trainable", true}, {"layers", layers}};
  config["input_layers"] = Json::array({listed({name_of(layers[0]), 0, 0})});
  config["output_layers"] = Json::array({listed(last)});
  model["class_name"] = "Model";
  if (model.contains("module")) model["module"] = "keras";
  if (model.contains("registered_name")) model["registered_name"] = nullptr;
  model["config"] = std::move(config);
  return {};
}

namespace {

// Replaces references to a tensor wherever they stand in a call; counts those that it meets.
void replace(Json& json, const Reference& from, const Reference& to, std::optional<int> operand, int& met) {
  if (json.is_array() && json.size() >= 3 && json[0].is_string() && json[1].is_number_integer() &&
      json[2].is_number_integer()) {
    const int at = met++;
    if (json[0] == from.layer && json[1] == from.node && json[2] == from.tensor &&
        operand.value_or(at) == at) {
      json[0] = to.layer;
      json[1] = to.node;
      json[2] = to.tensor;
    }
  }
  if (json.is_structured())
    for (Json& item : json) replace(item, from, to, operand, met);
}

}  // namespace

Status Document::redirect(Json& model, const Reference& from, const Reference& to,
                          const std::optional<Reader>& reader) {
  changed_ = true;
  for (Json& entry : layers_of(model)) {
    if (!entry.contains("inbound_nodes")) continue;
    const std::string name = name_of(entry);
    if (name == to.layer) continue;
    Json& calls = entry["inbound_nodes"];
    for (size_t i = 0; i < calls.size(); ++i) {
      if (reader && (reader->layer != name || reader->call != static_cast<int64_t>(i))) continue;
      int met = 0;
      replace(calls[i], from, to, reader ? std::optional(reader->operand) : std::nullopt, met);
    }
  }
  int met = 0;
  if (!reader) replace(model["config"]["output_layers"], from, to, std::nullopt, met);
  return {};
}

void Document::add_layer(Json& model, Json entry) {
  changed_ = true;
  layers_of(model).push_back(std::move(entry));
}

Status Document::remove_layer(Json& model, const std::string& name) {
  changed_ = true;
  Json& layers = layers_of(model);
  for (auto at = layers.begin(); at != layers.end(); ++at)
    if (name_of(*at) == name) return layers.erase(at), Status();
  return cant("the file has no layer '" + name + "'");
}

void Document::sort_layers(Json& model) {
  Json& layers = layers_of(model);
  for (Json& entry : layers)
    if (is_model(entry)) sort_layers(entry);
  if (is_sequential(model)) return;
  Json sorted = Json::array();
  for (size_t i : layer_order(model["config"], file_.generation())) sorted.push_back(std::move(layers[i]));
  layers = std::move(sorted);
}

// An .h5 file lists its layers in that order too.
Status Document::settle_names(Store& store) {
  const auto before = store.texts("model_weights", "layer_names");
  if (!before) return {};
  std::vector<std::string> after;
  for (const Json& entry : layers_of(config_))
    if (store.has_group("model_weights/" + name_of(entry))) after.push_back(name_of(entry));
  return after == *before ? Status() : store.set_texts("model_weights", "layer_names", after);
}

// Groups that change places go by way of names that nothing has.
Status Document::settle(Store& store, Json& model, const std::string& before, const std::string& after) {
  const auto groups = groups_of(model["config"], is_sequential(model), after, file_);
  struct Move {
    std::string from, between, to;
  };
  std::vector<Move> moves;
  for (Json& entry : layers_of(model)) {
    if (!entry.contains(tag_key)) continue;
    const std::string was = entry[tag_key].get<std::string>();
    const auto found = groups.find(name_of(entry));
    if (found == groups.end()) continue;
    const std::string from = after + was.substr(before.size());
    if (from != found->second && store.has_group(from))
      moves.push_back({from, after + (after.empty() ? "" : "/") + "p_moved_" + std::to_string(moves.size()),
                       found->second});
  }
  for (const Move& move : moves) FETAFIX_CHECK(store.move(move.from, move.between));
  for (const Move& move : moves) {
    if (store.has_group(move.to)) FETAFIX_CHECK(store.remove(move.to));
    FETAFIX_CHECK(store.move(move.between, move.to));
  }
  for (Json& entry : layers_of(model)) {
    const auto found = groups.find(name_of(entry));
    if (!is_model(entry) || !entry.contains(tag_key) || found == groups.end()) continue;
    FETAFIX_CHECK(settle(store, entry, entry[tag_key].get<std::string>(), found->second));
  }
  return {};
}

Result<Bytes> Document::finish() {
  const bool weights_change = !weights.empty() || !weight_names.empty();
  const bool config_changes = changed_ || file_.config_changed;
  if (!weights_change && !config_changes && !file_.weights_changed) return *file_.bytes;
  std::optional<Bytes> stored;
  if (file_.weights_changed) stored = Bytes(file_.weights.view.begin(), file_.weights.view.end());
  if (changed_) sort_layers(config_);
  if (weights_change || changed_) {
    FETAFIX_TRY(Store store, Store::open_for_writing(file_.weights.view));
    for (const auto& [path, tensor] : weights) {
      FETAFIX_CHECK(tensor.empty() ? store.remove(path) : store.write(path, tensor));
    }
    for (const auto& [layer, names] : weight_names)
      FETAFIX_CHECK(store.set_texts("model_weights/" + layer, "weight_names", names));
    FETAFIX_CHECK(file_.container == Container::archive ? settle(store, config_, "", "")
                  : changed_                            ? settle_names(store)
                                                        : Status());
    FETAFIX_TRY(stored, store.image());
  }
  untag(config_);
  count_outputs(config_, 1);
  return with_parts(file_, config_changes ? &config_ : nullptr, stored ? &*stored : nullptr);
}

}  // namespace fetafix::formats::keras
