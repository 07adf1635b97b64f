#include "graph/infer_shape.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "graph/known_numbers.h"

namespace fetafix::graph {
namespace {

std::optional<Shape> shape_at(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == no_value) return std::nullopt;
  const Value& value = graph.value(node.inputs[input]);
  return value.is_constant() ? value.constant.shape() : value.shape;
}

std::vector<int64_t> numbers_at(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == no_value) return {};
  const Value& value = graph.value(node.inputs[input]);
  auto numbers =
      value.is_constant() ? to_int64s(value.constant) : Result<std::vector<int64_t>>(std::vector<int64_t>());
  return numbers.ok() ? *numbers : std::vector<int64_t>();
}

// The same of sizes that may be computed: -1 where one depends on the run; empty: not even their number is
// known.
Shape sizes_at(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == no_value) return {};
  Shape out;
  for (const auto& number : known_numbers(graph, node.inputs[input])) out.push_back(number.value_or(-1));
  return out;
}

// As many dimensions as the operand has, none of them known.
std::optional<Shape> of_rank(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  if (out) std::ranges::fill(*out, -1);
  return out;
}

std::optional<Shape> broadcast(const std::optional<Shape>& a, const std::optional<Shape>& b) {
  if (!a || !b) return std::nullopt;
  const Shape& longer = a->size() >= b->size() ? *a : *b;
  const Shape& shorter = a->size() >= b->size() ? *b : *a;
  Shape out = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& d = out[offset + i];
    if (d == 1 || (d < 0 && shorter[i] > 1)) d = shorter[i];
  }
  return out;
}

std::optional<Shape> of_broadcast(const Graph& graph, const Node& node) {
  std::optional<Shape> out = shape_at(graph, node, 0);
  for (size_t i = 1; i < node.inputs.size(); ++i) out = broadcast(out, shape_at(graph, node, i));
  return out;
}

// Convolutions and pools over axes 2 and on.
std::optional<Shape> of_window(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  const auto kernel = attribute_or(node, "kernel_shape", std::vector<int64_t>{});
  if (!out || out->size() != kernel.size() + 2) return std::nullopt;
  const size_t n = kernel.size();
  const auto strides = attribute_or(node, "strides", std::vector<int64_t>(n, 1));
  const auto dilations = attribute_or(node, "dilations", std::vector<int64_t>(n, 1));
  const auto pads = attribute_or(node, "pads", std::vector<int64_t>(2 * n, 0));
  const bool same = attribute_or(node, "auto_pad", std::string("NOTSET")) == "SAME_UPPER";
  const bool ceils = attribute_or(node, "ceil_mode", int64_t{0}) != 0;
  if (strides.size() != n || dilations.size() != n || pads.size() != 2 * n) return std::nullopt;
  for (size_t i = 0; i < n; ++i) {
    int64_t& size = (*out)[i + 2];
    if (size < 0) continue;
    if (strides[i] < 1) return std::nullopt;
    if (node.type == "ConvTranspose") {
      const auto extra = attribute_or(node, "output_padding", std::vector<int64_t>(n, 0));
      size = (size - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[i] - pads[i + n] + extra[i];
    } else if (same) {
      size = (size + strides[i] - 1) / strides[i];
    } else {
      const int64_t way = size + pads[i] + pads[i + n] - (kernel[i] - 1) * dilations[i] - 1,
                    given = size + pads[i];
      size = (way + strides[i]) / strides[i];
      // A last window that is not full counts if it begins in front of the pads behind.
      if (ceils && way >= 0 && way % strides[i] != 0 && size * strides[i] < given) ++size;
    }
    size = std::max<int64_t>(size, 0);
  }
  if (node.type == "Conv" || node.type == "ConvTranspose") {
    const auto weights = shape_at(graph, node, 1);
    if (!weights || weights->size() != n + 2) return std::nullopt;
    (*out)[1] = node.type == "Conv" ? (*weights)[0] : (*weights)[1] * attribute_or(node, "group", int64_t{1});
  }
  return out;
}

std::optional<Shape> of_whole_window(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  for (size_t axis = 2; out && axis < out->size(); ++axis) (*out)[axis] = 1;
  return out;
}

std::optional<Shape> of_gemm(const Graph& graph, const Node& node) {
  const auto a = shape_at(graph, node, 0), b = shape_at(graph, node, 1);
  if (!a || !b || a->size() != 2 || b->size() != 2) return std::nullopt;
  const bool turns_a = attribute_or(node, "transA", int64_t{0}) != 0,
             turns_b = attribute_or(node, "transB", int64_t{0}) != 0;
  return Shape{(*a)[turns_a ? 1 : 0], (*b)[turns_b ? 0 : 1]};
}

std::optional<Shape> of_transpose(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  const auto order = attribute_or(node, "perm", std::vector<int64_t>{});
  if (!in || order.size() != in->size()) return std::nullopt;
  Shape out;
  for (int64_t axis : order) out.push_back((*in)[static_cast<size_t>(axis)]);
  return out;
}

std::optional<Shape> of_matmul(const Graph& graph, const Node& node) {
  const auto a = shape_at(graph, node, 0), b = shape_at(graph, node, 1);
  if (!a || !b || a->size() < 2 || b->size() < 2) return std::nullopt;
  auto out = broadcast(Shape(a->begin(), a->end() - 2), Shape(b->begin(), b->end() - 2));
  out->push_back((*a)[a->size() - 2]);
  out->push_back(b->back());
  return out;
}

// An open size follows from the others; where the batch is open and stays, from those behind it.
std::optional<Shape> of_reshape(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  const Shape wanted = sizes_at(graph, node, 1);
  if (wanted.empty()) return std::nullopt;
  Shape out = wanted;
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] == 0) out[i] = in && i < in->size() ? (*in)[i] : -1;
  const auto open = static_cast<size_t>(std::ranges::find(wanted, -1) - wanted.begin());
  if (open == wanted.size() || !in || in->empty()) return out;
  const size_t from = wanted[0] == 0 ? 1 : 0;
  Shape others;
  for (size_t i = from; i < out.size(); ++i)
    if (i != open) others.push_back(out[i]);
  const auto total = element_count(Shape(in->begin() + static_cast<std::ptrdiff_t>(from), in->end()));
  const auto known = element_count(others);
  if (total && known && *known > 0 && *total % *known == 0) out[open] = *total / *known;
  return out;
}

std::optional<Shape> of_reduction(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  if (!in) return std::nullopt;
  const auto axes = numbers_at(graph, node, 1);
  const bool keep = attribute_or(node, "keepdims", int64_t{1}) != 0;
  Shape out;
  for (size_t i = 0; i < in->size(); ++i) {
    const bool reduced = axes.empty() || std::ranges::any_of(axes, [&](int64_t axis) {
                           return axis == static_cast<int64_t>(i) ||
                                  axis + static_cast<int64_t>(in->size()) == static_cast<int64_t>(i);
                         });
    if (!reduced)
      out.push_back((*in)[i]);
    else if (keep)
      out.push_back(1);
  }
  return out;
}

std::optional<Shape> of_concat(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  if (!out || out->empty()) return std::nullopt;
  const int64_t rank = static_cast<int64_t>(out->size());
  int64_t axis = attribute_or(node, "axis", int64_t{0});
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) return std::nullopt;
  int64_t& size = (*out)[static_cast<size_t>(axis)];
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const auto other = shape_at(graph, node, i);
    if (!other || other->size() != out->size()) return std::nullopt;
    const int64_t more = (*other)[static_cast<size_t>(axis)];
    size = size < 0 || more < 0 ? -1 : size + more;
  }
  return out;
}

std::optional<Shape> of_pad(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  const auto pads = numbers_at(graph, node, 1);
  if (!out || pads.size() != 2 * out->size()) return of_rank(graph, node);
  for (size_t i = 0; i < out->size(); ++i)
    if ((*out)[i] >= 0) (*out)[i] += pads[i] + pads[i + out->size()];
  return out;
}

std::optional<Shape> of_slice(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  const auto starts = numbers_at(graph, node, 1), ends = numbers_at(graph, node, 2),
             axes = numbers_at(graph, node, 3);
  auto steps = numbers_at(graph, node, 4);
  if (node.inputs.size() < 5) steps.assign(axes.size(), 1);
  if (!out || starts.size() != axes.size() || ends.size() != axes.size() || steps.size() != axes.size())
    return of_rank(graph, node);
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(out->size())) return std::nullopt;
    int64_t& size = (*out)[static_cast<size_t>(axes[i])];
    if (size < 0) continue;
    if (steps[i] == 0) return std::nullopt;
    // Backwards from the last to one before the first.
    const int64_t low = steps[i] > 0 ? 0 : -1, high = steps[i] > 0 ? size : size - 1;
    const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, low, high); };
    const int64_t way = place(ends[i]) - place(starts[i]), step = steps[i];
    size = std::max<int64_t>((way + step - (step > 0 ? 1 : -1)) / step, 0);
  }
  return out;
}

std::vector<float> scales_at(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == no_value) return {};
  const Tensor& held = graph.value(node.inputs[input]).constant;
  if (held.dtype() != DType::float32) return {};
  const auto numbers = held.as<float>();
  return {numbers.begin(), numbers.end()};
}

// Rounded down, as ONNX says; -1: not known.
int64_t scaled(int64_t size, float scale) {
  const float out = std::floor(static_cast<float>(size) * scale);
  constexpr float most = 1ull << 40;
  return size >= 0 && out >= 0 && out <= most ? static_cast<int64_t>(out) : -1;
}

std::optional<Shape> of_resize(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  if (!out) return std::nullopt;
  const auto sizes = numbers_at(graph, node, 3);
  if (!sizes.empty() && sizes.size() == out->size()) return sizes;
  if (sizes.size() + 2 == out->size()) {
    std::ranges::copy(sizes, out->begin() + 2);
    return out;
  }
  const auto scales = scales_at(graph, node, 2);
  if (scales.size() != out->size()) {
    for (size_t i = 2; i < out->size(); ++i) (*out)[i] = -1;
    return out;
  }
  for (size_t i = 0; i < scales.size(); ++i) (*out)[i] = scaled((*out)[i], scales[i]);
  return out;
}

std::optional<Shape> of_flatten(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  if (!in || in->empty()) return std::nullopt;
  const auto rest = element_count(Shape(in->begin() + 1, in->end()));
  return Shape{(*in)[0], rest ? *rest : -1};
}

std::optional<Shape> of_axes(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  const auto axes = numbers_at(graph, node, 1);
  if (!in || axes.empty()) return std::nullopt;
  const bool more = node.type == "Unsqueeze";
  const int64_t rank = static_cast<int64_t>(in->size() + (more ? axes.size() : 0));
  std::set<int64_t> at;
  for (int64_t axis : axes) at.insert(axis + (axis < 0 ? rank : 0));
  if (at.size() != axes.size() || *at.begin() < 0 || *at.rbegin() >= rank) return std::nullopt;
  Shape out;
  auto next = in->begin();
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (more && at.contains(axis)) {
      out.push_back(1);
    } else {
      if (more || !at.contains(axis)) out.push_back(*next);
      ++next;
    }
  }
  return out;
}

std::optional<Shape> of_gather(const Graph& graph, const Node& node) {
  const auto data = shape_at(graph, node, 0), indices = shape_at(graph, node, 1);
  if (!data || !indices || data->empty()) return std::nullopt;
  const auto rank = static_cast<int64_t>(data->size());
  int64_t axis = attribute_or(node, "axis", int64_t{0});
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) return std::nullopt;
  Shape out(data->begin(), data->begin() + axis);
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), data->begin() + axis + 1, data->end());
  return out;
}

// The largest's place along an axis.
std::optional<Shape> of_arg(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  if (!out) return std::nullopt;
  const auto rank = static_cast<int64_t>(out->size());
  int64_t axis = attribute_or(node, "axis", int64_t{0});
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank || attribute_or(node, "keepdims", int64_t{1}) != 0) return std::nullopt;
  out->erase(out->begin() + axis);
  return out;
}

std::optional<Shape> of_tile(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  const auto times = numbers_at(graph, node, 1);
  if (!out || times.size() != out->size()) return of_rank(graph, node);
  for (size_t i = 0; i < times.size(); ++i) {
    if (times[i] < 0 || times[i] > int64_t{1} << 24) return std::nullopt;
    if ((*out)[i] >= 0) (*out)[i] *= times[i];
  }
  return out;
}

// Blocks of pixels become channels, or channels blocks.
std::optional<Shape> of_blocks(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  const int64_t block = attribute_or(node, "blocksize", int64_t{0});
  if (!out || out->size() != 4 || block < 1) return std::nullopt;
  const bool wider = node.type == "DepthToSpace";
  for (size_t i = 1; i < 4; ++i) {
    int64_t& size = (*out)[i];
    const int64_t factor = i == 1 ? block * block : block;
    if (size >= 0) size = (i == 1) == wider ? size / factor : size * factor;
  }
  return out;
}

// What has the sizes that an operand says, an Expand at least those.
std::optional<Shape> of_filled(const Graph& graph, const Node& node) {
  const size_t at = node.type == "Expand" ? 1 : 0;
  if (at >= node.inputs.size() || node.inputs[at] == no_value) return std::nullopt;
  const Value& sizes = graph.value(node.inputs[at]);
  const Shape known = sizes.is_constant() ? numbers_at(graph, node, at) : sizes_at(graph, node, at);
  const auto shape = sizes.is_constant() || !known.empty() ? std::optional(known) : std::nullopt;
  return at == 0 ? shape : broadcast(shape_at(graph, node, 0), shape);
}

// As many dimensions as its result has letters; a "..." may stand for any number.
std::optional<Shape> of_einsum(const Node& node) {
  const auto equation = attribute_or(node, "equation", std::string());
  const size_t arrow = equation.find("->");
  if (arrow == std::string::npos || equation.find('.') != std::string::npos) return std::nullopt;
  return Shape(
      static_cast<size_t>(std::ranges::count_if(equation.substr(arrow + 2), [](char c) { return c != ' '; })),
      -1);
}

// Of each output, where the parts are equal; else the size along the axis is open.
std::optional<Shape> of_split(const Graph& graph, const Node& node) {
  auto out = shape_at(graph, node, 0);
  if (!out) return std::nullopt;
  const auto rank = static_cast<int64_t>(out->size());
  int64_t axis = attribute_or(node, "axis", int64_t{0});
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) return std::nullopt;
  int64_t& size = (*out)[static_cast<size_t>(axis)];
  const int64_t parts = attribute_or(node, "num_outputs", int64_t{0});
  size = size >= 0 && parts > 0 && size % parts == 0 ? size / parts : -1;
  return out;
}

std::optional<Shape> of_shape(const Graph& graph, const Node& node) {
  const auto in = shape_at(graph, node, 0);
  if (!in || node.attributes.contains("start") || node.attributes.contains("end")) return std::nullopt;
  return Shape{static_cast<int64_t>(in->size())};
}

std::optional<Shape> infer(const Graph& graph, const Node& node) {
  const std::string& type = node.type;
  static const std::set<std::string> windows{"Conv", "ConvTranspose", "MaxPool", "AveragePool"};
  static const std::set<std::string> broadcasts{"Add",
                                                "Sub",
                                                "Mul",
                                                "Div",
                                                "Max",
                                                "Min",
                                                "Sum",
                                                "Mean",
                                                "Pow",
                                                "Where",
                                                "Equal",
                                                "Greater",
                                                "GreaterOrEqual",
                                                "Less",
                                                "LessOrEqual",
                                                "And",
                                                "Or",
                                                "Xor",
                                                "Mod"};
  static const std::set<std::string> reductions{"ReduceMean", "ReduceMax",  "ReduceSum",
                                                "ReduceMin",  "ReduceProd", "ReduceLogSumExp",
                                                "ReduceL1",   "ReduceL2",   "ReduceSumSquare"};
  static const std::set<std::string> unknown{"LSTM", "GRU",  "RNN",     "Loop",   "If",
                                             "Scan", "TopK", "NonZero", "OneHot", "GatherND"};
  if (windows.contains(type)) return of_window(graph, node);
  if (broadcasts.contains(type)) return of_broadcast(graph, node);
  if (reductions.contains(type)) return of_reduction(graph, node);
  if (unknown.contains(type)) return std::nullopt;
  if (type == "ConstantOfShape" || type == "Expand") return of_filled(graph, node);
  if (type == "Size") return Shape{};
  if (type == "Range") return Shape{-1};
  if (type == "Einsum") return of_einsum(node);
  if (type == "Split") return of_split(graph, node);
  if (type == "Shape") return of_shape(graph, node);
  if (type == "Transpose") return of_transpose(graph, node);
  if (type == "MatMul") return of_matmul(graph, node);
  if (type == "Gemm") return of_gemm(graph, node);
  if (type == "GatherElements") return shape_at(graph, node, 1);
  if (type == "GlobalAveragePool" || type == "GlobalMaxPool") return of_whole_window(graph, node);
  if (type == "Reshape") return of_reshape(graph, node);
  if (type == "Concat") return of_concat(graph, node);
  if (type == "Pad") return of_pad(graph, node);
  if (type == "Slice") return of_slice(graph, node);
  if (type == "Resize") return of_resize(graph, node);
  if (type == "Flatten") return of_flatten(graph, node);
  if (type == "Squeeze" || type == "Unsqueeze") return of_axes(graph, node);
  if (type == "Gather") return of_gather(graph, node);
  if (type == "ArgMax" || type == "ArgMin") return of_arg(graph, node);
  if (type == "Tile") return of_tile(graph, node);
  if (type == "DepthToSpace" || type == "SpaceToDepth") return of_blocks(graph, node);
  return shape_at(graph, node, 0);  // elementwise
}

}  // namespace

std::optional<Shape> infer_shape(const Graph& graph, const Node& node) {
  auto out = infer(graph, node);
  // Sizes that no model has; sums and products of those below fit in 64 bits.
  if (out && std::ranges::any_of(*out, [](int64_t d) { return d > int64_t{1} << 32; })) return std::nullopt;
  return out;
}

std::optional<Shape> merged_shape(const std::optional<Shape>& inferred,
                                  const std::optional<Shape>& declared) {
  if (!inferred || !declared || inferred->size() != declared->size()) return inferred ? inferred : declared;
  Shape out = *inferred;
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] < 0) out[i] = (*declared)[i];
  return out;
}

}  // namespace fetafix::graph
