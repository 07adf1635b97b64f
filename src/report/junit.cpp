// For continuous integration: when the command ends with exit code 1, the pieces that are wrong fail; else
// none.
#include <cmath>

#include "report/report.h"
#include "report/words.h"
#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::Result;

struct Case {
  std::string group;
  std::string name;
  std::string failure;  // empty: passed
  std::string output;   // what else there is to say
};

Case verdict_case(const Result& r) {
  Case out{"fetafix." + r.command, "verdict", "", results::what_now(r)};
  if (results::fails(r)) out.failure = results::verdict_sentence(r);
  return out;
}

Case fault_case(const results::Fault& f, bool failing) {
  Case out{"fetafix.fault", kind(f) + " at " + place(f), "", ""};
  (failing && !f.fixed ? out.failure : out.output) = f.explanation;
  for (const auto& evidence : f.evidence)
    out.output += (out.output.empty() ? "" : "; ") + evidence_text(evidence);
  if (!f.advice.empty()) out.output += (out.output.empty() ? "" : "; ") + f.advice;
  return out;
}

std::string label_text(const std::vector<results::Label>& top5) {
  if (top5.empty()) return "nothing";
  return std::to_string(top5.front().index) + (top5.front().text.empty() ? "" : " " + top5.front().text);
}

Case sample_case(const results::Sample& s, bool failing) {
  Case out{"fetafix.sample", s.name, "", ""};
  const auto& last = s.repaired_top5.empty() ? s.target_top5 : s.repaired_top5;
  if (label_changed(s))
    (failing ? out.failure : out.output) = "source says " + label_text(s.source_top5) + ", target says " +
                                           label_text(last) +
                                           (s.near_tie ? " (a near tie in the source)" : "");
  return out;
}

std::string xml(const Case& c) {
  std::string out = "    <testcase classname=\"" + escaped(c.group) + "\" name=\"" + escaped(c.name) + "\"";
  if (c.failure.empty() && c.output.empty()) return out + "/>\n";
  out += ">\n";
  if (!c.failure.empty()) out += "      <failure message=\"" + escaped(c.failure) + "\"/>\n";
  if (!c.output.empty()) out += "      <system-out>" + escaped(c.output) + "</system-out>\n";
  return out + "    </testcase>\n";
}

// In seconds, never as 1e+03.
std::string total_time(const Result& r) {
  double total = 0;
  for (const auto& [stage, seconds] : r.seconds)
    if (stage == "total" && std::isfinite(seconds)) total = seconds;
  return std::to_string(std::lround(total * 1000) / 1000) + "." +
         std::to_string(1000 + std::lround(total * 1000) % 1000).substr(1);
}

}  // namespace

std::string junit(const Result& r) {
  const bool failing = results::fails(r);
  std::vector<Case> cases{verdict_case(r)};
  for (const auto& fault : r.faults) cases.push_back(fault_case(fault, failing));
  for (const auto& sample : r.sample_list)
    if (!sample.source_top5.empty()) cases.push_back(sample_case(sample, failing));
  size_t failures = 0;
  std::string body;
  for (const Case& c : cases) {
    failures += c.failure.empty() ? 0 : 1;
    body += xml(c);
  }
  const std::string counts = "tests=\"" + std::to_string(cases.size()) + "\" failures=\"" +
                             std::to_string(failures) + "\" errors=\"0\" time=\"" + total_time(r) + "\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts + ">\n  <testsuite name=\"" +
         escaped("fetafix " + r.command + " " + r.source.path + " " + r.target.path) + "\" " + counts +
         ">\n" + body + "  </testsuite>\n</testsuites>\n";
}

}  // namespace fetafix::report
