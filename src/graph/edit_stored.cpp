#include "graph/edit_stored.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fetafix::graph {
namespace {

Error unsupported(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

// An operand that holds a constant.
struct Place {
  NodeId node = -1;
  size_t input = 0;
};

std::optional<size_t> input_of_slot(const Node& node, int slot) {
  for (size_t i = 0; i < node.slots.size() && i < node.inputs.size(); ++i)
    if (node.slots[i] == slot && node.inputs[i] != no_value) return i;
  return std::nullopt;
}

// The constant that the slot holds, also where the view unpacks it first: in a node of the same operator
// (TFLite), or in an operator of its own that nobody else reads (ONNX).
std::optional<Place> find_constant(const Graph& graph, const Uses& uses, const SetTensor& edit) {
  std::optional<Place> inside, outside;
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    const Node& node = graph.node(n);
    if (node.native != edit.at.op) continue;
    const auto input = input_of_slot(node, edit.slot);
    if (!input) continue;
    const ValueId value = node.inputs[*input];
    if (graph.value(value).is_constant()) {
      if (node.role == edit.at.role) return Place{n, *input};
      if (!inside) inside = Place{n, *input};
      continue;
    }
    const NodeId producer = uses.producer[static_cast<size_t>(value)];
    if (producer < 0 || uses.consumers[static_cast<size_t>(value)].size() != 1) continue;
    const Node& unpack = graph.node(producer);
    const bool unpacks = unpack.type == "DequantizeLinear" || unpack.type == "Cast";
    if (unpacks && graph.value(unpack.inputs[0]).is_constant()) outside = Place{producer, 0};
  }
  return inside ? inside : outside;
}

// How integers stand for real numbers: step and zero for each index of `axis`, or one for all.
struct Steps {
  std::vector<float> step;
  std::vector<int64_t> zero;
  int64_t axis = 0;
};

struct Limits {
  int64_t lowest, highest;
};

std::optional<Limits> limits_of(DType dtype) {
  switch (dtype) {
    case DType::int8:
      return Limits{-128, 127};
    case DType::uint8:
      return Limits{0, 255};
    case DType::int16:
      return Limits{-32768, 32767};
    case DType::uint16:
      return Limits{0, 65535};
    case DType::int32:
      return Limits{std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    case DType::int64:  // TFLite's kernels for 16-bit activations add 48-bit biases
      return Limits{-(int64_t{1} << 47), (int64_t{1} << 47) - 1};
    default:
      return std::nullopt;
  }
}

Result<Steps> steps_of(const Graph& graph, ValueId scale, ValueId zero, int64_t axis, const Shape& shape) {
  Steps out;
  const Tensor& scales = graph.value(scale).constant;
  if (scales.dtype() != DType::float32) return unsupported("the scale of the tensor is computed");
  out.step.assign(scales.as<float>().begin(), scales.as<float>().end());
  out.zero.assign(out.step.size(), 0);
  if (zero != no_value) {
    if (!graph.value(zero).is_constant()) return unsupported("the zero point of the tensor is computed");
    FETAFIX_TRY(out.zero, to_int64s(graph.value(zero).constant));
  }
  const auto rank = static_cast<int64_t>(shape.size());
  out.axis = axis < 0 ? axis + rank : axis;
  const bool each = out.step.size() > 1;
  if (out.zero.size() != out.step.size() || out.step.empty() ||
      (each && (out.axis < 0 || out.axis >= rank ||
                shape[static_cast<size_t>(out.axis)] != static_cast<int64_t>(out.step.size()))))
    return unsupported("the tensor is quantized in another way than with a scale for each channel");
  for (float step : out.step)
    if (!(step > 0) || !std::isfinite(step)) return unsupported("a scale of the tensor is not positive");
  return out;
}

// The channel of each element.
class Channels {
 public:
  Channels(const Shape& shape, const Steps& steps) : count_(steps.step.size()) {
    for (size_t d = static_cast<size_t>(steps.axis) + 1; d < shape.size(); ++d)
      inner_ *= static_cast<size_t>(shape[d]);
  }
  size_t operator()(size_t element) const { return count_ == 1 ? 0 : element / inner_ % count_; }

 private:
  size_t count_;
  size_t inner_ = 1;
};

int64_t nearest(double value, double step, int64_t zero) {
  return static_cast<int64_t>(std::llrint(std::clamp(value / step, -0x1p52, 0x1p52))) + zero;
}

// Sets new steps for channels whose values do not fit; true: there were some.
bool make_room(const std::vector<double>& values, const Channels& channel, const Limits& limits,
               bool symmetric, Steps& steps) {
  std::vector<double> low(steps.step.size()), high(steps.step.size());
  for (size_t i = 0; i < values.size(); ++i) {
    low[channel(i)] = std::min(low[channel(i)], values[i]);
    high[channel(i)] = std::max(high[channel(i)], values[i]);
  }
  bool changed = false;
  for (size_t c = 0; c < steps.step.size(); ++c) {
    const double step = static_cast<double>(steps.step[c]);
    if (nearest(low[c], step, steps.zero[c]) >= limits.lowest &&
        nearest(high[c], step, steps.zero[c]) <= limits.highest)
      continue;
    changed = true;
    const double wanted = symmetric
                              ? std::max(-low[c], high[c]) / static_cast<double>(limits.highest)
                              : (high[c] - low[c]) / static_cast<double>(limits.highest - limits.lowest);
    steps.step[c] = static_cast<float>(wanted);
    if (!symmetric) steps.zero[c] = limits.lowest - nearest(low[c], wanted, 0);
  }
  return changed;
}

Result<Tensor> quantized(const std::vector<double>& values, const Shape& shape, const Channels& channel,
                         const Steps& steps, const Limits& limits, DType dtype) {
  std::vector<int64_t> stored(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = channel(i);
    stored[i] = std::clamp(nearest(values[i], static_cast<double>(steps.step[c]), steps.zero[c]),
                           limits.lowest, limits.highest);
  }
  return cast(Tensor::of(stored, shape), dtype);
}

// A constant that is stored as integers, and where its scale and zero point are.
struct Stored {
  Place data;
  size_t scale = 0, zero = 0;  // operands of the same node
  int64_t axis = 0;

  static int slot(const Node& node, size_t input) {
    return input < node.slots.size() ? node.slots[input] : -1;
  }
};

bool is_quantized_conv(const Node& node) {
  return node.type == "QLinearConv" && node.domain.empty() && !node.opaque && node.inputs.size() >= 8;
}

std::optional<Stored> stored_at(const Graph& graph, const Place& place) {
  const Node& node = graph.node(place.node);
  if (node.type == "DequantizeLinear" && place.input == 0 && node.inputs.size() > 1)
    return Stored{place, 1, 2, attribute_or(node, "axis", int64_t{1})};
  if (is_quantized_conv(node) && place.input == 3) return Stored{place, 4, 5, 0};
  return std::nullopt;
}

// The bias that is added to what this weight makes, where it counts in the weight's steps.
struct Bias {
  Place data;
  Steps steps;
  ValueId scale = no_value;  // no value: the operator multiplies the two scales itself
  int scale_slot = -1;
};

std::optional<Bias> bias_of_quantized_conv(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.inputs.size() < 9 || node.inputs[8] == no_value || !graph.value(node.inputs[8]).is_constant())
    return std::nullopt;
  const Shape& shape = graph.value(node.inputs[8]).constant.shape();
  auto input = steps_of(graph, node.inputs[1], no_value, 0, {});
  auto weights = steps_of(graph, node.inputs[4], no_value, 0, shape);
  if (!input.ok() || !weights.ok()) return std::nullopt;
  for (float& step : weights->step) step *= input->step[0];
  return Bias{{id, 8}, std::move(weights).value()};
}

std::optional<Bias> bias_at(const Graph& graph, const Uses& uses, NodeId id) {
  const Node& node = graph.node(id);
  if (node.inputs.empty() || !graph.value(node.inputs[0]).is_constant()) return std::nullopt;
  const Tensor& data = graph.value(node.inputs[0]).constant;
  if (data.dtype() != DType::int32 && data.dtype() != DType::int64) return std::nullopt;
  Bias out;
  out.data = {id, 0};
  if (node.type == "DequantizeLinear" && node.inputs.size() > 1) {
    out.scale = node.inputs[1];
    if (node.slots.size() > 1) out.scale_slot = node.slots[1];
  } else if (node.type == "Cast" && node.role == Role::bias) {  // int64: Cast, then Mul by the step
    const auto& readers = uses.consumers[static_cast<size_t>(node.outputs[0])];
    if (readers.size() != 1 || graph.node(readers[0].node).type != "Mul") return std::nullopt;
    out.scale = graph.node(readers[0].node).inputs[static_cast<size_t>(1 - readers[0].input)];
  } else {
    return std::nullopt;
  }
  auto steps = steps_of(graph, out.scale, no_value, 0, data.shape());
  if (!steps.ok()) return std::nullopt;
  out.steps = std::move(steps).value();
  return out;
}

std::optional<Bias> bias_of(const Graph& graph, const Uses& uses, NodeId weights) {
  const Node& dequantizer = graph.node(weights);
  if (is_quantized_conv(dequantizer)) return bias_of_quantized_conv(graph, weights);
  if (dequantizer.role == Role::constant ||
      dequantizer.role == Role::dequantize) {  // TFLite: within the operator
    for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n)
      if (graph.node(n).native == dequantizer.native && graph.node(n).role == Role::bias)
        if (auto bias = bias_at(graph, uses, n)) return bias;
    return std::nullopt;
  }
  const auto& readers = uses.consumers[static_cast<size_t>(dequantizer.outputs[0])];
  for (const Uses::Use& use : readers) {
    const Node& reader = graph.node(use.node);
    if ((reader.type != "Conv" && reader.type != "ConvTranspose" && reader.type != "Gemm") ||
        use.input != 1 || reader.inputs.size() < 3 || reader.inputs[2] == no_value)
      continue;
    const NodeId producer = uses.producer[static_cast<size_t>(reader.inputs[2])];
    if (producer >= 0) return bias_at(graph, uses, producer);
  }
  return std::nullopt;
}

// Steps of a bias after those of its weights changed by these factors.
Result<Steps> followed(const Bias& bias, const std::vector<double>& factors) {
  Steps out = bias.steps;
  if (out.step.size() < factors.size()) {
    out.step.resize(factors.size(), out.step[0]);
    out.zero.resize(factors.size(), 0);
  }
  if (factors.size() != 1 && factors.size() != out.step.size())
    return unsupported("bias and weights have different numbers of channels");
  for (size_t c = 0; c < out.step.size(); ++c)
    out.step[c] = static_cast<float>(static_cast<double>(out.step[c]) * factors[factors.size() == 1 ? 0 : c]);
  return out;
}

std::vector<double> factors_of(const std::vector<float>& before, const std::vector<float>& after) {
  std::vector<double> out;
  for (size_t c = 0; c < after.size(); ++c)
    out.push_back(static_cast<double>(after[c]) / static_cast<double>(before[c % before.size()]));
  return out;
}

// The same bias in new steps; and its scale, where the file stores one.
Status add_bias_edits(const Graph& graph, const Bias& bias, const std::vector<double>& factors,
                      std::vector<SetTensor>& out) {
  const Node& node = graph.node(bias.data.node);
  const Tensor& data = graph.value(node.inputs[bias.data.input]).constant;
  FETAFIX_TRY(const Steps steps, followed(bias, factors));
  FETAFIX_TRY(std::vector<double> values, to_doubles(data));
  const Channels before(data.shape(), bias.steps), after(data.shape(), steps);
  const Limits limits = *limits_of(data.dtype());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] *= static_cast<double>(bias.steps.step[before(i)]);
    const int64_t stored = nearest(values[i], static_cast<double>(steps.step[after(i)]), 0);
    if (stored < limits.lowest || stored > limits.highest)
      return unsupported("in the new steps the bias does not fit its integers");
  }
  FETAFIX_TRY(Tensor stored, quantized(values, data.shape(), after, steps, limits, data.dtype()));
  out.push_back({address_of(graph, bias.data.node), node.slots[bias.data.input], std::move(stored)});
  if (bias.scale_slot >= 0)
    out.push_back(
        {address_of(graph, bias.data.node), bias.scale_slot,
         Tensor::of(steps.step, steps.step.size() == 1 ? graph.value(bias.scale).constant.shape()
                                                       : Shape{static_cast<int64_t>(steps.step.size())})});
  return {};
}

Result<std::vector<SetTensor>> quantized_bias(const Graph& graph, const Bias& bias, const SetTensor& edit) {
  const Node& node = graph.node(bias.data.node);
  const Tensor& data = graph.value(node.inputs[bias.data.input]).constant;
  FETAFIX_TRY(const std::vector<double> values, to_doubles(edit.value));
  const Channels channel(edit.value.shape(), bias.steps);
  const Limits limits = *limits_of(data.dtype());
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t stored = nearest(values[i], static_cast<double>(bias.steps.step[channel(i)]), 0);
    if (stored < limits.lowest || stored > limits.highest)
      return unsupported("the bias does not fit " + std::string(dtype_name(data.dtype())) +
                         " in steps of input scale times weight scale");
  }
  FETAFIX_TRY(Tensor stored,
              quantized(values, edit.value.shape(), channel, bias.steps, limits, data.dtype()));
  return std::vector<SetTensor>{
      {address_of(graph, bias.data.node), node.slots[bias.data.input], std::move(stored)}};
}

Result<std::vector<SetTensor>> quantized_tensor(const Graph& graph, const Uses& uses, const Stored& place,
                                                const SetTensor& edit) {
  const NodeId id = place.data.node;
  const Node& node = graph.node(id);
  const Tensor& data = graph.value(node.inputs[place.data.input]).constant;
  const auto limits = limits_of(data.dtype());
  if (!limits || attribute_or(node, "block_size", int64_t{0}) != 0)
    return unsupported("the tensor is quantized in blocks or in its own way");
  if (data.size() != edit.value.size())
    return unsupported("a quantized tensor keeps its shape " + to_string(data.shape()));
  const ValueId zero = node.inputs.size() > place.zero ? node.inputs[place.zero] : no_value;
  FETAFIX_TRY(Steps steps, steps_of(graph, node.inputs[place.scale], zero, place.axis, data.shape()));
  const bool centered = std::all_of(steps.zero.begin(), steps.zero.end(), [](int64_t z) { return z == 0; });
  const bool symmetric = centered && limits->lowest < 0;
  // Kernels take symmetric weights from -127 on.
  const Limits range{symmetric ? -limits->highest : limits->lowest, limits->highest};
  FETAFIX_TRY(const std::vector<double> values, to_doubles(edit.value));
  const Channels channel(data.shape(), steps);
  const Steps before = steps;
  const bool widened = make_room(values, channel, range, symmetric, steps);
  FETAFIX_TRY(Tensor stored, quantized(values, data.shape(), channel, steps, range, data.dtype()));

  const Address at = address_of(graph, id);
  std::vector<SetTensor> out{{at, node.slots[place.data.input], std::move(stored)}};
  if (!widened) return out;
  const int scale_slot = Stored::slot(node, place.scale), zero_slot = Stored::slot(node, place.zero);
  if (scale_slot < 0) return unsupported("the numbers do not fit, and the tensor's scale can't be set");
  const Shape& scales = graph.value(node.inputs[place.scale]).constant.shape();
  out.push_back({at, scale_slot, Tensor::of(steps.step, scales)});
  if (steps.zero != before.zero) {
    FETAFIX_TRY(Tensor zeros, cast(Tensor::of(steps.zero, scales), data.dtype()));
    out.push_back({at, zero_slot, std::move(zeros)});
  }
  if (const auto bias = bias_of(graph, uses, id))
    FETAFIX_CHECK(add_bias_edits(graph, *bias, factors_of(before.step, steps.step), out));
  return out;
}

// A narrower floating type; infinity only where infinity was asked for.
Result<Tensor> narrowed(const Tensor& value, DType dtype) {
  FETAFIX_TRY(Tensor out, cast(value, dtype));
  FETAFIX_TRY(const auto wanted, to_doubles(value));
  FETAFIX_TRY(const auto got, to_doubles(out));
  for (size_t i = 0; i < got.size(); ++i)
    if (std::isinf(got[i]) && !std::isinf(wanted[i]))
      return unsupported(std::to_string(wanted[i]) + " does not fit " + std::string(dtype_name(dtype)));
  return out;
}

}  // namespace

Result<std::vector<SetTensor>> stored_form(const Graph& graph, const SetTensor& edit) {
  if (edit.retype) return std::vector<SetTensor>{edit};
  const Uses uses(graph);
  const auto place = find_constant(graph, uses, edit);
  if (!place) return std::vector<SetTensor>{edit};
  const Node& node = graph.node(place->node);
  const Value& held = graph.value(node.inputs[place->input]);
  SetTensor out{address_of(graph, place->node), node.slots[place->input], edit.value};
  if (!is_floating(edit.value.dtype())) return std::vector<SetTensor>{std::move(out)};
  if (is_integer(held.dtype)) {
    std::optional<Bias> bias;
    if (is_quantized_conv(node) && place->input == 8) bias = bias_of_quantized_conv(graph, place->node);
    if (node.role == Role::bias && place->input == 0) bias = bias_at(graph, uses, place->node);
    if (bias) return quantized_bias(graph, *bias, edit);
    if (const auto stored = stored_at(graph, *place)) return quantized_tensor(graph, uses, *stored, edit);
  }
  if (!is_floating(held.dtype)) return std::vector<SetTensor>{std::move(out)};
  const DType narrow = held.stored != DType::unknown ? held.stored : held.dtype;
  if (narrow != edit.value.dtype() && is_floating(narrow)) {
    FETAFIX_TRY(out.value, narrowed(edit.value, narrow));
  }
  FETAFIX_TRY(out.value, cast(out.value, held.dtype));
  return std::vector<SetTensor>{std::move(out)};
}

Result<Patch> stored_form(const Graph& graph, const Patch& patch) {
  Patch out = patch;
  Graph now = graph;
  for (EditGroup& group : out.groups) {
    std::vector<Edit> edits;
    for (const Edit& edit : group.edits) {
      const auto* set = std::get_if<SetTensor>(&edit);
      if (!set) {
        edits.push_back(edit);
        continue;
      }
      auto stored = stored_form(now, *set);
      if (!stored.ok()) return in_context("can't " + describe(edit), std::move(stored).error());
      for (SetTensor& one : *stored) {
        // What the view refuses the format will, with its own reason.
        (void)graph::apply(now, Edit(one)).ok();
        edits.emplace_back(std::move(one));
      }
    }
    group.edits = std::move(edits);
  }
  return out;
}

namespace {

Result<double> number_of(const Graph& graph, ValueId value) {
  if (value == no_value || graph.value(value).constant.size() != 1)
    return unsupported("scale or zero point is not one number");
  FETAFIX_TRY(const auto numbers, to_doubles(graph.value(value).constant));
  return numbers[0];
}

// The range of a quantized type, with another step or another zero.
Status move_bounds(Graph& graph, NodeId clip, int input, double number) {
  const ValueId out = graph.node(clip).outputs[0];
  const auto limits = limits_of(graph.value(out).stored);
  const double before = static_cast<double>(graph.value(out).step);
  FETAFIX_TRY(const double low, number_of(graph, graph.node(clip).inputs[1]));
  if (!limits || !(before > 0)) return unsupported("the range of the value is not that of a quantized type");
  const double zero = input == 2 ? number : std::round(static_cast<double>(limits->lowest) - low / before);
  const double step = input == 1 ? number : before;
  graph.value(out).step = static_cast<float>(step);
  size_t bound = 1;
  for (int64_t end : {limits->lowest, limits->highest}) {
    const auto real = static_cast<float>((static_cast<double>(end) - zero) * step);
    graph.node(clip).inputs[bound++] = graph.add_constant("p/bound", Tensor::scalar(real));
  }
  return {};
}

}  // namespace

Status set_quantization(Graph& graph, NodeId quantizer, int input, const Tensor& value) {
  const ValueId made = graph.add_constant("p/tensor", value);
  FETAFIX_TRY(const double number, number_of(graph, made));
  if (graph.node(quantizer).type == "Clip") return move_bounds(graph, quantizer, input, number);
  graph.node(quantizer).inputs[static_cast<size_t>(input)] = made;
  const Uses uses(graph);
  for (const Uses::Use& use : uses.consumers[static_cast<size_t>(graph.node(quantizer).outputs[0])]) {
    Node& reader = graph.node(use.node);
    if (reader.type != "DequantizeLinear" || reader.role != Role::dequantize || use.input != 0) continue;
    ValueId& operand = reader.inputs[static_cast<size_t>(input)];
    const Tensor before = graph.value(operand).constant;
    operand = made;
    if (input == 1) follow_scale(graph, use.node, before);
  }
  return {};
}

void follow_scale(Graph& graph, NodeId dequantizer, const Tensor& before) {
  const Tensor& after = graph.value(graph.node(dequantizer).inputs[1]).constant;
  const Role role = graph.node(dequantizer).role;
  if ((role != Role::constant && role != Role::dequantize) || before.dtype() != DType::float32 ||
      after.dtype() != DType::float32 || before.size() == 0)
    return;
  const Uses uses(graph);
  const auto bias = bias_of(graph, uses, dequantizer);
  if (!bias || bias->scale_slot >= 0) return;
  const std::vector<float> old(before.as<float>().begin(), before.as<float>().end());
  const std::vector<float> now(after.as<float>().begin(), after.as<float>().end());
  auto steps = followed(*bias, factors_of(old, now));
  if (!steps.ok()) return;
  const Shape shape = graph.value(bias->scale).constant.shape();
  Value& scale = graph.value(bias->scale);
  scale.constant = Tensor::of(
      steps->step, steps->step.size() == 1 ? shape : Shape{static_cast<int64_t>(steps->step.size())});
}

}  // namespace fetafix::graph
