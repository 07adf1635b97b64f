#include "pipeline/sound.h"

#include <algorithm>

#include "base/files.h"
#include "graph/declared_shape.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using formats::Defect;

// Chooses, one defect after another, the way that mends it.
class Mender {
 public:
  Mender(const Side& side, const Options& options) : side_(side), options_(options) {
    patch_.format = side.model->format();
    patch_.model_sha256 = side.model->sha256();
  }

  Status run(std::vector<Defect> defects) {
    for (Defect& defect : defects)
      if (!defect.only_if_it_loads) keep(std::move(defect), 0);
    for (size_t i = 0; i < kept_.size(); ++i) FETAFIX_CHECK(choose_way(i));
    for (Defect& defect : defects)
      if (defect.only_if_it_loads) FETAFIX_CHECK(try_ways(defect));
    return {};
  }

  const graph::Patch& patch() const { return patch_; }
  std::vector<Defect> kept() && { return std::move(kept_); }

 private:
  void keep(Defect defect, size_t way) {
    patch_.groups.push_back({defect.ways[way], defect.explanation});
    kept_.push_back(std::move(defect));
  }

  Result<bool> loads(const graph::Patch& patch) {
    auto model = side_.model->patched(patch);
    if (!model.ok() || options_.run_nothing) return model.ok();
    FETAFIX_TRY(auto tried, write_and_load(side_, **model, options_));
    auto& session = tried.session;
    if (!session.ok() && session.error().kind == ErrorKind::interrupted) return std::move(session).error();
    return session.ok() && (!side_.loader || runs(**session));
  }

  // A file that loads and does not run: on zeros of the sizes that it states.
  static bool runs(runtimes::Session& session) {
    std::vector<Tensor> inputs;
    for (const auto& spec : session.inputs()) {
      Shape shape = spec.shape.value_or(Shape{});
      for (int64_t& dim : shape) dim = std::max<int64_t>(dim, 1);
      auto zeros = Tensor::zeros(spec.dtype, shape);
      if (!zeros.ok()) return false;
      inputs.push_back(std::move(zeros).value());
    }
    return session.run(inputs).ok();
  }

  // The first way stands already; another is better where the file loads with it.
  Status choose_way(size_t index) {
    const Defect& defect = kept_[index];
    for (size_t way = 0; defect.ways.size() > 1 && way < defect.ways.size(); ++way) {
      graph::Patch draft = patch_;
      draft.groups[index].edits = defect.ways[way];
      FETAFIX_TRY(const bool good, loads(draft));
      if (!good) continue;
      patch_ = std::move(draft);
      return {};
    }
    return {};
  }

  Status try_ways(Defect& defect) {
    FETAFIX_TRY(const bool loads_already, loads(patch_));
    if (loads_already) return {};
    for (size_t way = 0; way < defect.ways.size(); ++way) {
      graph::Patch draft = patch_;
      draft.groups.push_back({defect.ways[way], defect.explanation});
      FETAFIX_TRY(const bool good, loads(draft));
      if (!good) continue;
      keep(std::move(defect), way);
      return {};
    }
    return {};
  }

  const Side& side_;
  const Options& options_;
  graph::Patch patch_;
  std::vector<Defect> kept_;
};

// Whether two edits write the same thing.
bool same_place(const graph::Edit& one, const graph::Edit& other) {
  if (const auto* a = std::get_if<graph::SetTensor>(&one))
    if (const auto* b = std::get_if<graph::SetTensor>(&other))
      return a->at.op == b->at.op && a->slot == b->slot;
  if (const auto* a = std::get_if<graph::SetOperand>(&one))
    if (const auto* b = std::get_if<graph::SetOperand>(&other))
      return a->at.op == b->at.op && a->input == b->input;
  if (const auto* a = std::get_if<graph::SetOutput>(&one))
    if (const auto* b = std::get_if<graph::SetOutput>(&other)) return a->output == b->output;
  return false;
}

bool is_set_later(const graph::Patch& patch, size_t group) {
  const auto later = [&](const graph::Edit& edit) {
    for (size_t g = group + 1; g < patch.groups.size(); ++g)
      for (const graph::Edit& other : patch.groups[g].edits)
        if (same_place(edit, other)) return true;
    return false;
  };
  const auto& edits = patch.groups[group].edits;
  return std::all_of(edits.begin(), edits.end(), later);
}

// The group that sets what edits of group `first` set first; it comes later.
size_t setting_it(const graph::Patch& patch, size_t first) {
  for (size_t g = first + 1; g < patch.groups.size(); ++g)
    for (const graph::Edit& edit : patch.groups[g].edits)
      if (same_place(patch.groups[first].edits[0], edit)) return g;
  return first;
}

// A runtime loads a file whose input nothing that the source reads can be fed to. Empty: it is none. Which of
// several inputs belong together is not known yet.
std::string unfit_input(const graph::Graph& target, const graph::Graph& source) {
  if (target.inputs.size() != 1 || source.inputs.size() != 1) return "";
  const graph::Value &mine = target.value(target.inputs[0]), &its = source.value(source.inputs[0]);
  if (!mine.shape || !its.shape || !graph::is_other_picture(*mine.shape, *its.shape)) return "";
  return "its input '" + mine.name + "' is declared as " + to_string(*mine.shape) + ", the source's as " +
         to_string(*its.shape);
}

// What a runtime may load by luck.
bool is_suspect(const formats::Lifted& lifted) {
  const auto& nodes = lifted.graph.nodes;
  return !lifted.in_order ||
         std::any_of(nodes.begin(), nodes.end(), [](const graph::Node& node) { return node.opaque; });
}

}  // namespace

Status make_sound(Pair& pair, const Options& options) {
  Side& side = pair.target;
  if (side.broken.empty() && side.recorded.empty()) {
    side.broken = unfit_input(side.lifted.graph, pair.source.lifted.graph);
    if (!side.broken.empty()) side.session.reset();
  }
  if (side.broken.empty() && !is_suspect(side.lifted)) return {};
  auto defects = side.model->defects(pair.source.lifted.graph);
  if (side.broken.empty()) {
    std::erase_if(defects, [](const Defect& defect) { return !defect.though_it_loads; });
    if (defects.empty()) return {};
  }
  // Nothing is wrong with it that is known: it is what we can't read.
  if (side.unreadable && defects.empty())
    return Error{ErrorKind::unsupported, side.path + ": " + side.broken};
  Mender mender(side, options);
  FETAFIX_CHECK(mender.run(std::move(defects)));
  if (!mender.patch().groups.empty()) {
    auto model = side.model->patched(mender.patch());
    auto lifted = model.ok() ? (*model)->lift() : Result<formats::Lifted>(model.error());
    if (lifted.ok()) {
      side.lifted = std::move(lifted).value();
      side.sound = mender.patch();
      side.defects = std::move(mender).kept();
    }
  }
  // What neither this program nor, as it seems, the runtime reads is looked into like any wrong operator.
  for (graph::Node& node : side.lifted.graph.nodes) {
    if (side.session || !node.opaque) continue;
    node.opaque = false;
    if (node.domain.empty()) node.domain = "an unknown kind";
  }
  return {};
}

results::Fault fault_of(const Defect& defect) {
  results::Fault out;
  out.fault_class = defect.fault_class;
  out.pattern = defect.pattern;
  out.target_node = defect.place;
  out.explanation = defect.explanation;
  out.advice = defect.advice;
  out.confidence = defect.only_if_it_loads ? 0.9 : 1;
  return out;
}

std::vector<Stopgap> drop_stopgaps(graph::Patch& patch, const Side& side) {
  std::vector<Stopgap> out;
  for (size_t i = side.defects.size(); i-- > 0;) {
    if (!side.defects[i].stopgap || !is_set_later(patch, i)) continue;
    const auto edits = patch.groups[i].edits;
    const size_t by = setting_it(patch, i);
    auto& later = patch.groups[by].edits;
    const bool alone = std::all_of(later.begin(), later.end(), [&](const graph::Edit& edit) {
      return std::any_of(edits.begin(), edits.end(),
                         [&](const graph::Edit& e) { return same_place(e, edit); });
    });
    // Where the file held no tensor at all, the later edit needs it to be there.
    if (std::holds_alternative<graph::SetTensor>(edits[0]))
      later.insert(later.begin(), edits.begin(), edits.end());
    patch.groups.erase(patch.groups.begin() + static_cast<std::ptrdiff_t>(i));
    size_t numbered = by;  // before any was left out
    for (auto gone = out.rbegin(); gone != out.rend(); ++gone) numbered += numbered >= gone->group;
    out.push_back({i, numbered, alone});
  }
  return out;
}

}  // namespace fetafix::pipeline
