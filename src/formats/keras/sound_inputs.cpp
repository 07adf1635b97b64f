// Inputs whose declared shape can't be what the model reads: it is no shape, or what reads it states another.
#include <algorithm>

#include "formats/keras/defect_finder.h"
#include "graph/declared_shape.h"

namespace fetafix::formats::keras {
namespace {

bool is_shape(const Json& json) {
  return json.is_array() && !json.empty() && std::ranges::all_of(json, [](const Json& n) {
           return n.is_null() || (n.is_number_integer() && n.get<int64_t>() > 0);
         });
}

Json written(const Shape& shape) {
  Json out = Json::array();
  for (int64_t size : shape) out.push_back(size < 1 ? Json() : Json(size));
  return out;
}

bool differs(const Json& one, const Json& other) {
  return one.size() != other.size() || !std::ranges::equal(one, other, [](const Json& a, const Json& b) {
           return a.is_null() || b.is_null() || a == b;
         });
}

}  // namespace

bool DefectFinder::check_declared(const Wiring& wiring) {
  for (size_t i = 0; i < wiring.inputs().size(); ++i) {
    const auto at = wiring.find(wiring.inputs()[i].tensor.layer);
    if (!at || wiring.layers()[*at].class_name != "InputLayer") continue;
    const WiredLayer& layer = wiring.layers()[*at];
    const Json& config = member(*layer.entry, "config");
    const char* own = now_.generation() == 2 ? "batch_input_shape" : "batch_shape";
    const char* foreign = now_.generation() == 2 ? "batch_shape" : "batch_input_shape";
    const char* key = !config.contains(own) && config.contains(foreign) ? foreign : own;
    const Json& said = member(config, key);
    std::vector<Json> shapes;
    for (const Naming& naming : wiring.read())
      if (naming.tensor.layer == layer.name && naming.shape && is_shape(*naming.shape)) {
        shapes.push_back(*naming.shape);
        break;
      }
    const bool has_shape = is_shape(said);
    if (has_shape && (shapes.empty() || !differs(said, shapes[0]))) continue;
    if (shapes.empty() && i < source_.inputs.size())
      if (const auto& shape = source_.value(source_.inputs[i]).shape) {
        if (shape->size() == 4 && (*shape)[1] < (*shape)[3])  // channels last is what Keras mostly has
          shapes.push_back(written({(*shape)[0], (*shape)[2], (*shape)[3], (*shape)[1]}));
        shapes.push_back(written(*shape));
      }
    Defect out =
        defect("input", "input-shape",
               "the model's input '" + layer.name + "' is declared as " +
                   (config.contains(key) ? dump_json(said).substr(0, 60) : "nothing") +
                   (has_shape ? ", and what reads it reads " + dump_json(shapes[0]) : ", which is no shape"),
               "check the example input that the converter was given");
    for (const Json& shape : shapes) out.ways.push_back(just(set(layer.place + "/config/" + key, shape)));
    if (add(layer.name, std::move(out))) return true;
  }
  return false;
}

}  // namespace fetafix::formats::keras
