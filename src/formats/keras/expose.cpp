#include "formats/keras/expose.h"

#include <algorithm>

#include "formats/keras/document.h"

namespace fetafix::formats::keras {
namespace {

// The model's list of outputs as a plain list, whatever structure it has.
Result<Json*> outputs_of(Json& model) {
  Json& listed = model["config"]["output_layers"];
  const std::vector<Reference> references = references_of(listed);
  Json plain = Json::array();
  for (const Reference& reference : references) plain.push_back(Document::listed(reference));
  listed = std::move(plain);
  return &listed;
}

// The place of a tensor among the outputs of its model, where it is put if it is not there.
Result<int64_t> output_number(Document& document, Json& model, const Reference& tensor) {
  FETAFIX_CHECK(document.make_functional(model));
  FETAFIX_TRY(Json * outputs, outputs_of(model));
  const Json wanted = Document::listed(tensor);
  for (size_t i = 0; i < outputs->size(); ++i)
    if ((*outputs)[i] == wanted) return static_cast<int64_t>(i);
  outputs->push_back(wanted);
  document.touch();
  return static_cast<int64_t>(outputs->size()) - 1;
}

// Makes a tensor of a nested model an output of every model around it.
Result<Reference> surface(Document& document, const Place& place, int output) {
  Reference tensor{place.layer, place.call, output};
  for (size_t depth = place.around.size(); depth > 0; --depth) {
    Way way;
    for (size_t i = 0; i < depth; ++i) way.push_back(place.around[i].first);
    FETAFIX_TRY(Json * model, document.model(way));
    FETAFIX_TRY(const int64_t number, output_number(document, *model, tensor));
    tensor = {place.around[depth - 1].first, place.around[depth - 1].second, number};
  }
  return tensor;
}

// As the runtime names outputs: by the layer that makes them, numbered from the second on.
std::vector<std::string> output_names(const Json& outputs) {
  std::map<std::string, int> used;
  std::vector<std::string> names;
  for (const Json& one : outputs) {
    const std::string layer = one[0].get<std::string>();
    const int count = ++used[layer];
    names.push_back(count == 1 ? layer : layer + "#" + std::to_string(count));
  }
  return names;
}

Result<Exposed> made(const File& file, const Tree& tree, const Lift& lift, std::span<const ValueId> values) {
  Document document(file);
  FETAFIX_TRY(Json * top, document.model({}));
  const auto& graph = lift.lifted.graph;
  std::vector<std::pair<ValueId, size_t>> wanted;
  const auto weights = static_cast<int>(tree.weights.size());
  for (ValueId id : values) {
    if (id < 0 || static_cast<size_t>(id) >= graph.values.size()) continue;
    const graph::Value& value = graph.value(id);
    if (value.is_constant() || value.native_tensor < weights || std::ranges::count(graph.outputs, id))
      continue;
    const Computed& computed = lift.computed[static_cast<size_t>(value.native_tensor - weights)];
    FETAFIX_TRY(const Reference tensor,
                surface(document, lift.places[static_cast<size_t>(computed.op)], computed.output));
    FETAFIX_CHECK(document.make_functional(*top));
    FETAFIX_TRY(Json * outputs, outputs_of(*top));
    const Json listed = Document::listed(tensor);
    if (std::ranges::count(*outputs, listed)) continue;  // the same as one that is there
    outputs->push_back(listed);
    document.touch();
    wanted.emplace_back(id, outputs->size() - 1);
  }
  Exposed out;
  if (!wanted.empty()) {
    const auto names = output_names((*top)["config"]["output_layers"]);
    for (const auto& [id, place] : wanted) out.values.push_back({id, names[place]});
  }
  FETAFIX_TRY(out.bytes, document.finish());
  return out;
}

}  // namespace

Result<Exposed> expose(const File& file, const Tree& tree, const Lift& lift,
                       std::span<const ValueId> values) {
  return guarded([&] { return made(file, tree, lift, values); });
}

}  // namespace fetafix::formats::keras
