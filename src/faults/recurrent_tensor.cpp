// recurrent-tensor: the parameters of a recurrent layer that the two sides write in different ways, as one
// operator and as a loop over the steps, or each in its own order of gates.
#include <algorithm>
#include <map>

#include "compare/metrics.h"
#include "faults/recurrent_form.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;

// Sums of biases may be rounded; everything else is copied from file to file.
constexpr double rounded = 1e-6;

struct Layer {
  NodeId node;
  Recurrent form;
};

std::vector<NodeId> recurrent_nodes(const graph::Graph& graph, std::span<const NodeId> nodes) {
  std::vector<NodeId> out;
  for (const NodeId id : nodes)
    if (const std::string& type = graph.node(id).type; type == "Loop" || type == "LSTM" || type == "GRU")
      out.push_back(id);
  return out;
}

std::vector<float> sum(const std::vector<Held>& parts) {
  std::vector<float> out;
  for (const Held& part : parts) {
    out.resize(std::max(out.size(), part.numbers.size()));
    for (size_t k = 0; k < part.numbers.size(); ++k) out[k] += part.numbers[k];
  }
  return out;
}

bool agree(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && compare::relative_l2(a, b) <= rounded;
}

// The edits of one layer: numbers that several gates share an operand with are written together.
class Changes {
 public:
  // False: it has nowhere to go.
  bool set(const Held& held, std::span<const float> wanted) {
    if (!held.stored || held.numbers.size() != wanted.size()) return false;
    auto [at, is_new] = tensors_.try_emplace({held.stored->at, held.stored->slot},
                                             std::pair{*held.stored, Tensor(held.stored->now)});
    auto numbers = at->second.second.mutable_as<float>();
    for (size_t k = 0; k < wanted.size(); ++k) numbers[held.index[k]] = wanted[k];
    return true;
  }
  std::vector<graph::Edit> edits() const {
    std::vector<graph::Edit> out;
    for (const auto& [at, tensor] : tensors_) out.push_back(set_stored(tensor.first, tensor.second));
    return out;
  }

 private:
  std::map<std::pair<graph::Address, int>, std::pair<Stored, Tensor>> tensors_;
};

// Adjusts the target's biases so that their sum is the source's, each to its own where both have as many.
bool set_biases(const std::vector<Held>& have, const std::vector<Held>& wanted, Changes& changes) {
  if (have.empty()) return false;
  if (have.size() == wanted.size()) {
    bool all = true;
    for (size_t i = 0; i < have.size(); ++i)
      if (have[i].numbers != wanted[i].numbers) all = changes.set(have[i], wanted[i].numbers) && all;
    return all;
  }
  std::vector<float> first = sum(wanted), now = sum(have);
  if (first.empty()) first.resize(now.size());
  if (first.size() != now.size()) return false;
  for (size_t k = 0; k < first.size(); ++k) first[k] += have[0].numbers[k] - now[k];
  return changes.set(have[0], first);
}

// What differs, in words; nullopt: it can't be mended here.
struct Differences {
  std::vector<std::string> weights, recurrence, biases;  // gates
  Changes changes;
  bool can_be_written = true;

  void look(const Gate& have, const Gate& wanted) {
    if (!have.weights.empty() && !wanted.weights.empty() &&
        have.weights[0].numbers != wanted.weights[0].numbers) {
      weights.push_back(have.name);
      can_be_written = can_be_written && changes.set(have.weights[0], wanted.weights[0].numbers);
    }
    if (have.recurrence[0].numbers != wanted.recurrence[0].numbers) {
      recurrence.push_back(have.name);
      can_be_written = can_be_written && changes.set(have.recurrence[0], wanted.recurrence[0].numbers);
    }
    const bool known = have.weights.size() == wanted.weights.size();  // else a bias may be in the products
    const bool same = agree(sum(have.biases), sum(wanted.biases)) &&
                      agree(sum(have.reset_biases), sum(wanted.reset_biases));
    if (!known || same) return;
    biases.push_back(have.name);
    for (const auto part : {&Gate::biases, &Gate::reset_biases})
      if (!agree(sum(have.*part), sum(wanted.*part)))
        can_be_written = can_be_written && set_biases(have.*part, wanted.*part, changes);
  }
};

std::string listed(const std::vector<std::string>& gates) {
  std::string out = gates.size() > 1 ? " of gates " : " of gate ";
  for (size_t i = 0; i < gates.size(); ++i) out += (i ? ", " : "") + gates[i];
  return out;
}

// Whether the target's gates hold what other gates of the source hold.
bool in_other_order(const Recurrent& have, const Recurrent& wanted) {
  bool moved = false;
  for (size_t g = 0; g < have.gates.size(); ++g) {
    const auto& numbers = have.gates[g].recurrence[0].numbers;
    const auto found = std::ranges::find_if(
        wanted.gates, [&](const Gate& gate) { return gate.recurrence[0].numbers == numbers; });
    if (found == wanted.gates.end()) return false;
    moved = moved || found->name != have.gates[g].name;
  }
  return moved;
}

std::optional<Candidate> compared(const Recurrent& have, const Recurrent& wanted) {
  if (have.type != wanted.type || have.linear_before_reset != wanted.linear_before_reset ||
      have.gates.size() != wanted.gates.size() ||
      have.gates[0].recurrence[0].numbers.size() != wanted.gates[0].recurrence[0].numbers.size())
    return std::nullopt;
  Differences found;
  for (size_t g = 0; g < have.gates.size(); ++g) found.look(have.gates[g], wanted.gates[g]);
  Candidate out{"recurrent-tensor", "parameters", "", "", found.changes.edits()};
  if (!found.can_be_written || out.edits.empty()) return std::nullopt;
  if (in_other_order(have, wanted)) {
    out.explanation = "the gates of the " + have.type + " are in another order than the source's";
  } else {
    const auto say = [&](const char* what, const std::vector<std::string>& gates) {
      if (!gates.empty())
        out.explanation += (out.explanation.empty() ? "the " : " and the ") + (what + listed(gates));
    };
    say("input weights", found.weights);
    say("recurrent weights", found.recurrence);
    say("biases", found.biases);
    out.explanation += " of the " + have.type + " are not the source's";
  }
  out.advice = "compare the file's constants with the source right after converting";
  return out;
}

}  // namespace

std::vector<Candidate> recurrent_tensor(const Place& place) {
  if (!place.segment) return {};
  const auto sources = recurrent_nodes(place.source, place.segment->source_nodes);
  const auto targets = recurrent_nodes(place.target, place.segment->target_nodes);
  std::vector<Candidate> out;
  for (const NodeId target : targets) {
    const auto have = recurrent_of_target(place, target);
    if (!have) continue;
    for (const NodeId source : sources)
      if (const auto wanted = recurrent_of_source(place, source))
        if (auto candidate = compared(*have, *wanted)) out.push_back(std::move(*candidate));
  }
  return out;
}

}  // namespace fetafix::faults
