// What looking at the inputs of both models is made of; see feed.cpp.
#pragma once

#include "data/preprocess_parts.h"
#include "pipeline/feed_trials.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {

// Between right conversions on the same input; what a wrong input makes is far above.
inline constexpr double agree_within = 1e-3;
// An input that does not make the models agree is taken for the right one where the target is wrong in other
// ways too: as the source has it if it halves the difference, another one if it leaves a fifth.
inline constexpr double halves = 0.5, leaves_a_fifth = 0.2;

struct Found {
  data::PreprocessSpec spec;
  double error;
};

// Of `candidates`, in this order, the first that makes the outputs agree, else the one that comes closest.
Result<std::optional<Found>> closest(FeedTrials& trials, const std::vector<data::PreprocessSpec>& candidates);
// Any values with any geometry; not each with each, unless nothing else makes the outputs agree.
Result<Found> closest_of_all(FeedTrials& trials, const data::PreprocessSpec& base);

const data::PreprocessSpec& spec_of(const Side& side);
// What makes the same numbers for the input of the other side. (Numbers that a reshape mixed up are mixed up
// otherwise in another layout: there they are right.)
data::PreprocessSpec for_input_of(const Side& side, data::PreprocessSpec spec);
// As a report says it.
Result<std::string> text_for(const Side& side, const data::PreprocessSpec& spec);

// Of the samples that the search may see, those that differ most; first those in color, for a gray picture
// does not tell in which order its channels come.
Result<std::vector<size_t>> telling_samples(const Run& run);

// Of the outputs as the models are fed.
double worst_error(const Run& run, const std::vector<size_t>& samples);

// "the target is fed " one part of a preprocessing, " where the source is fed " another.
struct Words {
  const char *fed, *in_place_of, *end = "";
};

// One fault for each part of the preprocessing that matters; `trials` are of the model that is fed wrongly.
Result<std::vector<results::Fault>> faults_of(const Run& run, FeedTrials& trials,
                                              const data::PreprocessSpec& wrong, const Found& right,
                                              const Words& words);

// feed_recorded.cpp: the input that recorded outputs come from.
Status explain_recorded(Run& run, const std::vector<size_t>& samples);

}  // namespace fetafix::pipeline
