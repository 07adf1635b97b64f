// The summary on a terminal.
#include <algorithm>

#include "report/report.h"
#include "report/words.h"
#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::Differences;
using results::Fault;
using results::number_text;
using results::Result;

constexpr size_t most_faults = 10;
constexpr size_t most_notes = 8;
constexpr size_t least_path = 12;  // characters of a model's path that are always shown

class Page {
 public:
  Page(size_t width, bool color) : width_(width), color_(color) {}

  // Wrapped under `label`, whose column is `indent` wide.
  void paragraph(const std::string& body, size_t indent = 0, const std::string& label = "") {
    const auto lines = wrapped(body, width_ - indent);
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string start = i == 0 ? label : "";
      start.resize(std::max(start.size(), indent), ' ');
      out_ += start + lines[i] + '\n';
    }
  }
  void heading(const std::string& title) { out_ += '\n' + painted(title, "1") + '\n'; }
  // What fits is printed as it is.
  void line(const std::string& body) { out_ += shortened(clean(body), width_) + '\n'; }
  void sentence(const std::string& body, const char* code) {
    for (const std::string& one : wrapped(body, width_)) out_ += painted(one, code) + '\n';
  }
  size_t width() const { return width_; }
  std::string take() { return std::move(out_); }

 private:
  std::string painted(const std::string& body, const char* code) const {
    return color_ ? std::string("\x1b[") + code + "m" + body + "\x1b[0m" : body;
  }

  size_t width_;
  bool color_;
  std::string out_;
};

std::string padded(const std::string& body, size_t width, bool right = false) {
  const size_t n = length(body);
  const std::string space(width > n ? width - n : 0, ' ');
  return right ? space + body : body + space;
}

const char* color_of(const Result& r) {
  using results::Verdict;
  if (r.verdict == Verdict::quantized || r.verdict == Verdict::improved || r.verdict == Verdict::latent ||
      r.verdict == Verdict::unknown)
    return "1;33";
  return results::fails_by_default(r.verdict) ? "1;31" : "1;32";
}

void model(Page& page, const char* side, const results::ModelInfo& m) {
  std::string about = m.format;
  if (m.operators > 0) about += (about.empty() ? "" : ", ") + results::count(m.operators, "operator");
  if (!m.runtime.empty())
    about +=
        (about.empty() ? "" : ", ") + m.runtime + (m.runtime_version.empty() ? "" : " " + m.runtime_version);
  about = shortened(clean(about), page.width() - 10 - least_path);
  const size_t room = page.width() - 10 - length(about) - 2;
  page.line("  " + padded(side, 8) + shortened(clean(m.path), room) + "  " + about);
}

struct Row {
  std::string name;
  std::vector<std::string> cells;
};

template <class Get>
Row row(const std::string& name, const std::vector<const Differences*>& columns, Get get) {
  Row out{name, {}};
  for (const Differences* d : columns) out.cells.push_back(get(*d));
  return out;
}

// Before, and for a repair after and on the samples held back.
void table(Page& page, const Result& r) {
  std::vector<const Differences*> columns;
  std::vector<std::string> titles;
  if (r.before.samples > 0) columns.push_back(&r.before), titles.emplace_back(r.after ? "before" : "");
  if (r.after) columns.push_back(&*r.after), titles.push_back("after");
  if (r.held_back_after) columns.push_back(&*r.held_back_after), titles.push_back("held back");
  const auto whole = [](int64_t Differences::*field) {
    return [field](const Differences& d) { return std::to_string(d.*field); };
  };
  const std::vector<Row> rows{{"", titles},
                              row("samples", columns, whole(&Differences::samples)),
                              row("labels that differ", columns, whole(&Differences::label_differences)),
                              row("near ties", columns, whole(&Differences::near_ties)),
                              row("top 5 that differ", columns, whole(&Differences::top5_differences)),
                              row("largest relative error", columns,
                                  [](const Differences& d) { return number_text(d.max_relative_error); }),
                              row("largest absolute error", columns,
                                  [](const Differences& d) { return number_text(d.max_absolute_error); })};
  page.heading("Outputs");
  for (const Row& one : rows) {
    if (one.name.empty() && !r.after) continue;
    std::string line = "  " + padded(one.name, 24);
    for (const std::string& cell : one.cells) line += padded(cell, 12, true);
    page.line(line);
  }
}

void fault(Page& page, const Fault& f, size_t number) {
  const std::string label = "  " + std::to_string(number) + ". ";
  page.paragraph(kind(f) + (f.fixed ? " - mended" : " - not mended") + ", " +
                     number_text(100 * f.confidence) + " % sure",
                 label.size(), label);
  const size_t indent = label.size() + 7;
  const auto item = [&](const char* name, const std::string& body) {
    if (!body.empty()) page.paragraph(body, indent, std::string(label.size(), ' ') + name);
  };
  item("where", place(f));
  item("why", f.explanation);
  for (size_t i = 0; i < f.evidence.size() && i < 3; ++i)
    item(i == 0 ? "shown" : "", evidence_text(f.evidence[i]));
  item("left", f.left_because);
  item("avoid", f.advice);
}

void faults(Page& page, const Result& r) {
  if (r.faults.empty()) return;
  page.heading("Faults");
  for (size_t i = 0; i < r.faults.size() && i < most_faults; ++i) fault(page, r.faults[i], i + 1);
  if (r.faults.size() > most_faults)
    page.line("  ... and " + std::to_string(r.faults.size() - most_faults) + " more in the JSON result");
}

void coverage(Page& page, const results::Coverage& c) {
  if (c.target_operators == 0) return;
  page.heading("Coverage");
  std::string text =
      std::to_string(c.exact) + " of " + results::count(c.target_operators, "target operator") + " exact";
  const std::pair<int64_t, const char*> others[] = {
      {c.faulty, "faulty"}, {c.rewrite, "rewritten"}, {c.opaque, "opaque"}, {c.unaligned, "unaligned"}};
  for (const auto& [number, name] : others)
    if (number > 0) text += ", " + std::to_string(number) + " " + name;
  page.paragraph(text, 2);
}

void files(Page& page, const Result& r) {
  if (!r.output && !r.patch) return;
  page.heading("Files");
  if (r.output) page.paragraph(*r.output, 10, "  output");
  if (r.patch) page.paragraph(*r.patch, 10, "  patch");
}

void list(Page& page, const char* title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  page.heading(title);
  for (size_t i = 0; i < items.size() && i < most_notes; ++i) page.paragraph(items[i], 4, "  - ");
  if (items.size() > most_notes)
    page.line("  ... and " + std::to_string(items.size() - most_notes) + " more in the JSON result");
}

}  // namespace

std::string text(const Result& r, int width, bool color) {
  Page page(static_cast<size_t>(std::max(width, 40)), color);
  page.sentence(results::verdict_sentence(r), color_of(r));
  page.line("");
  model(page, "source", r.source);
  model(page, "target", r.target);
  if (r.before.samples > 0 || r.after) table(page, r);
  faults(page, r);
  coverage(page, r.coverage);
  files(page, r);
  list(page, "Warnings", r.warnings);
  list(page, "Notes", r.notes);
  page.heading("What to do now");
  page.paragraph(results::what_now(r), 2);
  return page.take();
}

}  // namespace fetafix::report
