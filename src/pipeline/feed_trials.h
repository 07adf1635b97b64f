// Runs one model on a few samples, their pictures made into its input in one way and another.
#pragma once

#include "pipeline/stages.h"

namespace fetafix::pipeline {

// How far answers are apart, relative. Probabilities by their logarithms: what a softmax has pressed together
// would say little about how far away the right input is.
double distance(const Outputs& expected, const Outputs& found);

class FeedTrials {
 public:
  // `session` runs the model of `side`, which takes pictures; `expected` holds, by sample, the outputs to
  // compare with. All outlive this.
  FeedTrials(const Run& run, const Side& side, runtimes::Session& session,
             const std::vector<Outputs>& expected, std::vector<size_t> samples);

  // The largest distance from what is expected; as soon as it reaches `limit` the rest is not
  // run. Infinite: the model does not take such an input.
  Result<double> error(const data::PreprocessSpec& spec, double limit);

  // Error kind `usage`: the model does not take such an input.
  Result<Tensor> input(const data::PreprocessSpec& spec, size_t sample);
  // What the model answers. Error kinds `usage` and `runtime_failed`: it does not take such an input.
  Result<Outputs> answer(const data::PreprocessSpec& spec, size_t sample);

  // Progress, to the user.
  void tell(size_t tried, size_t candidates) const {
    if (run_.options.progress) run_.options.progress("trying inputs", tried, candidates);
  }

  // Pixels of the input's shorter side.
  int side() const;

 private:
  Result<const data::Image*> picture(size_t sample);
  Result<data::Image> pixels(size_t sample, const data::Preprocessing& how);

  const Run& run_;
  const Side& model_;
  runtimes::Session& session_;
  const std::vector<Outputs>& expected_;
  std::vector<size_t> samples_;
  std::map<size_t, data::Image> pictures_;
  std::map<std::pair<size_t, std::string>, data::Image> pixels_;  // by what was done to the picture
};

}  // namespace fetafix::pipeline
