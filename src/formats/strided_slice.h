// What a strided slice of TensorFlow and TFLite means: both have the same indices and masks.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace fetafix::formats {

// As ends of a Slice: as far as the axis goes, forwards and backwards.
inline constexpr int64_t to_the_end = std::numeric_limits<int32_t>::max();
inline constexpr int64_t to_the_start = std::numeric_limits<int32_t>::min();

// One bit for each entry of begin, end and strides.
struct SliceMasks {
  int64_t begin = 0, end = 0, ellipsis = 0, new_axis = 0, shrink_axis = 0;
  bool any() const { return begin || end || ellipsis || new_axis || shrink_axis; }
};

// The axes of a strided slice, one for each entry of begin, after its masks.
struct StridedSlice {
  std::vector<int64_t> starts, ends, steps, axes;
  std::vector<int64_t> dropped;  // axes of the input that a single index picks from
  std::vector<int64_t> added;    // axes of the output that are new
};

// Walks the entries as both runtimes do: an ellipsis stands for as many whole axes as are left over.
// nullopt: more indices than dimensions. The lists are of one length, of at most 31.
inline std::optional<StridedSlice> resolve_strided_slice(const SliceMasks& masks,
                                                         const std::vector<int64_t>& begin,
                                                         const std::vector<int64_t>& end,
                                                         const std::vector<int64_t>& strides, int64_t rank) {
  const auto bit = [](int64_t mask, size_t i) { return ((mask >> i) & 1) != 0; };
  StridedSlice out;
  const size_t n = begin.size();
  int64_t axis = 0, out_axis = 0, entries = 0;
  for (size_t i = 0; i < n; ++i) entries += !bit(masks.new_axis, i) && !bit(masks.ellipsis, i);
  for (size_t i = 0; i < n; ++i) {
    if (bit(masks.ellipsis, i)) {
      axis += rank - entries;
      out_axis += rank - entries;
    } else if (bit(masks.new_axis, i)) {
      out.added.push_back(out_axis++);
    } else if (bit(masks.shrink_axis, i)) {
      out.axes.push_back(axis);
      out.dropped.push_back(axis++);
      out.starts.push_back(begin[i]);
      out.ends.push_back(begin[i] == -1 ? to_the_end : begin[i] + 1);
      out.steps.push_back(1);
    } else {
      const bool forward = strides[i] > 0;
      out.axes.push_back(axis++);
      ++out_axis;
      out.starts.push_back(!bit(masks.begin, i) ? begin[i] : forward ? 0 : to_the_end);
      out.ends.push_back(!bit(masks.end, i) ? end[i] : forward ? to_the_end : to_the_start);
      out.steps.push_back(strides[i]);
    }
  }
  if (axis > rank) return std::nullopt;
  return out;
}

}  // namespace fetafix::formats
