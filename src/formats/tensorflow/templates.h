// Operators of a program that are one operator of the view together: Keras writes its normalization as seven.
#pragma once

#include <map>
#include <set>

#include "formats/tensorflow/program.h"

namespace fetafix::formats::tensorflow {

// An operand of an operator of the program.
struct Slot {
  int op = -1;
  int slot = -1;
};

// gamma * (x - mean) / sqrt(variance + epsilon) + beta, multiplied out: its last operator makes the result.
struct Normalization {
  Slot x, gamma, beta, mean, variance, epsilon;  // gamma.op -1: it has none
};

struct Templates {
  std::map<int, Normalization> normalizations;  // by the last operator
  std::set<int> absorbed;                       // operators that are part of one, and of nothing else
};

Templates templates_of(const Program& program);

}  // namespace fetafix::formats::tensorflow
