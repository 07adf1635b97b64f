#include "pipeline/feed_search.h"

namespace fetafix::pipeline {
namespace {

using data::PreprocessSpec;

// The recorded outputs are what a model computes from some input; which one? The model is the target itself
// where a runtime for it is at hand, else the source.
class Recorded {
 public:
  Recorded(Run& run, std::vector<size_t> samples) : run_(run), samples_(std::move(samples)) {}

  Status explain() {
    auto session = load_native(target(), target().path, run_.options);
    if (session.ok()) session_ = std::move(session).value();
    if (!session_ && !source().session) return {};
    own_ = for_input_of(model(), spec_of(source()));
    FeedTrials trials(run_, model(), this->session(), run_.target, samples_);
    FETAFIX_TRY(const Found found, closest_of_all(trials, for_input_of(model(), spec_of(target()))));
    if (data::differing_parts(found.spec, own_).empty()) return {};
    if (found.error > agree_within && found.error > leaves_a_fifth * worst_error(run_, samples_)) return {};
    return tell(trials, found);
  }

 private:
  Side& source() { return run_.pair.source; }
  Side& target() { return run_.pair.target; }
  Side& model() { return session_ ? target() : source(); }
  runtimes::Session& session() { return session_ ? *session_ : *source().session; }

  Status tell(FeedTrials& trials, const Found& found) {
    std::vector<Outputs> right(run_.count);
    for (size_t i : samples_) {
      FETAFIX_TRY(right[i], trials.answer(own_, i));
    }
    FeedTrials again(run_, model(), session(), right, samples_);
    FETAFIX_TRY(run_.feeding.faults,
                faults_of(run_, again, found.spec, {own_, found.error},
                          {session_ ? "the recorded outputs are what the target computes when it is fed "
                                    : "the recorded outputs are what the source computes when it is fed ",
                           " in place of "}));
    FETAFIX_TRY(run_.result.preprocess.target, text_for(target(), for_input_of(target(), found.spec)));
    FETAFIX_TRY(run_.result.preprocess.target_proposed, text_for(target(), for_input_of(target(), own_)));
    run_.feeding.source = run_.source;
    run_.feeding.target = run_.target;
    return go_on_with(found.spec);
  }

  // All that follows is about the models: both get the right input, or that of the recorded outputs.
  Status go_on_with(const PreprocessSpec& spec) {
    if (session_) {
      FETAFIX_CHECK(feed(target(), run_.pair, own_));
      target().session = std::move(session_);
      target().recorded.clear();
      FETAFIX_TRY(run_.target, run_all(*target().session, target(), run_.count, run_.options,
                                       "running the target on another input"));
      return {};
    }
    FETAFIX_CHECK(feed(target(), run_.pair, for_input_of(target(), spec)));
    FETAFIX_CHECK(feed(source(), run_.pair, spec));
    FETAFIX_TRY(run_.source, run_all(*source().session, source(), run_.count, run_.options,
                                     "running the source on another input"));
    return {};
  }

  Run& run_;
  std::vector<size_t> samples_;
  std::unique_ptr<runtimes::Session> session_ = {};  // of the target
  PreprocessSpec own_ = {};                          // of the source, for the model's input
};

}  // namespace

Status explain_recorded(Run& run, const std::vector<size_t>& samples) {
  return Recorded(run, samples).explain();
}

}  // namespace fetafix::pipeline
