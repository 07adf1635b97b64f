// Native runs of both files over all samples, and how their outputs differ.
#pragma once

#include "pipeline/pair.h"
#include "results/result.h"

namespace fetafix::pipeline {

// What one model answers for one sample: its outputs as float64-able tensors.
using Outputs = std::vector<Tensor>;

Result<std::vector<Outputs>> run_all(runtimes::Session& session, const Side& side, size_t count,
                                     const Options& options, const std::string& stage,
                                     double* loading = nullptr);

// Compares `actual` with `expected` over the samples in `which` (all if empty). The first output decides
// labels when it is a list of at least two scores. `floor` is relative to the largest expected value.
results::Differences compare_outputs(const std::vector<Outputs>& expected, const std::vector<Outputs>& actual,
                                     const std::vector<size_t>& which, double floor);

// Scores of a classifier: all elements of the first output, if it is one row; else empty.
std::vector<float> scores(const Outputs& outputs);

// What to tell the user where one side has the other's classes behind one more; else empty.
std::string moved_labels(const std::vector<Outputs>& expected, const std::vector<Outputs>& actual);

// Not negative, and one in sum.
bool are_probabilities(std::span<const float> scores);

// Every output of every sample equal bit for bit.
bool all_identical(const std::vector<Outputs>& a, const std::vector<Outputs>& b);

std::vector<results::Label> top5(const Outputs& outputs, const data::Labels& labels);

// Max over outputs of max|b - a| / max|a|.
double spread(const Outputs& a, const Outputs& b);

}  // namespace fetafix::pipeline
