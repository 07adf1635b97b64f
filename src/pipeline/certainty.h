// Which of two runs of a classifier was given inputs that it understands.
#pragma once

#include "pipeline/native.h"

namespace fetafix::pipeline {

// Whether `a` tells significantly more about the samples than `b`: answers that are certain and at once
// varied (mutual information of sample and label; Salimans et al. 2016 call its exponential the Inception
// score). What a model was not trained on makes it unsure, or gives it the same answer for everything. False
// for too few samples, and for what is no classifier.
bool is_more_certain(const std::vector<Outputs>& a, const std::vector<Outputs>& b);

}  // namespace fetafix::pipeline
