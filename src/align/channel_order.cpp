#include "align/channel_order.h"

#include <algorithm>
#include <array>
#include <limits>
#include <random>

namespace fetafix::align {
namespace {

constexpr int64_t longest_axis = 4096;  // each channel is held against each
constexpr size_t projections = 4;       // of a channel on one sample

using Profile = std::vector<std::array<double, projections>>;  // by sample

// Sums of a channel's elements with random signs: distances of channels are kept, in few numbers.
std::vector<Profile> profiles(std::span<const Tensor> samples, size_t axis) {
  const Shape dims = squeezed(samples[0].shape());
  const auto channels = static_cast<size_t>(dims[axis]);
  size_t inner = 1;
  for (size_t d = axis + 1; d < dims.size(); ++d) inner *= static_cast<size_t>(dims[d]);
  std::vector<Profile> out(channels, Profile(samples.size()));
  for (size_t s = 0; s < samples.size(); ++s) {
    const auto values = samples[s].as<float>();
    std::minstd_rand random(1);
    std::vector<uint32_t> signs(inner);
    for (size_t block = 0; block < values.size(); block += channels * inner) {
      for (uint32_t& sign : signs) sign = static_cast<uint32_t>(random()) >> 8;
      for (size_t c = 0; c < channels; ++c) {
        const auto channel = values.subspan(block + c * inner, inner);
        for (size_t k = 0; k < projections; ++k)
          for (size_t i = 0; i < inner; ++i)
            out[c][s][k] +=
                (signs[i] >> k) & 1 ? static_cast<double>(channel[i]) : -static_cast<double>(channel[i]);
      }
    }
  }
  return out;
}

double distance(const Profile& a, const Profile& b) {
  double sum = 0;
  for (size_t s = 0; s < a.size(); ++s)
    for (size_t k = 0; k < projections; ++k) sum += (a[s][k] - b[s][k]) * (a[s][k] - b[s][k]);
  return sum;
}

// The nearest of the `others` that are not taken; their number when there is none.
size_t nearest(const Profile& channel, std::span<const Profile> others, const std::vector<bool>& taken) {
  size_t best = others.size();
  double least = std::numeric_limits<double>::infinity();
  for (size_t other = 0; other < others.size() && least > 0; ++other) {
    if (taken[other]) continue;
    const double far = distance(channel, others[other]);
    if (far < least) best = other, least = far;
  }
  return best;
}

}  // namespace

ChannelOrder nearest_order(std::span<const Tensor> source, std::span<const Tensor> target, int axis) {
  const Shape dims = squeezed(source[0].shape());
  if (dims[static_cast<size_t>(axis)] > longest_axis) return {};
  const auto there = profiles(source, static_cast<size_t>(axis));
  const auto here = profiles(target, static_cast<size_t>(axis));
  const size_t channels = here.size();
  std::vector<bool> taken(channels), placed(channels);
  ChannelOrder out{axis, std::vector<int>(channels)};
  const auto place = [&](size_t c, size_t from) {
    out.from[c] = static_cast<int>(from);
    taken[from] = placed[c] = true;
  };
  for (size_t c = 0; c < channels; ++c)  // channels that stay, then those that are nearest to each other
    if (distance(here[c], there[c]) == 0) place(c, c);
  for (size_t c = 0; c < channels; ++c) {
    if (placed[c]) continue;
    const size_t from = nearest(here[c], there, taken);
    if (from < channels && nearest(there[from], here, placed) == c) place(c, from);
  }
  for (size_t c = 0; c < channels; ++c) {
    if (placed[c]) continue;
    const size_t from = nearest(here[c], there, taken);
    if (from == channels) return {};  // not a number
    place(c, from);
  }
  return std::is_sorted(out.from.begin(), out.from.end()) ? ChannelOrder{} : out;
}

}  // namespace fetafix::align
