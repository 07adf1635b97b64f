#include "faults/effective.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fetafix::faults {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

std::vector<double> Linear::bias() const {
  std::vector<double> out(scale.size());
  for (size_t c = 0; c < out.size(); ++c)
    out[c] = shift[c] + (core_bias.empty() ? 0 : scale[c] * core_bias[c]);
  return out;
}

namespace {

// Multiplies along one axis: values[..., c, ...] *= factors[c].
void scale_axis(Tensor& tensor, int axis, const std::vector<double>& factors) {
  int64_t inner = 1;
  for (size_t d = static_cast<size_t>(axis) + 1; d < tensor.shape().size(); ++d) inner *= tensor.shape()[d];
  const auto channels = static_cast<int64_t>(factors.size());
  auto values = tensor.mutable_as<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / inner % channels);
    values[i] = static_cast<float>(static_cast<double>(values[i]) * factors[c]);
  }
}

bool is_core(const Node& node) {
  return node.type == "Conv" || node.type == "ConvTranspose" || node.type == "MatMul";
}

// Stands for the rounding of activations to fewer bits: what goes in comes out.
bool rounds(const Node& node) {
  return node.role == graph::Role::quantize && node.type == "Clip";
}

class Reader {
 public:
  Reader(const Graph& graph, const ConstantLookup& constant) : graph_(graph), constant_(constant) {}

  std::optional<Linear> run(std::span<const NodeId> nodes) {
    bool before = true;
    for (NodeId id : nodes) {
      const Node& node = graph_.node(id);
      if (is_core(node)) {
        if (!before || !read_core(id, node)) return std::nullopt;
        before = false;
      } else if (before ? !read_before(node) : !read_behind(id, node)) {
        return std::nullopt;
      }
    }
    if (before) return std::nullopt;
    if (out_.batched) out_.pads.clear();
    return std::move(out_);
  }

  std::optional<Linear> run_without_core(std::span<const NodeId> nodes) {
    ValueId last = graph::no_value;
    for (NodeId id : nodes) {
      const Node& node = graph_.node(id);
      if (is_core(node) || node.outputs.empty()) return std::nullopt;
      const bool follows = std::find(node.inputs.begin(), node.inputs.end(), last) != node.inputs.end();
      const size_t channels = channels_of(node);
      if (channels > 1) {
        if (last == graph::no_value) {
          out_.scale.assign(channels, 1.0);
          out_.shift.assign(channels, 0.0);
        } else if (!follows) {
          return std::nullopt;
        }
        if (!read_behind(id, node)) return std::nullopt;
      }
      if (channels > 1 || (follows && last != graph::no_value && moves(node))) last = node.outputs[0];
    }
    if (last == graph::no_value) return std::nullopt;
    return std::move(out_);
  }

 private:
  static bool moves(const Node& node) { return node.type == "Identity" || node.type == "Transpose"; }

  // How many numbers it scales or shifts by; 0: it does neither.
  size_t channels_of(const Node& node) {
    std::optional<std::vector<double>> list;
    if (node.type == "BatchNormalization") list = numbers(node, 1);
    if (node.type == "Mul" || node.type == "Add" || node.type == "Sub" || node.type == "Div") {
      list = numbers(node, 1);
      if (!list && (node.type == "Mul" || node.type == "Add")) list = numbers(node, 0);
    }
    return list ? list->size() : 0;
  }

  std::optional<std::vector<double>> numbers(const Node& node, size_t input) {
    if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return std::nullopt;
    const Tensor tensor = constant_(node.inputs[input]);
    if (tensor.empty()) return std::nullopt;
    auto values = to_doubles(tensor);
    if (!values.ok()) return std::nullopt;
    return std::move(values).value();
  }

  // Layout and shape arithmetic carry no parameters; a zero Pad adds to the core's own pads.
  bool read_before(const Node& node) {
    static const std::vector<std::string> helpers{
        "Transpose", "Reshape",         "Identity",  "Cast",    "Shape",  "Gather", "Concat",
        "Slice",     "ConstantOfShape", "Unsqueeze", "Squeeze", "Add",    "Sub",    "Mul",
        "Div",       "Floor",           "Ceil",      "Max",     "Flatten"};
    if (node.type == "Pad") {
      if (graph::attribute_or(node, "mode", std::string("constant")) != "constant") return false;
      auto pads = numbers(node, 1);
      if (!pads) return false;
      auto value = numbers(node, 2);
      if (value && !value->empty() && (*value)[0] != 0) return false;
      extra_pads_.assign(pads->begin(), pads->end());
      padded_ = true;
      return true;
    }
    // Pixels move into the batch by a Reshape, or by Slices that are joined.
    out_.batched = out_.batched || (padded_ && (node.type == "Reshape" || node.type == "Concat"));
    if (node.type == "Transpose") reorder_pads(graph::attribute_or(node, "perm", std::vector<int64_t>{}));
    return rounds(node) || std::find(helpers.begin(), helpers.end(), node.type) != helpers.end();
  }

  // A layout change between the Pad and the core.
  void reorder_pads(const std::vector<int64_t>& order) {
    if (extra_pads_.size() != 2 * order.size()) return;
    std::vector<double> moved(extra_pads_.size());
    for (size_t d = 0; d < order.size(); ++d)
      for (size_t end : {size_t{0}, order.size()})
        moved[d + end] = extra_pads_[static_cast<size_t>(order[d]) + end];
    extra_pads_ = std::move(moved);
  }

  bool read_core(NodeId id, const Node& node) {
    out_.core = id;
    const size_t weights = 1;
    out_.weights = node.inputs.size() > weights ? constant_(node.inputs[weights]) : Tensor();
    if (out_.weights.dtype() != DType::float32 || out_.weights.rank() < 2) return false;
    out_.channel_axis = node.type == "Conv" ? 0 : node.type == "ConvTranspose" ? 1 : out_.weights.rank() - 1;
    if (node.type == "ConvTranspose" && graph::attribute_or(node, "group", int64_t{1}) != 1) return false;
    const auto channels = static_cast<size_t>(out_.weights.shape()[static_cast<size_t>(out_.channel_axis)]);
    if (node.inputs.size() > 2 && node.inputs[2] != graph::no_value) {
      auto bias = numbers(node, 2);
      if (!bias || bias->size() != channels) return false;
      out_.core_bias = *bias;
    }
    out_.scale.assign(channels, 1.0);
    out_.shift.assign(channels, 0.0);
    read_pads(node);
    return true;
  }

  void read_pads(const Node& node) {
    const size_t spatial = out_.weights.shape().size() - 2;
    if (node.type != "Conv" || graph::attribute_or(node, "auto_pad", std::string("NOTSET")) != "NOTSET")
      return;
    out_.pads = graph::attribute_or(node, "pads", std::vector<int64_t>(2 * spatial, 0));
    if (extra_pads_.size() != 2 * (spatial + 2) || out_.pads.size() != 2 * spatial) return;
    for (size_t d = 0; d < spatial; ++d) {
      out_.pads[d] += static_cast<int64_t>(extra_pads_[d + 2]);
      out_.pads[d + spatial] += static_cast<int64_t>(extra_pads_[spatial + 2 + d + 2]);
    }
  }

  bool read_behind(NodeId id, const Node& node) {
    const size_t channels = out_.scale.size();
    if (node.type == "Identity" || node.type == "Transpose" || node.type == "Dropout" || rounds(node))
      return true;
    static const std::vector<std::string> out_of_batch{"Reshape", "Slice", "Split", "Concat", "DepthToSpace"};
    if (out_.batched && std::find(out_of_batch.begin(), out_of_batch.end(), node.type) != out_of_batch.end())
      return true;
    if (node.type == "BatchNormalization") return read_batch_normalization(id, node);
    if (node.type != "Add" && node.type != "Mul" && node.type != "Sub" && node.type != "Div") return false;
    // Which operand is the constant; a constant minus or over the chain is not of this form.
    std::optional<std::vector<double>> operand = numbers(node, 1);
    if (!operand && (node.type == "Add" || node.type == "Mul")) operand = numbers(node, 0);
    if (!operand || (operand->size() != channels && operand->size() != 1)) return false;
    for (size_t c = 0; c < channels; ++c) {
      const double v = (*operand)[operand->size() == 1 ? 0 : c];
      if (node.type == "Add") out_.shift[c] += v;
      if (node.type == "Sub") out_.shift[c] -= v;
      if (node.type == "Mul") out_.scale[c] *= v, out_.shift[c] *= v;
      if (node.type == "Div") out_.scale[c] /= v, out_.shift[c] /= v;
    }
    if (node.type == "Add" && operand->size() == channels)
      out_.shift_node = id;
    else if (node.type != "Add")
      out_.shift_node = -1;
    if (node.type == "Mul" || node.type == "Div") scaled_by(node.type == "Mul" ? id : -1);
    return true;
  }

  bool read_batch_normalization(NodeId id, const Node& node) {
    if (graph::attribute_or(node, "training_mode", int64_t{0}) != 0) return false;
    std::vector<std::vector<double>> p;
    for (size_t i = 1; i <= 4; ++i) {
      auto values = numbers(node, i);
      if (!values || values->size() != out_.scale.size()) return false;
      p.push_back(std::move(*values));
    }
    const double epsilon = graph::attribute_or(node, "epsilon", 1e-5f);
    for (size_t c = 0; c < out_.scale.size(); ++c) {
      const double gain = p[0][c] / std::sqrt(p[3][c] + epsilon);
      out_.scale[c] *= gain;
      out_.shift[c] = (out_.shift[c] - p[2][c]) * gain + p[1][c];
    }
    out_.shift_node = id;
    scaled_by(id);
    return true;
  }

  void scaled_by(NodeId id) {
    out_.scale_node = scaled_ ? -1 : id;
    scaled_ = true;
  }

  const Graph& graph_;
  const ConstantLookup& constant_;
  Linear out_;
  std::vector<double> extra_pads_;
  bool padded_ = false, scaled_ = false;
};

}  // namespace

Tensor Linear::kernel() const {
  Tensor out = weights;
  scale_axis(out, channel_axis, scale);
  return out;
}

std::optional<Linear> effective(const Graph& graph, std::span<const NodeId> nodes,
                                const ConstantLookup& constant) {
  return Reader(graph, constant).run(nodes);
}

std::optional<Linear> affine(const Graph& graph, std::span<const NodeId> nodes,
                             const ConstantLookup& constant) {
  return Reader(graph, constant).run_without_core(nodes);
}

ConstantLookup source_constants(const Place& place) {
  return [&place](ValueId id) -> Tensor {
    const graph::Value& value = place.source.value(id);
    if (value.is_constant()) return value.constant;
    if (!place.values.has(id)) return {};
    for (size_t s = 1; s < place.values.sample_count(); ++s)
      if (!place.values.at(s, id).identical(place.values.at(0, id))) return {};
    return place.values.at(0, id);
  };
}

ConstantLookup target_constants(const Place& place) {
  return [&place](ValueId id) -> Tensor {
    const graph::Value& value = place.target.value(id);
    if (value.is_constant()) return value.constant;
    const auto& samples = place.alignment.values;
    auto first = samples[0].find(id);
    if (first == samples[0].end() || place.alignment.pairs.contains(id)) return {};
    for (const auto& sample : samples)
      if (!sample.contains(id) || !sample.at(id).identical(first->second)) return {};
    return first->second;
  };
}

double distance(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    scale += std::max(a[i] * a[i], b[i] * b[i]);
  }
  return scale > 0 ? std::sqrt(difference / scale) : 0;
}

}  // namespace fetafix::faults
