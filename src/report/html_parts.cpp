#include "report/html_parts.h"

#include <algorithm>

#include "report/words.h"
#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::Differences;
using results::Fault;
using results::Label;
using results::number_text;
using results::Result;
using results::Sample;

constexpr size_t most_faults = 100;
constexpr size_t most_samples = 60;

std::string definition(const std::string& name, const std::string& text, const std::string& style = "") {
  return text.empty() ? "" : element("dt", name) + element("dd", text, style);
}

// 48213504 -> "48.2 MB".
std::string bytes_text(int64_t bytes) {
  if (bytes <= 0) return "";
  const auto n = static_cast<double>(bytes);
  if (n < 1e3) return results::count(bytes, "byte");
  if (n < 1e6) return number_text(n / 1e3) + " kB";
  return (n < 1e9 ? number_text(n / 1e6) + " MB" : number_text(n / 1e9) + " GB");
}

std::string model(const std::string& title, const results::ModelInfo& m) {
  const std::string runtime = m.runtime + (m.runtime_version.empty() ? "" : " " + m.runtime_version);
  return "<div>" + element("h3", title) + "<dl class=\"small\">" + definition("file", m.path, "mono") +
         definition("format", m.format) +
         definition("operators", m.operators > 0 ? std::to_string(m.operators) : "") +
         definition("parameters", bytes_text(m.parameter_bytes)) + definition("runtime", runtime) +
         definition("SHA-256", m.sha256.substr(0, 16), "mono") + "</dl></div>";
}

std::string fault(const Fault& f, size_t number) {
  std::string out = std::string("<article class=\"") + (f.fixed ? "ok" : "bad") + "\"><div class=\"head\">" +
                    element("h3", std::to_string(number) + ". " + kind(f)) +
                    element("span",
                            std::string(f.fixed ? "mended" : "not mended") +
                                (f.edits > 0 ? ", " + results::count(f.edits, "edit") : ""),
                            "mark") +
                    "</div>";
  if (!f.explanation.empty()) out += element("p", f.explanation);
  out += "<dl class=\"small\">" + definition("where", place(f), "mono");
  for (const auto& e : f.evidence) {
    const std::string number_part = number_text(e.number) + (e.unit.empty() ? "" : " " + e.unit);
    out += definition(e.name, number_part + (e.text.empty() ? "" : " (" + e.text + ")"));
  }
  out += definition("confidence", number_text(100 * f.confidence) + " %");
  out += definition("left because", f.left_because);
  out += definition("avoid it", f.advice);
  return out + "</dl></article>\n";
}

std::string top5(const std::vector<Label>& labels, const std::vector<Label>& source) {
  std::string out = "<ol class=\"top\">";
  for (size_t i = 0; i < labels.size() && i < 5; ++i) {
    const bool other = i == 0 && !source.empty() && source[0].index != labels[0].index;
    const std::string name = labels[i].text.empty() ? std::to_string(labels[i].index) : labels[i].text;
    out += "<li>" + element("span", name, other ? "other" : "") +
           element("span", number_text(labels[i].score)) + "</li>";
  }
  return out + "</ol>";
}

// Base64 and nothing else may come into the address of a picture.
std::string picture(const Sample& s) {
  const auto harmless = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  };
  if (s.thumbnail.empty() || !std::all_of(s.thumbnail.begin(), s.thumbnail.end(), harmless)) return "";
  return "<img alt=\"\" src=\"data:image/jpeg;base64," + s.thumbnail + "\"/>";
}

std::string sample_row(const Sample& s, bool repaired) {
  const std::string about = s.set + (s.near_tie ? std::string(s.set.empty() ? "" : ", ") + "near tie" : "");
  std::string out =
      "<tr><td>" + picture(s) + element("span", s.name) + "<br/>" + element("span", about, "soft small");
  out += "</td><td title=\"source\">" + top5(s.source_top5, {}) + "</td><td title=\"target\">" +
         top5(s.target_top5, s.source_top5);
  if (repaired) out += "</td><td title=\"repaired\">" + top5(s.repaired_top5, s.source_top5);
  return out + "</td></tr>\n";
}

std::string row(const std::string& name, const std::vector<std::string>& cells) {
  std::string out = "<tr>" + element("td", name);
  for (const std::string& cell : cells) out += element("td", cell);
  return out + "</tr>";
}

}  // namespace

std::string element(const std::string& tag, const std::string& text, const std::string& name) {
  return "<" + tag + (name.empty() ? "" : " class=\"" + escaped(name) + "\"") + ">" + escaped(text) + "</" +
         tag + ">";
}

std::string html_models(const Result& r) {
  std::string files = "<dl class=\"small\">" + definition("repaired model", r.output.value_or(""), "mono") +
                      definition("patch", r.patch.value_or(""), "mono") + "</dl>";
  return "<section><h2>The two models</h2><div class=\"models\">" + model("Source", r.source) +
         model("Target", r.target) +
         (r.output || r.patch ? "<div>" + element("h3", "Written") + files + "</div>" : "") +
         "</div></section>\n";
}

std::string html_table(const Result& r) {
  if (r.before.samples == 0 && !r.after) return "";
  std::vector<const Differences*> columns;
  std::string head = "<tr><th></th>";
  if (r.before.samples > 0)
    columns.push_back(&r.before), head += element("th", r.after ? "before" : "source against target");
  if (r.after) columns.push_back(&*r.after), head += element("th", "after");
  if (r.held_back_after) columns.push_back(&*r.held_back_after), head += element("th", "after, held back");
  const auto cells = [&](auto get) {
    std::vector<std::string> out;
    for (const Differences* d : columns) out.push_back(get(*d));
    return out;
  };
  const auto whole = [&](const char* name, int64_t Differences::*field) {
    return row(name, cells([field](const Differences& d) { return std::to_string(d.*field); }));
  };
  const auto real = [&](const char* name, double Differences::*field) {
    return row(name, cells([field](const Differences& d) { return number_text(d.*field); }));
  };
  return "<section><h2>Outputs</h2><div class=\"scroll\"><table class=\"figures\"><thead>" + head +
         "</tr></thead><tbody>" + whole("samples", &Differences::samples) +
         whole("labels that differ", &Differences::label_differences) +
         whole("near ties in the source", &Differences::near_ties) +
         whole("top 5 that differ", &Differences::top5_differences) +
         real("largest relative error", &Differences::max_relative_error) +
         real("largest absolute error", &Differences::max_absolute_error) +
         "</tbody></table></div></section>\n";
}

std::string html_coverage(const results::Coverage& c) {
  if (c.target_operators <= 0) return "";
  const std::pair<int64_t, const char*> parts[] = {{c.exact, "exact"},
                                                   {c.faulty, "faulty"},
                                                   {c.rewrite, "rewrite"},
                                                   {c.opaque, "opaque"},
                                                   {c.unaligned, "unaligned"}};
  std::string bar, legend;
  for (const auto& [number, name] : parts) {
    if (number <= 0) continue;
    bar += "<i class=\"" + std::string(name) + "\" style=\"flex:" + std::to_string(number) + "\"></i>";
    legend +=
        "<li><i class=\"" + std::string(name) + "\"></i>" + std::to_string(number) + " " + name + "</li>";
  }
  return "<section><h2>Coverage: " + results::count(c.target_operators, "operator") +
         " of the target</h2><div class=\"bar\">" + bar + "</div><ul class=\"legend\">" + legend +
         "</ul></section>\n";
}

std::string html_faults(const Result& r) {
  if (r.faults.empty()) return "";
  std::string out = "<section><h2>Faults</h2>";
  for (size_t i = 0; i < r.faults.size() && i < most_faults; ++i) out += fault(r.faults[i], i + 1);
  if (r.faults.size() > most_faults)
    out +=
        element("p", std::to_string(r.faults.size() - most_faults) + " more are in the JSON result.", "soft");
  return out + "</section>\n";
}

std::string html_samples(const Result& r) {
  std::vector<const Sample*> changed;
  for (const Sample& s : r.sample_list)
    if (label_changed(s)) changed.push_back(&s);
  for (const Sample& s : r.sample_list)
    if (!label_changed(s) && label_changed_before(s)) changed.push_back(&s);
  if (changed.empty()) return "";
  const bool repaired =
      std::any_of(changed.begin(), changed.end(), [](const Sample* s) { return !s->repaired_top5.empty(); });
  std::string out =
      "<section><h2>Samples whose label changed</h2><div class=\"scroll\"><table "
      "class=\"samples\"><thead><tr>"
      "<th>sample</th><th>source</th><th>target</th>" +
      std::string(repaired ? "<th>repaired</th>" : "") + "</tr></thead><tbody>\n";
  for (size_t i = 0; i < changed.size() && i < most_samples; ++i) out += sample_row(*changed[i], repaired);
  out += "</tbody></table></div>";
  if (changed.size() > most_samples)
    out +=
        element("p", std::to_string(changed.size() - most_samples) + " more are in the JSON result.", "soft");
  return out + "</section>\n";
}

}  // namespace fetafix::report
