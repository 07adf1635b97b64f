// The weights that a layer makes of its settings and of what it is called with: what its file has to hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tensor/tensor.h"

namespace fetafix::formats::keras {

struct WantedWeight {
  std::string part;  // of the layer's group, where it has several: "forward_layer/cell"
  int number = 0;    // within the part
  std::string role;  // "kernel", "bias"
  Shape shape;       // -1: not known
};

// In the order of `Layer::weights`. `inputs`: shapes of the tensors that the layer is called with, channels
// as the layer has them. nullopt: the class is not known here.
std::optional<std::vector<WantedWeight>> wanted_weights(const std::string& class_name, const Json& config,
                                                        const std::vector<std::optional<Shape>>& inputs,
                                                        int generation);

// Settings that say a number that the shapes of weights say too, by what stored ones (nullopt: missing) say:
// {"units": 10}. What they leave open is not in it.
Json settings_of_weights(const std::string& class_name, const Json& config,
                         const std::vector<std::optional<Shape>>& stored);

// Whether a stored shape may be a wanted one.
bool fits(const Shape& stored, const Shape& wanted);

}  // namespace fetafix::formats::keras
