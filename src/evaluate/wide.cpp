#include "evaluate/wide.h"

#include <algorithm>
#include <cmath>

namespace fetafix::evaluate::wide {

double Call::number(size_t i, double otherwise) const {
  return has(i) && !operand(i).values.empty() ? operand(i).values[0] : otherwise;
}

std::vector<int64_t> Call::numbers(size_t i, std::vector<int64_t> otherwise) const {
  if (!has(i)) return otherwise;
  std::vector<int64_t> out;
  for (double v : operand(i).values) out.push_back(static_cast<int64_t>(v));
  return out;
}

Error Call::unknown(const std::string& what) const {
  return {ErrorKind::unsupported, "the float64 evaluation does not know " + node.type + " " + what};
}

Wide zeros(Shape shape, DType dtype) {
  const auto count = static_cast<size_t>(element_count(shape).value_or(0));
  return {std::move(shape), std::vector<double>(count), dtype};
}

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> out(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) out[i - 1] = out[i] * shape[i];
  return out;
}

bool next(std::vector<int64_t>& index, const Shape& shape) {
  for (size_t i = shape.size(); i-- > 0;) {
    if (++index[i] < shape[i]) return true;
    index[i] = 0;
  }
  return false;
}

int64_t broadcast_offset(const std::vector<int64_t>& index, const Shape& operand) {
  const size_t shift = index.size() - operand.size();
  int64_t out = 0;
  for (size_t i = 0; i < operand.size(); ++i)
    out = out * operand[i] + (operand[i] == 1 ? 0 : index[i + shift]);
  return out;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (const Shape* one : {&a, &b})
    for (size_t i = 0; i < one->size(); ++i) {
      int64_t& size = out[out.size() - one->size() + i];
      if ((*one)[i] == 1 || (*one)[i] == size) continue;
      if (size != 1)
        return Error{ErrorKind::internal, to_string(a) + " and " + to_string(b) + " do not broadcast"};
      size = (*one)[i];
    }
  return out;
}

Result<int64_t> axis_in(int64_t axis, int64_t rank) {
  const int64_t out = axis < 0 ? axis + rank : axis;
  if (out < 0 || out >= std::max<int64_t>(rank, 1))
    return Error{ErrorKind::internal, "axis " + std::to_string(axis) + " of rank " + std::to_string(rank)};
  return out;
}

Result<Windows> windows_of(const Call& call, const Shape& operand, const Shape& kernel) {
  Windows out;
  const size_t dimensions = kernel.size();
  if (operand.size() != dimensions + 2) return call.unknown("of these ranks");
  const Shape ones(dimensions, 1);
  out.kernel = kernel;
  out.strides = call.attribute<Shape>("strides", ones);
  out.dilations = call.attribute<Shape>("dilations", ones);
  Shape pads = call.attribute<Shape>("pads", Shape(2 * dimensions, 0));
  if (pads.size() != 2 * dimensions || out.strides.size() != dimensions || out.dilations.size() != dimensions)
    return call.unknown("with attributes of another rank");
  const auto automatic = call.attribute<std::string>("auto_pad", "NOTSET");
  const bool up = call.attribute<int64_t>("ceil_mode", 0) != 0;
  for (size_t i = 0; i < dimensions; ++i) {
    const int64_t size = operand[i + 2], stride = out.strides[i];
    if (stride < 1 || out.dilations[i] < 1) return call.unknown("with a stride or dilation below 1");
    const int64_t reach = (kernel[i] - 1) * out.dilations[i] + 1;
    if (automatic.starts_with("SAME")) {
      const int64_t all = std::max<int64_t>(((size + stride - 1) / stride - 1) * stride + reach - size, 0);
      pads[i] = automatic == "SAME_UPPER" ? all / 2 : all - all / 2;
      pads[i + dimensions] = all - pads[i];
    } else if (automatic == "VALID") {
      pads[i] = pads[i + dimensions] = 0;
    }
    const int64_t room = size + pads[i] + pads[i + dimensions] - reach;
    int64_t count = (up ? (room + stride - 1) / stride : room / stride) + 1;
    // A window must start inside the operand or its first pads.
    if (up && (count - 1) * stride >= size + pads[i]) --count;
    if (room < 0 || count < 1) return call.unknown("with windows larger than its operand");
    out.before.push_back(pads[i]);
    out.output.push_back(count);
  }
  return out;
}

}  // namespace fetafix::evaluate::wide
