// Which unit of the source each unit of the target is, by stored numbers and by what hangs together. Private
// to diagnose/.
#pragma once

#include "diagnose/static_units.h"

namespace fetafix::diagnose {

struct UnitPairs {
  std::vector<int> source_of;     // by target unit; -1: none
  std::vector<int> target_of;     // by source unit
  std::vector<double> distances;  // by target unit: of the kernels of linear ones
};

// 1. Linear units whose kernels are near, the nearest first.
// 2. Forwards: a unit whose operands are paired is the one of its label that reads their counterparts.
// 3. Backwards: what paired units read, where the labels agree. 2 and 3 again until nothing is added.
UnitPairs pair_units(const Units& source, const Units& target);

// The larger of the relative 2-norm distance and the largest difference relative to the largest number, under
// the best permutation of dimensions where the shapes differ; infinity where the sizes do.
double tensor_distance(const Tensor& source, const Tensor& target);

// The same of their sorted numbers: 0 for the same numbers in another order.
double sorted_distance(const Tensor& source, const Tensor& target);

}  // namespace fetafix::diagnose
