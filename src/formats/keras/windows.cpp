#include "formats/keras/windows.h"
#include "formats/same_padding.h"

namespace fetafix::formats::keras {

Result<Attributes> window_attributes(const Operation& op, const Operand& x, const Geometry& geometry,
                                     const std::string& padding) {
  Attributes out{
      {"kernel_shape", geometry.kernel}, {"strides", geometry.strides}, {"dilations", geometry.dilations}};
  const size_t n = geometry.axes();
  if (padding == "causal" && n == 1) {
    out["pads"] = std::vector<int64_t>{(geometry.kernel[0] - 1) * geometry.dilations[0], 0};
  } else if (padding == "same") {
    const auto shape = op.shape(x);
    std::optional<std::vector<int64_t>> pads;
    if (shape && shape->size() == n + 2)
      pads = same_pads(Shape(shape->begin() + 2, shape->end()), geometry.kernel, geometry.strides,
                       geometry.dilations);
    if (pads)
      out["pads"] = *pads;
    else
      out["auto_pad"] = std::string("SAME_UPPER");
  } else if (padding == "valid") {
    out["pads"] = std::vector<int64_t>(2 * n, 0);
  } else {
    return Operation::unsupported("padding '" + padding + "' is not known");
  }
  return out;
}

std::vector<int> kernel_order(size_t axes, bool outputs_last) {
  const int n = static_cast<int>(axes);
  std::vector<int> out = outputs_last ? std::vector<int>{n + 1, n} : std::vector<int>{n, n + 1};
  for (int i = 0; i < n; ++i) out.push_back(i);
  return out;
}

}  // namespace fetafix::formats::keras
