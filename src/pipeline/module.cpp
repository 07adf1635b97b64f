#include "pipeline/module.h"

#include <filesystem>

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using Specs = std::vector<runtimes::TensorSpec>;

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
                                  const Specs& takes, const Options& options,
                                  std::vector<std::string>& notes) {
  if (takes.empty())
    return Error{ErrorKind::file,
                 factory + ": the other side can't be read, so what the module takes is not known"};
  FETAFIX_TRY(auto folder, TemporaryFolder::make());
  const std::string output = (folder.path() / (fs::path(path).stem().string() + ".pt2")).string();
  side.exported = std::make_shared<TemporaryFolder>(std::move(folder));
  side.given = path;
  const runtimes::Locations locations{options.python, {}, {}};
  const auto turned = channels_first(takes);
  auto said = runtimes::export_module({factory, path, turned.value_or(takes)}, output, locations);
  if (!said.ok() && turned && said.error().kind != ErrorKind::usage)
    if (auto again = runtimes::export_module({factory, path, takes}, output, locations); again.ok())
      said = std::move(again);
  if (!said.ok()) return in_context(factory, std::move(said).error());
  if (!said->empty()) notes.push_back(factory + ": " + *said);
  return output;
}

}  // namespace fetafix::pipeline
