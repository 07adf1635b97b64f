#include "graph/lens.h"

namespace fetafix::graph {

Tensor to_view(const Tensor& native, const std::vector<int>& permutation, const Shape& view_shape) {
  Tensor out = permutation.empty() ? native : transpose(native, permutation);
  return view_shape.empty() ? out : out.reshaped(view_shape);
}

Result<Tensor> to_native(const Tensor& view, const Lens& lens, const Shape& old_view_shape) {
  if (lens.permutation.empty()) {
    const Shape native = lens.native_shape.empty() ? old_view_shape : lens.native_shape;
    if (element_count(native) == view.size()) return view.reshaped(native);
    if (native.size() == view.shape().size()) return view;  // a longer list of axes, more channels, ...
    return Error{ErrorKind::unsupported, "a tensor of shape " + to_string(view.shape()) +
                                             " does not fit where " + to_string(native) + " is stored"};
  }
  Shape permuted;
  for (int axis : lens.permutation) permuted.push_back(lens.native_shape[static_cast<size_t>(axis)]);
  // A view in the shape that it had is the same rearrangement, whatever that shape was.
  if (view.shape() != old_view_shape && view.shape().size() == permuted.size())
    permuted = view.shape();
  else if (element_count(permuted) != view.size())
    return Error{ErrorKind::unsupported, "a tensor of shape " + to_string(view.shape()) +
                                             " does not fit where " + to_string(old_view_shape) + " was"};
  return transpose(view.reshaped(permuted), inverse_permutation(lens.permutation));
}

const Value* constant_behind(const Graph& view, int op, int slot) {
  for (const Node& node : view.nodes)
    for (size_t i = 0; node.native.index == op && i < node.slots.size(); ++i)
      if (node.slots[i] == slot && node.inputs[i] != no_value && view.value(node.inputs[i]).is_constant())
        return &view.value(node.inputs[i]);
  return nullptr;
}

}  // namespace fetafix::graph
