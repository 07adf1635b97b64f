#include "pipeline/feed_adapter.h"

#include <algorithm>

#include "data/preprocess_parts.h"

namespace fetafix::pipeline {
namespace {

using data::Layout;
using data::Part;
using data::Preprocessing;

constexpr const char* way_out = "; make the input as proposed instead";

Error cannot(const std::string& why) {
  return {ErrorKind::unsupported, "--build-in: " + why + way_out};
}

// Operators from the model's input on, one after the other.
class Chain {
 public:
  explicit Chain(int input) { edge_.graph_input = input; }

  void add(const char* type, graph::Attributes attributes, std::vector<std::optional<Tensor>> operands) {
    operands.insert(operands.begin(), std::nullopt);
    group_.edits.emplace_back(
        graph::InsertNode{edge_, {}, type, std::move(attributes), std::move(operands), {}});
  }

  // What is put on an edge later comes before what is there.
  graph::EditGroup take() {
    std::reverse(group_.edits.begin(), group_.edits.end());
    return std::move(group_);
  }

 private:
  graph::ValueAddress edge_;
  graph::EditGroup group_;
};

bool differ_in(Part part, const Preprocessing& a, const Preprocessing& b) {
  const auto parts = data::differing_parts(a.spec, b.spec);
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// A right input channel is a line of one channel of the given input: right = given[from] * factor + shift.
struct Mix {
  std::vector<size_t> from;
  std::vector<float> factor, shift;
};

Mix mix_of(const Preprocessing& given, const Preprocessing& right) {
  const data::PreprocessSpec &g = given.spec, &r = right.spec;
  const bool turned = g.channels != r.channels;
  Mix out;
  for (size_t c = 0; c < r.mean.size(); ++c) {
    const size_t from = turned && c < 3 ? 2 - c : c;
    const double factor = (*r.scale / r.std[c]) / (*g.scale / g.std[from]);
    out.from.push_back(from);
    out.factor.push_back(static_cast<float>(factor));
    out.shift.push_back(static_cast<float>(factor * g.mean[from] / g.std[from] - r.mean[c] / r.std[c]));
  }
  return out;
}

// Numbers that a reshape left in another order.
Status sort_numbers(Chain& chain, const Preprocessing& given) {
  const int64_t h = given.height, w = given.width, c = static_cast<int64_t>(given.spec.mean.size());
  if (given.input.shape.size() != 4 || h <= 0 || w <= 0)
    return cannot("an input of any size can't be put in order inside the model");
  const bool nchw = *given.spec.layout == Layout::nchw;
  const std::vector<int64_t> shape =
      nchw ? std::vector<int64_t>{given.batch, h, w, c} : std::vector<int64_t>{given.batch, c, h, w};
  chain.add("Reshape", {}, {Tensor::vector<int64_t>(shape)});
  chain.add("Transpose",
            {{"perm", nchw ? std::vector<int64_t>{0, 3, 1, 2} : std::vector<int64_t>{0, 2, 3, 1}}}, {});
  return {};
}

void swap_axes(Chain& chain, const Preprocessing& given) {
  std::vector<int64_t> order{0, 1, 2, 3};
  std::swap(*given.spec.layout == Layout::nchw ? order[3] : order[1], order[2]);
  chain.add("Transpose", {{"perm", order}}, {});
}

Tensor per_channel(const std::vector<float>& numbers, bool nchw) {
  const auto c = static_cast<int64_t>(numbers.size());
  return Tensor::of<float>(numbers, nchw ? Shape{1, c, 1, 1} : Shape{1, 1, 1, c});
}

void mix_channels(Chain& chain, const Preprocessing& given, const Preprocessing& right) {
  const Mix mix = mix_of(given, right);
  const bool nchw = *given.spec.layout == Layout::nchw;
  const size_t count = mix.from.size();
  if (!differ_in(Part::channels, given, right)) {
    chain.add("Mul", {}, {per_channel(mix.factor, nchw)});
    chain.add("Add", {}, {per_channel(mix.shift, nchw)});
    return;
  }
  const auto c = static_cast<int64_t>(count);
  std::vector<float> matrix(count * count, 0.0f);
  for (size_t to = 0; to < count; ++to)
    matrix[nchw ? to * count + mix.from[to] : mix.from[to] * count + to] = mix.factor[to];
  if (nchw) {
    chain.add("Conv", {{"kernel_shape", std::vector<int64_t>{1, 1}}},
              {Tensor::of<float>(matrix, {c, c, 1, 1}), Tensor::vector<float>(mix.shift)});
  } else {
    chain.add("MatMul", {}, {Tensor::of<float>(matrix, {c, c})});
    chain.add("Add", {}, {per_channel(mix.shift, nchw)});
  }
}

}  // namespace

Result<graph::EditGroup> adapter(int input, const Preprocessing& given, const Preprocessing& right) {
  if (differ_in(Part::geometry, given, right))
    return cannot("pictures that are cropped or resized otherwise can't be put right inside the model");
  if (given.input.dtype != DType::float32 || given.input.shape.size() != 4)
    return cannot("the input is not float32 with 4 dimensions");
  Chain chain(input);
  if (differ_in(Part::order, given, right)) FETAFIX_CHECK(sort_numbers(chain, given));
  if (differ_in(Part::axes, given, right)) swap_axes(chain, given);
  if (differ_in(Part::values, given, right) || differ_in(Part::channels, given, right))
    mix_channels(chain, given, right);
  graph::EditGroup group = chain.take();
  group.reason = "what the model is fed is made inside it into what it takes";
  return group;
}

}  // namespace fetafix::pipeline
