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

// Whether the target's gates hold what other gates of the source hold; nullopt: some hold what none does.
std::optional<bool> is_in_other_order(const Recurrent& have, const Recurrent& wanted) {
  bool moved = false;
  for (size_t g = 0; g < have.gates.size(); ++g) {
    const auto& numbers = have.gates[g].recurrence[0].numbers;
    const auto found = std::ranges::find_if(
        wanted.gates, [&](const Gate& gate) { return gate.recurrence[0].numbers == numbers; });
    if (found == wanted.gates.end()) return std::nullopt;
    moved = moved || found->name != have.gates[g].name;
  }
  return moved;
}

// Two forms of one layer and direction.
struct Both {
  const Recurrent* have;
  const Recurrent* wanted;
};

bool comparable(const Recurrent& have, const Recurrent& wanted) {
  return have.type == wanted.type && have.linear_before_reset == wanted.linear_before_reset &&
         have.gates.size() == wanted.gates.size() &&
         have.gates[0].recurrence[0].numbers.size() == wanted.gates[0].recurrence[0].numbers.size();
}

std::optional<Candidate> compared(const std::vector<Both>& pairs) {
  Differences found;
  bool holds_the_same = true, is_moved = false;
  for (const auto& [have, wanted] : pairs) {
    if (!comparable(*have, *wanted)) return std::nullopt;
    for (size_t g = 0; g < have->gates.size(); ++g) found.look(have->gates[g], wanted->gates[g]);
    const auto moved = is_in_other_order(*have, *wanted);
    holds_the_same = holds_the_same && moved.has_value();
    is_moved = is_moved || moved == true;
  }
  Candidate out{"recurrent-tensor", "parameters", "", "", found.changes.edits()};
  if (!found.can_be_written || out.edits.empty()) return std::nullopt;
  const std::string& type = pairs[0].have->type;
  if (holds_the_same && is_moved) {
    out.explanation = "the gates of the " + type + " are in another order than the source's";
  } else {
    const auto say = [&](const char* what, const std::vector<std::string>& gates) {
      if (!gates.empty())
        out.explanation += (out.explanation.empty() ? "the " : " and the ") + (what + listed(gates));
    };
    say("input weights", found.weights);
    say("recurrent weights", found.recurrence);
    say("biases", found.biases);
    out.explanation += " of the " + type + " are not the source's";
  }
  out.advice = "compare the file's constants with the source right after converting";
  return out;
}

// Directions with their counterparts. What is written as one operator for each direction has them in any
// order; where neither side has several, what the direction is called is not asked.
std::vector<Both> by_direction(const std::vector<Recurrent>& have, const std::vector<Recurrent>& wanted) {
  std::vector<Both> out;
  if (have.size() == 1 && wanted.size() == 1) return {{&have[0], &wanted[0]}};
  for (const Recurrent& mine : have)
    for (const Recurrent& its : wanted)
      if (mine.direction == its.direction && mine.direction != Recurrent::Direction::unknown)
        out.push_back({&mine, &its});
  return out;
}

std::vector<Recurrent> joined(const std::vector<std::vector<Recurrent>>& layers) {
  std::vector<Recurrent> out;
  for (const auto& layer : layers) out.insert(out.end(), layer.begin(), layer.end());
  return out;
}

}  // namespace

std::vector<Candidate> recurrent_tensor(const Place& place) {
  if (!place.segment) return {};
  std::vector<std::vector<Recurrent>> sources, targets;
  for (const NodeId node : recurrent_nodes(place.source, place.segment->source_nodes))
    sources.push_back(recurrent_of_source(place, node));
  for (const NodeId node : recurrent_nodes(place.target, place.segment->target_nodes))
    targets.push_back(recurrent_of_target(place, node));
  std::vector<Candidate> out;
  const auto keep = [&](const std::vector<Both>& pairs) {
    if (pairs.empty()) return;
    if (auto candidate = compared(pairs)) out.push_back(std::move(*candidate));
  };
  for (const auto& target : targets)
    for (const auto& source : sources) keep(by_direction(target, source));
  // One operator for each direction on one side: both at once.
  if (targets.size() + sources.size() == 3) keep(by_direction(joined(targets), joined(sources)));
  return out;
}

}  // namespace fetafix::faults
