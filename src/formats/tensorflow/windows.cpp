#include "formats/tensorflow/windows.h"

#include <algorithm>

#include "formats/same_padding.h"

namespace fetafix::formats::tensorflow {
namespace {

bool all_of(const std::vector<int64_t>& numbers, int64_t least) {
  return std::ranges::all_of(numbers, [&](int64_t v) { return v >= least; });
}

// Befores, then afters, of the attribute's pairs of all axes.
Result<std::vector<int64_t>> explicit_pads(const Operation& op, size_t axes) {
  const auto pairs = op.integers("explicit_paddings");
  if (pairs.size() != 2 * (axes + 2)) return Operation::unsupported("explicit paddings are not two an axis");
  const size_t first = op.channels_last() ? 1 : 2;
  std::vector<int64_t> out(2 * axes);
  for (size_t i = 0; i < axes; ++i) {
    out[i] = pairs[2 * (first + i)];
    out[i + axes] = pairs[2 * (first + i) + 1];
  }
  if (!all_of(out, 0)) return Operation::unsupported("negative pads");
  return out;
}

}  // namespace

Result<std::vector<int64_t>> spatial(const Operation& op, const std::string& key, size_t axes) {
  const auto all = op.integers(key);
  if (all.empty()) return std::vector<int64_t>(axes, 1);
  if (all.size() != axes + 2)
    return Operation::unsupported(key + " has " + std::to_string(all.size()) + " numbers, expected " +
                                  std::to_string(axes + 2));
  const size_t first = op.channels_last() ? 1 : 2;
  if (all[0] != 1 || all[op.channels_last() ? axes + 1 : 1] != 1)
    return Operation::unsupported(key + " other than 1 over batch or channels");
  return std::vector<int64_t>(all.begin() + static_cast<std::ptrdiff_t>(first),
                              all.begin() + static_cast<std::ptrdiff_t>(first + axes));
}

Result<Attributes> window_attributes(const Operation& op, const Shape& image, const Shape& kernel,
                                     const std::string& strides_key) {
  const size_t axes = kernel.size();
  FETAFIX_TRY(const auto strides, spatial(op, strides_key, axes));
  FETAFIX_TRY(const auto dilations, spatial(op, "dilations", axes));
  Attributes out{{"kernel_shape", kernel}, {"strides", strides}};
  if (std::ranges::count(dilations, 1) != static_cast<std::ptrdiff_t>(axes)) out["dilations"] = dilations;
  const std::string padding = op.text("padding", "");
  if (padding == "EXPLICIT") {
    FETAFIX_TRY(out["pads"], explicit_pads(op, axes));
    return out;
  }
  if (padding == "VALID") {
    out["pads"] = std::vector<int64_t>(2 * axes, 0);
    return out;
  }
  if (padding != "SAME") return Operation::unsupported("padding '" + padding + "'");
  // A stride or dilation below 1 runs nowhere, and is what it is in the view too: there it can be mended.
  const auto pads = all_of(dilations, 1) ? same_pads(image, kernel, strides, dilations) : std::nullopt;
  if (pads)
    out["pads"] = *pads;
  else
    out["auto_pad"] = std::string("SAME_UPPER");
  return out;
}

Result<Attributes> transpose_attributes(const Operation& op, const Shape& image, const Shape& kernel) {
  const size_t axes = kernel.size();
  FETAFIX_TRY(const auto strides, spatial(op, "strides", axes));
  FETAFIX_TRY(const auto dilations, spatial(op, "dilations", axes));
  if (!all_of(strides, 1) || !all_of(dilations, 1))
    return Operation::unsupported("a stride or dilation below 1");
  Attributes out{{"kernel_shape", kernel}, {"strides", strides}};
  if (std::ranges::count(dilations, 1) != static_cast<std::ptrdiff_t>(axes)) out["dilations"] = dilations;
  Shape wanted(axes, -1);
  if (const auto sizes = op.sizes(0); sizes.ok()) {
    if (sizes->size() != axes + 2)
      return Operation::unsupported("the output shape has another number of dimensions");
    const std::ptrdiff_t first = op.channels_last() ? 1 : 2;
    std::copy_n(sizes->begin() + first, axes, wanted.begin());
  }
  const std::string padding = op.text("padding", "");
  std::vector<int64_t> before(axes), after(axes), extra(axes, 0);
  if (padding == "EXPLICIT") {
    FETAFIX_TRY(const auto pads, explicit_pads(op, axes));
    std::copy_n(pads.begin(), axes, before.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(axes), axes, after.begin());
  }
  for (size_t i = 0; i < axes; ++i) {
    const int64_t extent = (kernel[i] - 1) * dilations[i] + 1;
    if (padding == "SAME" || padding == "VALID") {
      // Without a size that is known: the usual one, stride times the input, or as far as the kernel reaches.
      const bool same = padding == "SAME";
      if (image[i] < 0 && wanted[i] >= 0) return Operation::unsupported("the input's sizes are not known");
      const int64_t usual =
          same ? image[i] * strides[i] : (image[i] - 1) * strides[i] + std::max(extent, strides[i]);
      const int64_t size = wanted[i] >= 0 ? wanted[i] : usual;
      // SAME over an unknown size pads what the kernel is longer than the stride.
      const int64_t total = std::max<int64_t>(extent - strides[i], 0);
      before[i] = !same          ? 0
                  : image[i] < 0 ? total / 2
                                 : same_padding(size, kernel[i], strides[i], dilations[i]).before;
      const int64_t surplus =
          image[i] < 0 ? (same ? extent - strides[i] - before[i] : std::min<int64_t>(extent - strides[i], 0))
                       : (image[i] - 1) * strides[i] + extent - before[i] - size;
      after[i] = std::max<int64_t>(surplus, 0);
      extra[i] = std::max<int64_t>(-surplus, 0);
    } else if (padding != "EXPLICIT") {
      return Operation::unsupported("padding '" + padding + "'");
    }
  }
  before.insert(before.end(), after.begin(), after.end());
  out["pads"] = before;
  out["output_padding"] = extra;
  return out;
}

}  // namespace fetafix::formats::tensorflow
