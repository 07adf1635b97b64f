#include "graph/known_numbers.h"

#include <algorithm>
#include <limits>

namespace fetafix::graph {
namespace {

using Numbers = std::vector<std::optional<int64_t>>;

constexpr size_t most_numbers = 64;  // no shape has more
constexpr int most_nodes = 64;       // what is longer than any shape arithmetic is not followed

// Shapes are vectors and sizes are scalars, so that axes need no bookkeeping: what has several numbers and
// more than one dimension is not known.
class Arithmetic {
 public:
  explicit Arithmetic(const Graph& view) : view_(view) {}

  Numbers of(ValueId id) {
    if (id == no_value) return {};
    const Value& value = view_.value(id);
    if (value.is_constant()) return stored(value.constant);
    const Node* node = --nodes_left_ > 0 ? producer(id) : nullptr;
    if (!node || node->opaque || node->inputs.empty() || node->inputs[0] == no_value) return {};
    if (node->type == "Shape") return sizes(view_.value(node->inputs[0]));
    if (node->type == "Concat") return joined(*node);
    Numbers first = of(node->inputs[0]);
    if (node->type == "Cast" || node->type == "Identity") return first;
    if (node->type == "Squeeze" || node->type == "Unsqueeze" || node->type == "Reshape")
      return first.size() == 1 ? first : Numbers();
    if (node->type == "Slice") return sliced(*node, first);
    if (node->type == "Add" || node->type == "Sub" || node->type == "Mul") return combined(*node, first);
    return {};
  }

 private:
  static Numbers stored(const Tensor& tensor) {
    if (!is_integer(tensor.dtype()) || tensor.rank() > 1 ||
        tensor.size() > static_cast<int64_t>(most_numbers))
      return {};
    auto numbers = to_int64s(tensor);
    return numbers.ok() ? Numbers(numbers->begin(), numbers->end()) : Numbers();
  }

  static Numbers sizes(const Value& value) {
    Numbers out;
    for (int64_t size : value.shape.value_or(Shape{}))
      out.push_back(size < 0 ? std::nullopt : std::optional(size));
    return out;
  }

  // The nearest, since nodes stand in order.
  const Node* producer(ValueId id) const {
    const auto makes = [&](const Node& node) { return node.outputs.size() == 1 && node.outputs[0] == id; };
    const auto found = std::find_if(view_.nodes.rbegin(), view_.nodes.rend(), makes);
    return found == view_.nodes.rend() ? nullptr : &*found;
  }

  Numbers joined(const Node& node) {
    if (attribute_or(node, "axis", int64_t{0}) != 0) return {};
    Numbers out;
    for (ValueId in : node.inputs) {
      const Numbers part = of(in);
      if (part.empty() || out.size() + part.size() > most_numbers) return {};
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  }

  Numbers sliced(const Node& node, const Numbers& from) {
    Numbers bounds;  // start, end, axis, step
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      const Numbers one = of(node.inputs[i]);
      if (one.size() != 1 || !one[0]) return {};
      bounds.push_back(one[0]);
    }
    if (bounds.size() < 3 || *bounds[2] != 0 || (bounds.size() > 3 && *bounds[3] != 1)) return {};
    const auto count = static_cast<int64_t>(from.size());
    const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count); };
    const int64_t start = place(*bounds[0]), end = std::max(place(*bounds[1]), start);
    return {from.begin() + start, from.begin() + end};
  }

  Numbers combined(const Node& node, const Numbers& a) {
    const Numbers b = node.inputs.size() == 2 ? of(node.inputs[1]) : Numbers();
    if (a.empty() || b.empty() || (a.size() != b.size() && a.size() != 1 && b.size() != 1)) return {};
    Numbers out(std::max(a.size(), b.size()));
    for (size_t i = 0; i < out.size(); ++i) {
      const auto x = a[a.size() == 1 ? 0 : i], y = b[b.size() == 1 ? 0 : i];
      if (!x || !y || !countable(*x) || !countable(*y)) continue;
      out[i] = node.type == "Add" ? *x + *y : node.type == "Sub" ? *x - *y : *x * *y;
    }
    return out;
  }

  // Sums and products of two such numbers fit in 64 bits.
  static bool countable(int64_t number) {
    constexpr std::numeric_limits<int32_t> range;
    return number >= range.min() && number <= range.max();
  }

  const Graph& view_;
  int nodes_left_ = most_nodes;
};

}  // namespace

std::vector<std::optional<int64_t>> known_numbers(const Graph& view, ValueId value) {
  return Arithmetic(view).of(value);
}

}  // namespace fetafix::graph
