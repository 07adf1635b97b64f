#include "formats/torch/arguments.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace fetafix::formats::torch {
namespace {

constexpr std::string_view names[]{"self",
                                   "input",
                                   "other",
                                   "weight",
                                   "bias",
                                   "running_mean",
                                   "running_var",
                                   "tensors",
                                   "hx",
                                   "params",
                                   "mat1",
                                   "mat2",
                                   "batch1",
                                   "batch2",
                                   "query",
                                   "key",
                                   "value",
                                   "attn_mask",
                                   "indices",
                                   "index",
                                   "mask",
                                   "condition",
                                   "exponent",
                                   "min",
                                   "max",
                                   "dim",
                                   "dims",
                                   "size",
                                   "shape",
                                   "pad",
                                   "padding",
                                   "stride",
                                   "dilation",
                                   "kernel_size",
                                   "scale",
                                   "scale_factors",
                                   "output_size",
                                   "negative_slope",
                                   "alpha",
                                   "beta",
                                   "min_val",
                                   "max_val",
                                   "eps",
                                   "threshold",
                                   "fill_value",
                                   "repeats",
                                   "split_sizes",
                                   "split_size",
                                   "start",
                                   "end",
                                   "step",
                                   "k",
                                   "a",
                                   "b",
                                   "upscale_factor",
                                   "groups",
                                   "num_groups",
                                   "approximate",
                                   "sizes",
                                   "start_dim",
                                   "end_dim",
                                   "dim0",
                                   "dim1",
                                   "length",
                                   "chunks",
                                   "ord",
                                   "downscale_factor",
                                   "rounding_mode",
                                   "shifts",
                                   "vec"};
constexpr int elements = 1000;  // of a list, and the first of their slots

}  // namespace

int slot_of(const std::string& argument) {
  const auto found = std::ranges::find(names, argument);
  return found == std::end(names) ? -1 : static_cast<int>(found - std::begin(names));
}

int slot_of(const std::string& argument, int element) {
  const int slot = slot_of(argument);
  return slot < 0 || element >= elements ? -1 : (slot + 1) * elements + element;
}

ArgumentPlace place_of(int slot) {
  if (slot < 0) return {};
  const int number = slot < elements ? slot : slot / elements - 1;
  if (static_cast<size_t>(number) >= std::size(names)) return {};
  return {std::string(names[static_cast<size_t>(number)]), slot < elements ? -1 : slot % elements};
}

}  // namespace fetafix::formats::torch
