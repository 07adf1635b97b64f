// The page: what a person has to know first comes first.
#include "report/html_parts.h"
#include "report/report.h"
#include "report/words.h"
#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::Result;
using results::Verdict;

const char* tone(const Result& r) {
  if (r.verdict == Verdict::quantized || r.verdict == Verdict::latent || r.verdict == Verdict::improved ||
      r.verdict == Verdict::unknown)
    return "warn";
  return results::fails_by_default(r.verdict) ? "bad" : "ok";
}

std::string list(const std::string& title, const std::vector<std::string>& items) {
  if (items.empty()) return "";
  std::string out = "<section>" + element("h2", title) + "<ul class=\"small\">";
  for (const std::string& item : items) out += element("li", item);
  return out + "</ul></section>\n";
}

std::string footer(const Result& r) {
  std::string text = "fetafix " + r.version + ", " + r.command;
  for (const auto& [stage, seconds] : r.seconds)
    text += (stage == "total" ? "; " : ", ") + stage + " " + results::number_text(seconds) + " s";
  return element("footer", text);
}

// The sentence without the word that stands above it: "Repaired: 1 fault ..." -> "1 fault ...".
std::string headline(const Result& r) {
  std::string sentence = results::verdict_sentence(r);
  const size_t colon = sentence.find(": ");
  if (colon == std::string::npos) return sentence;
  sentence.erase(0, colon + 2);
  if (sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  return sentence;
}

std::string head(const Result& r) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
         "style-src &#39;unsafe-inline&#39;; img-src data:\"/>\n" +
         element("title", "fetafix: " + std::string(verdict_name(r.verdict)) + " - " + r.target.path) +
         "<style>" + html_style + "</style></head>\n<body><main>\n";
}

}  // namespace

std::string html(const Result& r) {
  return head(r) + "<header class=\"" + tone(r) + "\">" +
         element("p", std::string(verdict_name(r.verdict)), "verdict") + element("h1", headline(r)) +
         element("p", results::what_now(r), "now") + "</header>\n" + html_table(r) + html_faults(r) +
         html_depth(r) + html_coverage(r.coverage) + html_samples(r) + list("Warnings", r.warnings) +
         html_models(r) + list("Notes", r.notes) + footer(r) + "\n</main></body></html>\n";
}

}  // namespace fetafix::report
