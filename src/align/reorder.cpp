// Channels in another order: right as long as every operator that reads them follows, and in the end undoes
// it.
#include <algorithm>
#include <limits>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr size_t most_in_order = 16;    // source values tried in another order
constexpr double clearly_nearer = 0.8;  // of the distance in the source's order
constexpr double weights_nearer = 0.5;  // the same, of weights
constexpr int most_layout_hops = 4;     // changes of layout before the operator that sums over the channels

// The axis of the weights along which a sum over the channels goes.
std::optional<size_t> summed_axis(const Node& node) {
  if (node.type == "MatMul") return 0;
  if (graph::attribute_or(node, "group", int64_t{1}) != 1) return std::nullopt;
  if (node.type == "Conv") return 1;
  return node.type == "ConvTranspose" ? std::optional<size_t>(0) : std::nullopt;
}

// How much each channel weighs: unlike the weights themselves, this does not hang on the order of the other
// axis.
std::vector<double> channel_weights(const Tensor& weights, size_t axis) {
  const Shape& shape = weights.shape();
  if (axis >= shape.size() || weights.dtype() != DType::float32) return {};
  size_t inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= static_cast<size_t>(shape[d]);
  std::vector<double> out(static_cast<size_t>(shape[axis]));
  const auto values = weights.as<float>();
  for (size_t i = 0; i < values.size(); ++i)
    out[i / inner % out.size()] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return out;
}

double distance(std::span<const double> a, std::span<const double> b, std::span<const int> order) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double other = b[order.empty() ? i : static_cast<size_t>(order[i])];
    sum += (a[i] - other) * (a[i] - other);
  }
  return sum;
}

}  // namespace

// Whether what comes out are sums over the channels that go in: their order is that of the weights.
bool Walk::mixes_channels(const Node& node) const {
  const auto weights = [&](size_t slot) -> const Tensor* {
    const bool have = slot < node.inputs.size() && node.inputs[slot] != graph::no_value;
    return have ? constant_operand(node.inputs[slot]) : nullptr;
  };
  if (node.type == "MatMul") return weights(0) || weights(1);
  if ((node.type != "Conv" && node.type != "ConvTranspose") || !weights(1)) return false;
  // A depthwise convolution lets each channel through for itself.
  const auto& shape = weights(1)->shape();
  const int64_t groups = graph::attribute_or(node, "group", int64_t{1});
  return node.type == "Conv" ? shape[1] > 1 || groups == 1 : shape[0] > groups || groups == 1;
}

// The operators that may have begun the order in which the operands of `nodes` stand.
Walk::Nodes Walk::roots_before(const Nodes& nodes) const {
  Nodes out;
  for (NodeId id : nodes)
    for (ValueId in : target_.node(id).inputs)
      if (auto found = roots_.find(in); found != roots_.end())
        out.insert(found->second.begin(), found->second.end());
  return out;
}

// The operators that may have begun the order in which what `nodes` make stands. Whatever mixes channels
// right has undone the order of its operands and begins its own.
Walk::Nodes Walk::roots_of(const Nodes& nodes) const {
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id)
    if (mixes_channels(target_.node(*id))) return {*id};
  return roots_before(nodes);
}

// The orders in which the operands of `nodes` stand.
std::vector<ChannelOrder> Walk::orders_before(const Nodes& nodes) const {
  std::vector<ChannelOrder> out;
  for (NodeId id : nodes)
    for (ValueId in : target_.node(id).inputs)
      if (roots_.contains(in)) out.push_back(out_.pairs.at(in).arrangement.channels);
  return out;
}

// Whether what `nodes` make may stand in another order.
bool Walk::may_take_order(const Nodes& nodes, ValueId value) const {
  const bool refused =
      std::any_of(nodes.begin(), nodes.end(), [&](NodeId n) { return refused_.contains(n); });
  return !refused && live_[static_cast<size_t>(*nodes.rbegin())] &&
         !uses_.is_output[static_cast<size_t>(value)] && !roots_of(nodes).empty();
}

// The source value that came out with its channels in another order. Only a chain that carries such an order
// or may begin one is asked, and nothing but rounding may lie between.
std::optional<Walk::Found> Walk::in_another_order(const Made& made) {
  if (!may_take_order(made.nodes, target_.node(made.id).outputs[made.output])) return std::nullopt;
  const auto orders = orders_before(made.nodes);
  auto found = judged(made, source_.match_reordered(made.samples, made.sieve, orders));
  return found && is_right(made, *found) ? found : std::nullopt;
}

// Source values that the output may be with its channels in another order: that of an operand, or where the
// channels are mixed the nearest. First what an operator of its own type computes, then by error.
std::vector<Walk::Candidate> Walk::candidates_in_order(NodeId id) const {
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[0];
  const auto computed = unpaired_evidence(value);
  const Nodes nodes = unexplained(id);
  if (!may_take_order(nodes, value)) return {};
  const auto orders = orders_before(nodes);
  const bool mixes = roots_of(nodes) != roots_before(nodes);
  using Ranked = std::pair<std::pair<bool, double>, Candidate>;
  std::vector<Ranked> ranked;
  const auto consider = [&](ValueId source, const Arrangement& arrangement, double error) {
    const int position = source_.position(source);
    const bool other_type = position < 0 || source_.graph().node(position).type != node.type;
    ranked.push_back({{other_type, error}, {source, arrangement, Evidence::confirmed}});
  };
  const int64_t size = computed.empty() ? -1 : computed[0].size();
  for (ValueId source : nearest_values(size, frontier(id), most_in_order)) {
    if (used_.contains(source)) continue;
    if (const auto best = source_.best_order(computed, source, orders, mixes))
      consider(source, best->arrangement, best->relative);
  }
  for (ValueId source : mixes ? std::vector<ValueId>() : next_values(frontier(id))) {
    const Shape& shape = source_.at(0, source).shape();
    if (source_.at(0, source).size() == size) continue;
    for (const ChannelOrder& order : orders)
      if (fits(order, shape)) consider(source, {dominant_permutation(shape), order}, 2);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.first < b.first; });
  std::vector<Candidate> out;
  out.reserve(ranked.size());
  for (const Ranked& one : ranked) out.push_back(one.second);
  return out;
}

// What the node makes when its operands stand in the source's order.
std::vector<Tensor> Walk::made_in_source_order(NodeId id) {
  std::vector<Tensor> out;
  for (size_t s = 0; s < values_.size(); ++s) {
    evaluate::Feeds feeds = values_[s];
    for (ValueId in : target_.node(id).inputs) {
      if (!roots_.contains(in)) continue;
      const Pair& pair = out_.pairs.at(in);
      feeds.at(in) =
          hand_over(source_.at(s, pair.source), {pair.arrangement.permutation, {}}, feeds.at(in).shape());
    }
    auto run = run_node(id, feeds);
    if (!run.ok()) return {};
    out.push_back((*run)[0]);
  }
  return is_evidence(out) ? out : std::vector<Tensor>();
}

// Relative L2 to the nearest source value around the node, in whatever order.
double Walk::distance_to_source(NodeId id, std::span<const Tensor> samples) const {
  double least = std::numeric_limits<double>::infinity();
  const auto orders = orders_before({id});
  for (ValueId source : nearest_values(samples[0].size(), frontier(id), most_in_order)) {
    if (used_.contains(source)) continue;
    if (auto plain = source_.best_permutation(samples, source)) least = std::min(least, plain->relative);
    if (auto moved = source_.best_order(samples, source, orders, true))
      least = std::min(least, moved->relative);
  }
  return least;
}

// Whether more than one operator has parameters of its own in the order.
bool Walk::is_followed(const Nodes& roots) const {
  if (roots.size() > 1) return true;
  for (const auto& [value, began] : roots_) {
    const NodeId producer = uses_.producer[static_cast<size_t>(value)];
    if (roots.contains(producer) || !std::includes(roots.begin(), roots.end(), began.begin(), began.end()))
      continue;
    const ChannelOrder& order = out_.pairs.at(value).arrangement.channels;
    for (ValueId in : target_.node(producer).inputs) {
      const Tensor* constant = in == graph::no_value ? nullptr : constant_operand(in);
      if (!constant) continue;
      for (int axis = 0; axis < static_cast<int>(squeezed(constant->shape()).size()); ++axis) {
        const ChannelOrder here{axis, order.from};
        if (fits(here, constant->shape()) && !reordered(*constant, here).identical(*constant)) return true;
      }
    }
  }
  return false;
}

// The source's operators of that type that read a value, behind what moves its elements.
std::vector<NodeId> Walk::source_readers(ValueId value, const std::string& type) const {
  std::vector<NodeId> out;
  std::vector<std::pair<ValueId, int>> open;
  for (ValueId twin : source_.twins(value)) open.emplace_back(twin, 0);
  while (!open.empty()) {
    const auto [at, hops] = open.back();
    open.pop_back();
    for (const graph::Uses::Use& use : source_.uses().consumers[static_cast<size_t>(at)]) {
      const Node& node = source_.graph().node(use.node);
      if (node.type == type) out.push_back(use.node);
      if (is_layout(node) && hops < most_layout_hops && !node.outputs.empty())
        open.emplace_back(node.outputs[0], hops + 1);
    }
  }
  return out;
}

// Whether the weights that sum over the channels follow their order: how much each channel weighs in them
// says so, whatever else is wrong.
bool Walk::weights_follow(NodeId id) const {
  const auto root = std::find_if(target_.node(id).inputs.begin(), target_.node(id).inputs.end(),
                                 [&](ValueId in) { return roots_.contains(in); });
  if (root == target_.node(id).inputs.end()) return false;
  const Pair& pair = out_.pairs.at(*root);
  for (int hops = 0; hops < most_layout_hops && is_layout(target_.node(id)); ++hops) {
    const auto& readers = uses_.consumers[static_cast<size_t>(target_.node(id).outputs[0])];
    if (readers.size() != 1) return false;
    id = readers[0].node;
  }
  const Node& node = target_.node(id);
  const auto axis = summed_axis(node);
  if (!axis || !mixes_channels(node)) return false;
  const auto mine = channel_weights(*constant_operand(node.inputs[1]), *axis);
  const auto& order = pair.arrangement.channels.from;
  for (NodeId reader : source_readers(pair.source, node.type)) {
    const Node& other = source_.graph().node(reader);
    const auto& weights = source_.graph().value(other.inputs[1]);
    if (!weights.is_constant() || summed_axis(other) != axis) continue;
    const auto its = channel_weights(weights.constant, *axis);
    if (mine.empty() || mine.size() != its.size() || mine.size() != order.size()) continue;
    if (distance(mine, its, order) < weights_nearer * distance(mine, its, {})) return true;
  }
  return false;
}

// Whether the node at which the walk is stuck is wrong by itself, and the order in which its operands stand
// is not: others follow the order too, or its own weights do; or they follow it further on; or at least the
// node comes nearer in it than in the source's order, in which it must not come out right.
bool Walk::is_wrong_in_order(size_t position, const Nodes& roots) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  if (!pending_before(node).empty() || node.outputs.size() != 1) return false;
  if (is_followed(roots) || weights_follow(id)) return true;
  const auto now = unpaired_evidence(node.outputs[0]);
  const auto then = made_in_source_order(id);
  if (!then.empty() && !source_.match(then, loose_sieve()).empty()) return false;
  rewind(position + 1);
  if (const auto found = confirm_region(position); found && !found->second.arrangement.channels.empty())
    return true;
  return !now.empty() && !then.empty() &&
         distance_to_source(id, now) < clearly_nearer * distance_to_source(id, then);
}

// Where the walk is stuck behind channels in another order, that order is what is wrong if the node there is
// not: the walk goes back to where it began, and takes none there.
std::optional<size_t> Walk::take_back_order(size_t position) {
  const NodeId id = order_[position];
  if (refused_.contains(id)) return std::nullopt;  // it was right but for the order
  const Nodes roots = roots_before(unexplained(id));
  if (roots.empty() || is_wrong_in_order(position, roots)) return std::nullopt;
  refused_.insert(roots.begin(), roots.end());
  const auto first =
      static_cast<size_t>(std::find(order_.begin(), order_.end(), *roots.begin()) - order_.begin());
  given_.erase(given_.lower_bound(*roots.begin()), given_.end());
  return first;
}

}  // namespace fetafix::align
