// Layers that have the same name, calls that name tensors which are not there, circles, and what is listed as
// a model's inputs and outputs.
#include <algorithm>
#include <map>

#include "base/near.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/wiring.h"

namespace fetafix::formats::keras {
namespace {

constexpr const char* advice = "check how the converter names layers";

std::string said(const Reference& tensor) {
  return "'" + tensor.layer + "' (call " + std::to_string(tensor.node) + ", output " +
         std::to_string(tensor.tensor) + ")";
}

// The list that names a tensor with another in it; what stands behind its three members stays.
Json renamed(const Json& config, const std::string& place, const Reference& tensor) {
  Json out = config.at(Json::json_pointer(place));
  out[0] = tensor.layer;
  out[1] = tensor.node;
  out[2] = tensor.tensor;
  return out;
}

struct Functional {
  const Json* model;
  std::string place, path;
};

std::vector<Functional> functional_models(const Json& config, const std::vector<Entry>& entries) {
  std::vector<Functional> out;
  const auto add = [&](const Json& model, const std::string& place, const std::string& path) {
    if (is_model_class(text_of(model, "class_name")) && text_of(model, "class_name") != "Sequential")
      out.push_back({&model, place, path});
  };
  add(config, "", "");
  for (const Entry& entry : entries) add(*entry.json, entry.place, entry.path);
  return out;
}

std::string within(const std::string& path, const std::string& layer) {
  return path.empty() ? layer : path + "/" + layer;
}

// Tensors of the layer that may be meant where it makes no such one: the call stays if there is one, else it
// may be any; likewise the output, else the first.
std::vector<Reference> others_of(const WiredLayer& layer, const Reference& wrong) {
  const int64_t end = layer.first_call + layer.calls;
  const int64_t output = layer.outputs < 0 || wrong.tensor < layer.outputs ? wrong.tensor : 0;
  if (wrong.node >= layer.first_call && wrong.node < end) return {{layer.name, wrong.node, output}};
  std::vector<Reference> out;
  for (int64_t call = layer.first_call; call < end; ++call) out.push_back({layer.name, call, output});
  return out;
}

}  // namespace

// The outermost class; and of two layers of one name the second.
bool DefectFinder::check_names() {
  const auto all = entries();
  const std::string class_name = text_of(now_.config, "class_name");
  if (!is_model_class(class_name) && !all.empty()) {
    const bool functional = member(now_.config, "config").contains("input_layers");
    Defect out = defect("unsupported", "unknown-layer",
                        "the model is of class '" + class_name + "', which no Keras has",
                        "check what wrote the file's configuration");
    out.ways.push_back(just(set("/class_name", functional ? "Functional" : "Sequential")));
    return add("", std::move(out));
  }
  for (const Functional& one : functional_models(now_.config, all)) {
    const Wiring wiring(*one.model, one.place, now_.generation());
    std::map<std::string, size_t> names;
    for (size_t i = 0; i < wiring.layers().size(); ++i) {
      const WiredLayer& layer = wiring.layers()[i];
      if (names.try_emplace(layer.name, i).second) continue;
      // A name that is read and that nobody has is the one that it lost.
      std::string other = layer.name + "_p";
      for (const auto& list : {wiring.read(), wiring.outputs()})
        for (const Naming& naming : list)
          if (!wiring.find(naming.tensor.layer)) other = naming.tensor.layer;
      Defect out =
          defect("graph", "duplicate-name",
                 "two layers are called '" + layer.name + "'; the second may be '" + other + "'", advice);
      std::vector<graph::Edit> edits;
      if (layer.entry->contains("name")) edits.push_back(set(layer.place + "/name", other));
      if (member(*layer.entry, "config").contains("name"))
        edits.push_back(set(layer.place + "/config/name", other));
      out.ways.push_back(std::move(edits));
      return add(within(one.path, other), std::move(out));
    }
  }
  return false;
}

bool DefectFinder::check_read(const Wiring& wiring, const std::string& path) {
  for (const Naming& naming : wiring.read()) {
    const WiredLayer& reader = wiring.layers()[naming.reader];
    const auto maker = wiring.find(naming.tensor.layer);
    const bool there = wiring.has(naming.tensor);
    // Layers stand behind those that they read; of a circle the tensor that comes from behind is wrong.
    const bool circle =
        maker && *maker >= naming.reader && wiring.depends_on(naming.tensor, naming.reader, naming.call);
    if (there && !circle) continue;
    Defect out = defect("graph", circle ? "circle" : "missing-tensor",
                        "layer '" + within(path, reader.name) + "' reads " + said(naming.tensor) +
                            (circle ? ", which is made of what it makes itself" : ", which does not exist"),
                        advice);
    const auto instead =
        maker && !circle ? others_of(wiring.layers()[*maker], naming.tensor) : wiring.likely(naming);
    for (const Reference& tensor : instead)
      out.ways.push_back(just(set(naming.place, renamed(now_.config, naming.place, tensor))));
    if (add(within(path, reader.name), std::move(out))) return true;
  }
  return false;
}

bool DefectFinder::check_listed(const Wiring& wiring, const std::string& path) {
  for (const Naming& naming : wiring.outputs()) {
    if (wiring.find(naming.tensor.layer)) continue;
    Defect out = defect("graph", "missing-output",
                        "the model" + (path.empty() ? "" : " '" + path + "'") + " lists " +
                            said(naming.tensor) + " as an output, which does not exist",
                        advice);
    for (const Reference& tensor : wiring.likely_outputs(naming))
      out.ways.push_back(just(set(naming.place, renamed(now_.config, naming.place, tensor))));
    if (add(path, std::move(out))) return true;
  }
  for (const Naming& naming : wiring.inputs()) {
    const auto at = wiring.find(naming.tensor.layer);
    if (at && wiring.layers()[*at].class_name == "InputLayer") continue;
    Defect out = defect("input", "missing-input",
                        "the model" + (path.empty() ? "" : " '" + path + "'") + " lists " +
                            said(naming.tensor) + " as an input, and there is no InputLayer of that name",
                        advice);
    for (const WiredLayer& layer : wiring.layers()) {
      const auto listed = [&](const Naming& one) { return one.tensor.layer == layer.name; };
      if (layer.class_name == "InputLayer" && std::ranges::none_of(wiring.inputs(), listed))
        out.ways.push_back(just(set(naming.place, renamed(now_.config, naming.place, {layer.name, 0, 0}))));
    }
    if (add(path, std::move(out))) return true;
  }
  return false;
}

bool DefectFinder::check_wiring() {
  for (const Functional& one : functional_models(now_.config, entries())) {
    const Wiring wiring(*one.model, one.place, now_.generation());
    if (check_read(wiring, one.path) || check_listed(wiring, one.path) || check_operands(wiring, one.path) ||
        (one.path.empty() && check_declared(wiring)))
      return true;
  }
  return false;
}

}  // namespace fetafix::formats::keras
