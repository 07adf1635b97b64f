#include "pipeline/feed_trials.h"

#include <algorithm>
#include <cmath>

namespace fetafix::pipeline {
namespace {

// Logarithms, where they are the probabilities of one classification.
std::optional<Tensor> logarithms(const Tensor& tensor) {
  constexpr float smallest = 1e-6f;
  auto out = cast(tensor, DType::float32);
  if (!out.ok() || out->size() < 2 || !are_probabilities(out->as<float>())) return std::nullopt;
  Tensor logs = std::move(out).value();
  for (float& v : logs.mutable_as<float>()) v = std::log(std::max(v, smallest));
  return logs;
}

}  // namespace

double distance(const Outputs& expected, const Outputs& found) {
  Outputs a = expected, b = found;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    auto x = logarithms(a[i]), y = logarithms(b[i]);
    if (!x || !y) continue;
    a[i] = std::move(*x);
    b[i] = std::move(*y);
  }
  return spread(a, b);
}

FeedTrials::FeedTrials(const Run& run, const Side& side, runtimes::Session& session,
                       const std::vector<Outputs>& expected, std::vector<size_t> samples)
    : run_(run), model_(side), session_(session), expected_(expected), samples_(std::move(samples)) {}

Result<const data::Image*> FeedTrials::picture(size_t sample) {
  if (auto known = pictures_.find(sample); known != pictures_.end()) return &known->second;
  FETAFIX_TRY(auto image, run_.pair.samples->image(sample));
  return &pictures_.emplace(sample, std::move(image)).first->second;
}

// What resizing and cropping make is used again for other values.
Result<data::Image> FeedTrials::pixels(size_t sample, const data::Preprocessing& how) {
  data::PreprocessSpec geometry;
  geometry.steps = how.spec.steps;
  geometry.channels = how.spec.channels;
  geometry.axes = how.spec.axes;
  const std::pair key{sample, data::to_text(geometry)};
  if (auto known = pixels_.find(key); known != pixels_.end()) return known->second;
  FETAFIX_TRY(const data::Image* image, picture(sample));
  FETAFIX_TRY(auto made, data::pixels_for(*image, how));
  return pixels_.emplace(key, std::move(made)).first->second;
}

Result<Tensor> FeedTrials::input(const data::PreprocessSpec& spec, size_t sample) {
  FETAFIX_TRY(const auto how, data::resolve(spec, model_.loader->preprocessing()->input));
  FETAFIX_TRY(const auto ready, pixels(sample, how));
  return data::numbers_of(ready, how);
}

Result<Outputs> FeedTrials::answer(const data::PreprocessSpec& spec, size_t sample) {
  FETAFIX_CHECK(run_.go_on());
  FETAFIX_TRY(Tensor fed, input(spec, sample));
  FETAFIX_TRY(auto outputs, session_.run(std::vector<Tensor>{std::move(fed)}));
  return in_order(model_, std::move(outputs));
}

Result<double> FeedTrials::error(const data::PreprocessSpec& spec, double limit) {
  double worst = 0;
  for (size_t sample : samples_) {
    const auto outputs = answer(spec, sample);
    const bool not_taken = !outputs.ok() && (outputs.error().kind == ErrorKind::usage ||
                                             outputs.error().kind == ErrorKind::runtime_failed);
    if (!outputs.ok() && !not_taken) return outputs.error();
    const double error = not_taken ? INFINITY : distance(expected_[sample], *outputs);
    worst = std::max(worst, std::isfinite(error) ? error : INFINITY);
    if (worst >= limit) break;
  }
  return worst;
}

int FeedTrials::side() const {
  const data::Preprocessing& how = *model_.loader->preprocessing();
  return std::min(how.width, how.height);
}

}  // namespace fetafix::pipeline
