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
  std::set<int> others;                          // all of its operators but the last; nothing else reads them
};

// By the last operator.
using Normalizations = std::map<int, Normalization>;
Normalizations normalizations_of(const Program& program);

}  // namespace fetafix::formats::tensorflow
