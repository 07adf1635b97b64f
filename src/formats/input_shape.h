// An input that is not declared as the source's: the same defect in every format.
#pragma once

#include "formats/format.h"
#include "graph/declared_shape.h"

namespace fetafix::formats {

// nullopt: `declared` may be what the source declares as `wanted`.
inline std::optional<Defect> other_input_shape(int input, const std::string& name, DType dtype,
                                               const Shape& declared, const Shape& wanted) {
  Defect out{"",
             "input",
             "input-shape",
             "the model's input '" + name + "' is declared as " + to_string(declared) + ", the source's as " +
                 to_string(wanted),
             "check the example input that the converter was given",
             {}};
  for (const Shape& shape : graph::other_declarations(declared, wanted)) {
    graph::Redeclare edit;
    edit.value.graph_input = input;
    edit.dtype = dtype;
    edit.shape = shape;
    out.ways.push_back({std::move(edit)});
  }
  if (out.ways.empty()) return std::nullopt;
  out.only_if_it_loads = !graph::is_other_picture(declared, wanted);
  return out;
}

}  // namespace fetafix::formats
