// What a model's own normalization says of its input.
#pragma once

#include "pipeline/analysis.h"

namespace fetafix::pipeline {

// How far the first batch normalizations of the view read values from the means and variances that they have
// from training, in standard deviations: about 0.3 for photographs made into inputs as they were then, more
// for others. Nullopt: the view has none whose statistics are stored.
Result<std::optional<double>> unfamiliarity(evaluate::Evaluator& evaluator, const Side& side,
                                            const std::vector<std::vector<Tensor>>& inputs);

// Clearly less familiar, and not only by chance.
bool is_less_familiar(double a, double b);

}  // namespace fetafix::pipeline
