#include "pipeline/module.h"

#include <filesystem>

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using Specs = std::vector<runtimes::TensorSpec>;

Specs inputs_of(const graph::Graph& view) {
  Specs out;
  for (graph::ValueId id : view.inputs) {
    const graph::Value& value = view.value(id);
    out.push_back({value.name, value.dtype, value.shape});
  }
  return out;
}

// Pictures whose channels come last, with channels first; nullopt: none are.
std::optional<Specs> channels_first(Specs specs) {
  bool changed = false;
  for (auto& spec : specs) {
    if (!spec.shape || spec.shape->size() != 4 || (*spec.shape)[3] > 4 || (*spec.shape)[1] <= 4) continue;
    const Shape& last = *spec.shape;
    spec.shape = Shape{last[0], last[3], last[1], last[2]};
    changed = true;
  }
  return changed ? std::optional(std::move(specs)) : std::nullopt;
}

}  // namespace

Result<std::string> export_module(Side& side, const std::string& path, const std::string& factory,
                                  const formats::Lifted& other, const Options& options) {
  FETAFIX_TRY(auto folder, TemporaryFolder::make());
  const std::string output = (folder.path() / (fs::path(path).stem().string() + ".pt2")).string();
  side.exported = std::make_shared<TemporaryFolder>(std::move(folder));
  side.given = path;
  const runtimes::Locations locations{options.python, {}, {}};
  const Specs asked = inputs_of(other.graph);
  const auto turned = channels_first(asked);
  auto first = runtimes::export_module({factory, path, turned.value_or(asked)}, output, locations);
  if (!first.ok() && turned && first.error().kind == ErrorKind::runtime_failed)
    if (runtimes::export_module({factory, path, asked}, output, locations).ok()) return output;
  if (!first.ok()) return in_context(factory, std::move(first).error());
  return output;
}

}  // namespace fetafix::pipeline
