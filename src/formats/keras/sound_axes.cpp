// Axes that what a layer reads does not have.
#include <algorithm>

#include "formats/keras/defect_finder.h"

namespace fetafix::formats::keras {
namespace {

bool has_axis(const std::string& class_name) {
  return class_name == "Concatenate" || class_name == "Softmax" || class_name == "UnitNormalization" ||
         class_name == "BatchNormalization" || class_name == "LayerNormalization" ||
         class_name == "GroupNormalization";
}

bool is_there(const Json& axis, int64_t rank) {
  if (axis.is_null()) return true;
  if (axis.is_array()) return std::ranges::all_of(axis, [&](const Json& one) { return is_there(one, rank); });
  if (!axis.is_number_integer()) return false;
  const auto number = axis.get<int64_t>();
  return number >= -rank && number < rank;
}

// Whether tensors differ in no other axis.
bool joins(const std::vector<Shape>& shapes, size_t axis) {
  return std::ranges::all_of(shapes, [&](const Shape& shape) {
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != axis && (i >= shapes[0].size() || shape[i] != shapes[0][i])) return false;
    return shape.size() == shapes[0].size();
  });
}

}  // namespace

bool DefectFinder::check_axis(const Lift& lift, int op) {
  const Place& place = lift.places[static_cast<size_t>(op)];
  const Layer& layer = *place.what;
  if (!has_axis(layer.class_name) || !layer.config->contains("axis")) return false;
  std::vector<Shape> shapes;
  for (ValueId id : lift.operands[static_cast<size_t>(op)])
    if (const auto& shape = lift.lifted.graph.value(id).shape) shapes.push_back(*shape);
  if (shapes.empty() || shapes.size() != lift.operands[static_cast<size_t>(op)].size()) return false;
  const auto rank = static_cast<int64_t>(shapes[0].size());
  const Json& axis = (*layer.config)["axis"];
  if (is_there(axis, rank)) return false;
  std::vector<Json> axes;
  for (int64_t i = rank - 1; i > 0; --i) axes.emplace_back(i == rank - 1 ? -1 : i);
  if (layer.class_name == "Concatenate")
    std::stable_partition(axes.begin(), axes.end(), [&](const Json& one) {
      const auto number = one.get<int64_t>();
      return joins(shapes, static_cast<size_t>(number < 0 ? number + rank : number));
    });
  const auto all = entries();
  const Entry* entry = entry_of(all, layer.path);
  if (!entry) return false;
  Defect out = defect("hyperparameters", "impossible-setting",
                      "'axis' of layer '" + layer.path + "' (" + layer.class_name + ") is " +
                          dump_json(axis) + ", and what it reads has " + std::to_string(rank) + " dimensions",
                      "check how the converter counts axes");
  for (const Json& one : axes)
    out.ways.push_back(just(set(entry->place + "/config/axis", axis.is_array() ? Json::array({one}) : one)));
  return add(layer.path, std::move(out));
}

bool DefectFinder::check_axes() {
  const auto tree = parse_tree(now_);
  const auto lift = tree.ok() ? lift_tree(now_, *tree) : Result<Lift>(tree.error());
  if (!lift.ok()) return false;
  for (int op = 0; op < static_cast<int>(lift->places.size()); ++op)
    if (check_axis(*lift, op)) return true;
  return false;
}

}  // namespace fetafix::formats::keras
