// Effective forms: what a chain of linear nodes comes down to, whatever one exporter folded and another
// did not. Derived for comparing; edits are mapped back onto the parameters that the target really has.
#pragma once

#include <optional>

#include "faults/pattern.h"

namespace fetafix::faults {

// y[c] = kernel[c] * x + bias[c], with kernel[c] = scale[c] * (the core's own weights).
struct Linear {
  graph::NodeId core = -1;        // Conv, ConvTranspose or MatMul with constant weights
  Tensor weights;                 // the core's own, in the view's layout
  int channel_axis = 0;           // of the output channels in `weights`
  std::vector<double> core_bias;  // the core's own bias operand; empty: it has none
  std::vector<double> scale;      // what follows the core, per output channel
  std::vector<double> shift;      // ... so that bias = scale * core_bias + shift
  graph::NodeId shift_node = -1;  // a BatchNormalization or Add whose constant can take a bias change
  graph::NodeId scale_node = -1;  // the only BatchNormalization or Mul whose constant scales
  bool batched =
      false;  // dilated by moving pixels into the batch: pads and dilations are spread over operators
  std::vector<int64_t> pads;  // resolved zero padding of a Conv, with Pad nodes before it; empty: not known
  std::vector<double> bias() const;
  Tensor kernel() const;  // weights times scale
};

// A constant, or a value of the source that does not depend on the sample (a padding computed at run time).
using ConstantLookup = std::function<Tensor(graph::ValueId)>;

// nullopt: the nodes are not one linear core with per-channel operators behind and padding before it.
std::optional<Linear> effective(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                const ConstantLookup& constant);

// What stands alone among the nodes and scales and shifts each channel: a BatchNormalization, or the Mul and
// Add that it comes down to. It has no core and no weights. nullopt: there is a linear core, or none or
// several of these.
std::optional<Linear> affine(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                             const ConstantLookup& constant);

ConstantLookup source_constants(const Place& place);
ConstantLookup target_constants(const Place& place);

// Relative 2-norm distance of two lists of numbers; infinity when the sizes differ.
double distance(std::span<const double> a, std::span<const double> b);

}  // namespace fetafix::faults
