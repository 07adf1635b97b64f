// Layers that are called with too few tensors or too many.
#include <algorithm>

#include "formats/keras/defect_finder.h"
#include "formats/keras/editor.h"

namespace fetafix::formats::keras {
namespace {

// Whether a layer of the class reads one tensor and no more.
bool reads_one(const WiredLayer& layer, int generation) {
  return !is_merge(layer.class_name) && !is_model_class(layer.class_name) &&
         layer.class_name != "InputLayer" && !is_operation(*layer.entry, generation) &&
         find_lift_rule(layer.class_name, false) && layer.outputs == 1 && layer.class_name != "LSTM" &&
         layer.class_name != "GRU" && layer.class_name != "SimpleRNN";
}

// As a call of Keras writes a tensor: like another, which stands at `place`.
Json like(const Json& config, const std::string& place, const Reference& tensor, int generation) {
  std::string whole = place;
  if (generation != 2) whole.resize(place.size() - std::string("/config/keras_history").size());
  Json out = config.at(Json::json_pointer(whole));
  Json& list = generation == 2 ? out : out["config"]["keras_history"];
  list[0] = tensor.layer;
  list[1] = tensor.node;
  list[2] = tensor.tensor;
  return out;
}

// A call with these tensors as its only positional arguments.
Json call_with(const Json& call, const std::vector<Json>& tensors, bool as_list) {
  if (call.is_array()) return Json(tensors);
  Json out = call;
  out["args"] = as_list ? Json::array({Json(tensors)}) : Json(tensors);
  return out;
}

}  // namespace

bool DefectFinder::check_operands(const Wiring& wiring, const std::string& path) {
  for (size_t i = 0; i < wiring.layers().size(); ++i) {
    const WiredLayer& layer = wiring.layers()[i];
    if (is_operation(*layer.entry, now_.generation())) continue;
    const bool merges = is_merge(layer.class_name), one = reads_one(layer, now_.generation());
    for (size_t call = 0; (merges || one) && call < static_cast<size_t>(layer.calls); ++call) {
      std::vector<const Naming*> read;
      for (const Naming& naming : wiring.read())
        if (naming.reader == i && naming.call == call && !naming.by_name) read.push_back(&naming);
      const bool few = merges && read.size() == 1, many = one && read.size() > 1;
      if (!few && !many) continue;
      const std::string own = path.empty() ? layer.name : path + "/" + layer.name;
      Defect out = defect("graph", few ? "missing-operand" : "extra-operand",
                          "layer '" + own + "' (" + layer.class_name + ") is called with " +
                              std::to_string(read.size()) + " tensor" +
                              (few ? ", and wants several" : "s, and reads one"),
                          "check how the converter writes calls");
      const std::string place = layer.place + "/inbound_nodes/" + std::to_string(call);
      const Json& before = now_.config.at(Json::json_pointer(place));
      const auto written = [&](const Reference& tensor) {
        return like(now_.config, read[0]->place, tensor, now_.generation());
      };
      if (few) {
        Naming missing = *read[0];
        missing.place.clear();
        missing.tensor = {};
        for (const Reference& tensor : wiring.likely(missing))
          if (tensor.layer != read[0]->tensor.layer)
            out.ways.push_back(
                just(set(place, call_with(before, {written(read[0]->tensor), written(tensor)}, true))));
      } else {
        for (const Naming* kept : read)
          out.ways.push_back(just(set(place, call_with(before, {written(kept->tensor)}, false))));
      }
      if (add(own, std::move(out))) return true;
    }
  }
  return false;
}

}  // namespace fetafix::formats::keras
