#include "results/result_json.h"

#include <cmath>

#include "base/json.h"

namespace fetafix::results {
namespace {

template <class T>
Json list(const std::vector<T>& items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(to_json(item));
  return out;
}

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json number(const std::optional<double>& value) {
  return value ? number(*value) : Json(nullptr);
}

Json text(const std::optional<std::string>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

Json to_json(const Evidence& e) {
  return {{"name", e.name}, {"number", number(e.number)}, {"unit", e.unit}, {"text", e.text}};
}

Json to_json(const Fault& f) {
  return {{"class", f.fault_class},
          {"pattern", f.pattern},
          {"source_node", f.source_node},
          {"target_node", f.target_node},
          {"explanation", f.explanation},
          {"confidence", number(f.confidence)},
          {"fixed", f.fixed},
          {"advice", f.advice},
          {"evidence", list(f.evidence)},
          {"edits", f.edits},
          {"left_because", f.left_because}};
}

Json to_json(const Differences& d) {
  return {{"label_differences", d.label_differences},
          {"near_ties", d.near_ties},
          {"top5_differences", d.top5_differences},
          {"max_relative_error", number(d.max_relative_error)},
          {"max_absolute_error", number(d.max_absolute_error)},
          {"samples", d.samples}};
}

Json to_json(const Coverage& c) {
  return {{"target_operators", c.target_operators},
          {"exact", c.exact},
          {"faulty", c.faulty},
          {"rewrite", c.rewrite},
          {"opaque", c.opaque},
          {"unaligned", c.unaligned}};
}

Json to_json(const Label& l) {
  return {{"index", l.index}, {"text", l.text}, {"score", number(l.score)}};
}

Json to_json(const Sample& s) {
  return {{"name", s.name},
          {"original", s.original},
          {"set", s.set},
          {"near_tie", s.near_tie},
          {"source_top5", list(s.source_top5)},
          {"target_top5", list(s.target_top5)},
          {"repaired_top5", list(s.repaired_top5)},
          {"max_absolute_error", number(s.max_absolute_error)},
          {"max_absolute_error_after", number(s.max_absolute_error_after)}};
}

Json to_json(const DepthPoint& p) {
  return {{"operator", p.operator_index},
          {"name", p.name},
          {"type", p.type},
          {"relative_error", number(p.relative_error)},
          {"ratio_to_tolerance", number(p.ratio_to_tolerance)},
          {"state", segment_state_name(p.state)},
          {"relative_error_after", number(p.relative_error_after)}};
}

Json to_json(const ModelInfo& m) {
  return {{"path", m.path},
          {"format", m.format},
          {"sha256", m.sha256},
          {"operators", m.operators},
          {"parameter_bytes", m.parameter_bytes},
          {"runtime", m.runtime},
          {"runtime_version", m.runtime_version}};
}

Json to_json(const Preprocess& p) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"source", or_null(p.source)},
          {"target", or_null(p.target)},
          {"source_proposed", or_null(p.source_proposed)},
          {"target_proposed", or_null(p.target_proposed)}};
}

Json to_json(const Result& r) {
  Json out = {{"fetafix", r.version},
              {"command", r.command},
              {"source", to_json(r.source)},
              {"target", to_json(r.target)},
              {"samples", r.samples},
              {"held_back", r.held_back},
              {"preprocess", to_json(r.preprocess)},
              {"verdict", verdict_name(r.verdict)},
              {"reason", r.reason},
              {"before", to_json(r.before)}};
  if (r.after) out["after"] = to_json(*r.after);
  if (r.held_back_after) out["held_back_after"] = to_json(*r.held_back_after);
  out["coverage"] = to_json(r.coverage);
  out["faults"] = list(r.faults);
  out["patch"] = text(r.patch);
  out["output"] = text(r.output);
  out["seconds"] = Json::object();
  for (const auto& [stage, seconds] : r.seconds) out["seconds"][stage] = number(seconds);
  out["sample_list"] = list(r.sample_list);
  out["depth"] = list(r.depth);
  out["notes"] = r.notes;
  out["warnings"] = r.warnings;
  return out;
}

}  // namespace fetafix::results
