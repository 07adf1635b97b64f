// Every format against the checks of format_checks.h and edit_trials.h, on its models of testdata.
#include <algorithm>
#include <set>

#include "tests/conformance/edit_trials.h"
#include "tests/conformance/kept.h"

namespace fetafix::conformance {
namespace {

TEST(Conformance, EveryFormatIsRegistered) {
  std::multiset<std::string> registered, known;
  for (const auto& subject : format_subjects()) registered.insert(subject.name);
  for (const auto* format : formats::all_formats()) known.emplace(format->name());
  EXPECT_EQ(registered, known);
}

class Format : public ::testing::TestWithParam<FormatSubject> {
 protected:
  const FormatSubject& subject() const { return GetParam(); }
  std::filesystem::path first() const { return testdata(subject().models.at(0)); }
};

TEST_P(Format, IsRecognizedByContent) {
  for (const std::string& model : subject().models) {
    SCOPED_TRACE(model);
    EXPECT_OK(recognized(testdata(model), subject().name));
  }
}

TEST_P(Format, UntouchedItStaysByteForByte) {
  for (const std::string& model : subject().models) {
    SCOPED_TRACE(model);
    EXPECT_OK(untouched(testdata(model)));
  }
}

TEST_P(Format, DamageIsAnErrorOrAModel) {
  for (const std::string& model : subject().models) {
    SCOPED_TRACE(model);
    EXPECT_OK(survives_damage(testdata(model)));
  }
}

TEST_P(Format, RefusesWhatIsHostile) {
  ASSERT_FALSE(subject().hostile.empty());
  for (const Hostile& hostile : subject().hostile) {
    SCOPED_TRACE(hostile.what);
    EXPECT_OK(refuses(hostile, first(), subject().name));
  }
}

TEST_P(Format, TheViewComputesWhatTheFileComputes) {
  for (const std::string& model : subject().models) {
    SCOPED_TRACE(model);
    const auto opened = open(testdata(model), subject().name);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    double distance = 0;
    EXPECT_OK(lift_is_native(*opened, distance));
    size_t values = 0;
    EXPECT_OK(exposes(*opened, values));
    EXPECT_OK(refuses_edits(*opened, subject().taken));
  }
}

TEST_P(Format, EveryKindOfEditIsSeenInItsRuntime) {
  constexpr int most = 4;  // of a kind for each model
  std::map<std::string, Tally> tallies;
  for (const std::string& model : subject().models) {
    SCOPED_TRACE(model);
    const auto opened = open(testdata(model), subject().name);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_OK(try_edits(*opened, most, tallies));
  }
  std::map<std::string, int> mended;
  for (const Broken& broken : subject().broken) {
    SCOPED_TRACE(broken.file);
    const auto sound = open(testdata(broken.sound), subject().name);
    ASSERT_TRUE(sound.ok()) << sound.error().message;
    EXPECT_OK(mends(testdata(broken.file), *sound, mended));
  }
  for (const std::string& kind : edit_kinds()) {
    const bool seen = tallies[kind].seen + mended[kind] > 0;
    const bool excused = std::ranges::find(subject().kinds, kind, &Excluded::what) != subject().kinds.end();
    for (const std::string& why : tallies[kind].wrong) ADD_FAILURE() << kind << ": " << why;
    std::string refused;
    for (const std::string& why : tallies[kind].refused) refused += "\n  " + why;
    EXPECT_TRUE(seen || excused) << kind << " was never seen; refused:" << refused;
    EXPECT_FALSE(seen && excused) << kind << " needs no excuse";
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Format, ::testing::ValuesIn(format_subjects()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace fetafix::conformance
