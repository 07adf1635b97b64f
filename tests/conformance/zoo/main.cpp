// A model of the zoo against what its format registered: conformance_zoo FILE. One JSON object on standard
// output; run over all of them by run_zoo.py.
#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "tests/conformance/edit_trials.h"

namespace fetafix::conformance {
namespace {

std::string verdict(const Status& status) {
  return status.ok() ? "" : status.error().message;
}

Json edits_of(const Opened& opened, std::string& failure) {
  std::map<std::string, Tally> tallies;
  failure = verdict(try_edits(opened, 1, tallies));
  Json seen = Json::array();
  for (const auto& [kind, tally] : tallies) {
    if (tally.seen > 0) seen.push_back(kind);
    for (const std::string& why : tally.wrong) failure += (failure.empty() ? "" : "; ") + kind + ", " + why;
  }
  return seen;
}

// An empty text: the check is kept. What is missing could not be looked at.
Json row_of(const std::filesystem::path& path) {
  const auto model = formats::read_model(path);
  if (!model.ok()) return {{"format", nullptr}, {"why", model.error().message}};
  const std::string format((*model)->format());
  Json row{{"format", format}};
  const auto subject = std::ranges::find(format_subjects(), format, &FormatSubject::name);
  const auto excuse = std::ranges::find(subject->zoo, path.filename().string(), &Excluded::what);
  if (excuse != subject->zoo.end()) row["excuse"] = excuse->reason;
  row["recognized"] = verdict(recognized(path, format));
  row["untouched"] = verdict(untouched(path));
  const auto opened = open(path, format);
  if (!opened.ok()) {
    row["lift"] = opened.error().message;
    return row;
  }
  double distance = 0;
  row["lift"] = verdict(lift_is_native(*opened, distance));
  row["distance"] = distance;
  row["floor"] = opened->floor;
  size_t values = 0;
  row["exposed"] = verdict(exposes(*opened, values));
  row["values"] = values;
  std::string failure;
  row["seen"] = edits_of(*opened, failure);
  row["edits"] = failure;
  return row;
}

}  // namespace
}  // namespace fetafix::conformance

int main(int count, char** words) {
  if (count != 2) return std::fputs("usage: fetafix_conformance_zoo FILE\n", stderr), 2;
  std::puts(fetafix::dump_json(fetafix::conformance::row_of(words[1])).c_str());
}
