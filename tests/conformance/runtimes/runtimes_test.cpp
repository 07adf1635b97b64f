// Every runtime against the checks of runtime_checks.h.
#include <set>

#include "tests/conformance/kept.h"
#include "tests/conformance/natives.h"
#include "tests/conformance/runtime_checks.h"

namespace fetafix::conformance {
namespace {

TEST(Conformance, EveryRuntimeIsRegistered) {
  std::multiset<std::string> registered, known{"command"};  // which is in no registry: the user says it
  for (const auto& subject : runtime_subjects()) registered.insert(subject.name);
  for (const auto* runtime : runtimes::all_runtimes()) known.emplace(runtime->name());
  EXPECT_EQ(registered, known);
  EXPECT_EQ(runtimes::find_runtime("docx").error().kind, ErrorKind::usage);
  EXPECT_EQ(runtimes::runtime_for("docx").error().kind, ErrorKind::unsupported);
}

class Runtime : public ::testing::TestWithParam<RuntimeSubject> {};

// In one worker, for starting one may take seconds. That each of these finds it usable is a test by itself.
TEST_P(Runtime, RunsAndRefusesAndGoesOn) {
  const RuntimeSubject& subject = GetParam();
  auto options = own_options();
  options.idle = runtimes::idle_workers();
  {
    const auto session = load(subject, options);
    ASSERT_TRUE(session.ok()) << session.error().message;
    EXPECT_OK(describes_and_repeats(**session));
    EXPECT_OK(refuses_wrong_inputs(**session));
  }
  EXPECT_OK(refuses_bad_files(subject, options));
}

TEST_P(Runtime, ComputesTheSameWithEveryOption) {
  EXPECT_OK(runs_with_every_option(GetParam(), 1e-5));
}

TEST_P(Runtime, ComesBackAfterADeath) {
  EXPECT_OK(comes_back(GetParam()));
}

TEST_P(Runtime, KeepsItsLimits) {
  EXPECT_OK(keeps_the_time_limit(GetParam()));
  EXPECT_OK(keeps_the_memory_limit(GetParam()));
  EXPECT_OK(is_interrupted(GetParam()));
}

TEST_P(Runtime, SaysWhatIsMissing) {
  EXPECT_OK(says_what_is_missing(GetParam()));
}

TEST_P(Runtime, KnowsItsOptions) {
  if (GetParam().load) return;  // it has none
  EXPECT_OK(knows_its_options(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Every, Runtime, ::testing::ValuesIn(runtime_subjects()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace fetafix::conformance
