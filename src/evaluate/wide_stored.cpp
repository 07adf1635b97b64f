// Between numbers and how files store them: quantization and casts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

// Scale and zero point of each element: one, or one for each index of an axis.
struct Steps {
  const Wide& scale;
  const Wide* zero_point;
  int64_t inner = 1, count = 1;

  double scale_at(size_t i) const { return scale.values[place(i)]; }
  double zero_at(size_t i) const { return zero_point ? zero_point->values[place(i)] : 0; }
  size_t place(size_t i) const { return static_cast<size_t>(static_cast<int64_t>(i) / inner % count); }
};

Result<Steps> steps_of(const Call& call) {
  const Wide& x = call.operand(0);
  Steps out{call.operand(1), call.has(2) ? &call.operand(2) : nullptr};
  if (call.attribute<int64_t>("block_size", 0)) return call.unknown("in blocks");
  if (out.scale.values.size() == 1) return out;
  FETAFIX_TRY(const int64_t axis,
              axis_in(call.attribute<int64_t>("axis", 1), static_cast<int64_t>(x.shape.size())));
  out.inner = strides_of(x.shape)[static_cast<size_t>(axis)];
  out.count = x.shape[static_cast<size_t>(axis)];
  if (out.count != static_cast<int64_t>(out.scale.values.size()))
    return call.unknown("with that many scales");
  return out;
}

std::pair<double, double> range_of(DType dtype) {
  const auto limits = [](auto zero) {
    using T = decltype(zero);
    return std::pair(static_cast<double>(std::numeric_limits<T>::min()),
                     static_cast<double>(std::numeric_limits<T>::max()));
  };
  if (dtype == DType::int8) return limits(int8_t{});
  if (dtype == DType::int16) return limits(int16_t{});
  if (dtype == DType::uint16) return limits(uint16_t{});
  if (dtype == DType::int32) return limits(int32_t{});
  return limits(uint8_t{});
}

Result<Wide> quantize(const Call& call) {
  FETAFIX_TRY(const Steps steps, steps_of(call));
  Wide out = call.operand(0);
  out.dtype = steps.zero_point ? steps.zero_point->dtype : DType::uint8;
  const auto [low, high] = range_of(out.dtype);
  for (size_t i = 0; i < out.values.size(); ++i)  // halves go to the even number
    out.values[i] =
        std::clamp(std::nearbyint(out.values[i] / steps.scale_at(i)) + steps.zero_at(i), low, high);
  return out;
}

Result<Wide> dequantize(const Call& call) {
  FETAFIX_TRY(const Steps steps, steps_of(call));
  Wide out = call.operand(0);
  out.dtype = steps.scale.dtype;
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = (out.values[i] - steps.zero_at(i)) * steps.scale_at(i);
  return out;
}

Result<Wide> cast_to(const Call& call) {
  // Numbers of ONNX's element types.
  static const std::map<int64_t, DType> types{{1, DType::float32}, {2, DType::uint8},    {3, DType::int8},
                                              {5, DType::int16},   {6, DType::int32},    {7, DType::int64},
                                              {9, DType::boolean}, {10, DType::float16}, {11, DType::float64},
                                              {4, DType::uint16},  {16, DType::bfloat16}};
  auto found = types.find(call.attribute<int64_t>("to", 0));
  if (found == types.end()) return call.unknown("to that type");
  Wide out = call.operand(0);
  out.dtype = found->second;
  if (is_integer(out.dtype))
    for (double& v : out.values) v = std::trunc(v);
  if (out.dtype == DType::boolean)
    for (double& v : out.values) v = v != 0;
  return out;
}

}  // namespace

const Table& stored() {
  static const Table table{{"QuantizeLinear", quantize}, {"DequantizeLinear", dequantize}, {"Cast", cast_to}};
  return table;
}

}  // namespace fetafix::evaluate::wide
