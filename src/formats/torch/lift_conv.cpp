// Convolutions: PyTorch's kernels and axes are ONNX's.
#include <algorithm>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

struct Geometry {
  std::vector<int64_t> stride, padding, dilation, output_padding;
};

Result<Geometry> geometry(const Operation& op, size_t axes) {
  Geometry out;
  FETAFIX_TRY(out.stride, op.each("stride", axes, 1));
  FETAFIX_TRY(out.dilation, op.each("dilation", axes, 1));
  FETAFIX_TRY(out.output_padding, op.each("output_padding", axes, 0));
  if (op.text("padding", "").empty()) {
    FETAFIX_TRY(out.padding, op.each("padding", axes, 0));
  }
  return out;
}

std::vector<int64_t> both_sides(const std::vector<int64_t>& padding) {
  std::vector<int64_t> out = padding;
  out.insert(out.end(), padding.begin(), padding.end());
  return out;
}

// "same" puts what can't be halved behind.
std::vector<int64_t> named_pads(const std::string& name, const std::vector<int64_t>& kernel,
                                const std::vector<int64_t>& dilation) {
  std::vector<int64_t> before, after;
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int64_t total = name == "same" ? dilation[i] * (kernel[i] - 1) : 0;
    before.push_back(total / 2);
    after.push_back(total - total / 2);
  }
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

struct Operands {
  std::vector<Operand> list;
  Shape kernel;  // spatial axes
};

Result<Operands> operands_of(Operation& op) {
  const auto kernel = op.shape_of("weight");
  if (!kernel || kernel->size() < 3 || std::ranges::count(*kernel, -1) > 0)
    return Operation::unsupported("the kernel's shape is not known");
  FETAFIX_TRY(const int rank, op.rank("input"));
  if (static_cast<size_t>(rank) != kernel->size()) return Operation::unsupported("the input has no batch");
  FETAFIX_TRY(const Operand x, op.in("input"));
  FETAFIX_TRY(const Operand w, op.in("weight"));
  FETAFIX_TRY(const Operand b, op.optional("bias"));
  return Operands{{x, w, b}, Shape(kernel->begin() + 2, kernel->end())};
}

Status convolve(Operation& op, bool backwards) {
  FETAFIX_TRY(const Operands operands, operands_of(op));
  const size_t axes = operands.kernel.size();
  FETAFIX_TRY(const Geometry g, geometry(op, axes));
  Attributes attributes{{"kernel_shape", std::vector<int64_t>(operands.kernel)},
                        {"strides", g.stride},
                        {"dilations", g.dilation},
                        {"group", op.integer("groups", 1)}};
  const std::string named = op.text("padding", "");
  attributes["pads"] = named.empty() ? both_sides(g.padding) : named_pads(named, operands.kernel, g.dilation);
  if (backwards && std::ranges::any_of(g.output_padding, [](int64_t p) { return p != 0; }))
    attributes["output_padding"] = g.output_padding;
  return op.out(op.node(backwards ? "ConvTranspose" : "Conv", operands.list, std::move(attributes)));
}

}  // namespace

Status lift_conv(Operation& op) {
  return convolve(op, false);
}
Status lift_transpose_conv(Operation& op) {
  return convolve(op, true);
}
Status lift_convolution(Operation& op) {
  return convolve(op, op.flag("transposed", false));
}

}  // namespace fetafix::formats::torch
