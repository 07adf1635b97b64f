// One element of the result from one element of each operand.
#include <algorithm>
#include <cmath>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

template <class F>
Result<Wide> each(const Call& call, F f) {
  Wide out = call.operand(0);
  for (double& v : out.values) v = f(v);
  return out;
}

template <class F>
Result<Wide> pairs(const Call& call, F f) {
  Wide out = call.operand(0);
  for (size_t k = 1; k < call.operands.size(); ++k) {
    if (!call.has(k)) return call.unknown("without an operand");
    const Wide &a = out, &b = call.operand(k);
    FETAFIX_TRY(const Shape shape, broadcast(a.shape, b.shape));
    Wide made = zeros(shape, a.dtype);
    std::vector<int64_t> index(shape.size(), 0);
    for (double& v : made.values) {
      v = f(a.values[static_cast<size_t>(broadcast_offset(index, a.shape))],
            b.values[static_cast<size_t>(broadcast_offset(index, b.shape))]);
      next(index, shape);
    }
    out = std::move(made);
  }
  return out;
}

double number(const Call& call, const std::string& name, float otherwise) {
  return static_cast<double>(call.attribute<float>(name, otherwise));
}

Result<Wide> clip(const Call& call) {
  const double low = call.number(1, -INFINITY);
  const double high = call.number(2, INFINITY);
  return each(call, [&](double v) { return std::min(std::max(v, low), high); });
}

Result<Wide> divide(const Call& call) {
  if (is_integer(call.operand(0).dtype)) return call.unknown("of integers");
  return pairs(call, [](double a, double b) { return a / b; });
}

Result<Wide> gelu(const Call& call) {
  const bool tanh = call.attribute<std::string>("approximate", "none") == "tanh";
  return each(call, [&](double v) {
    return 0.5 * v *
           (1 + (tanh ? std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)) : std::erf(v / M_SQRT2)));
  });
}

Result<Wide> hard_sigmoid(const Call& call) {
  const double alpha = number(call, "alpha", 0.2f), beta = number(call, "beta", 0.5f);
  return each(call, [&](double v) { return std::clamp(alpha * v + beta, 0.0, 1.0); });
}

Result<Wide> leaky(const Call& call) {
  const double alpha = number(call, "alpha", 0.01f);
  return each(call, [&](double v) { return v < 0 ? alpha * v : v; });
}

Result<Wide> elu(const Call& call) {
  const double alpha = number(call, "alpha", 1);
  return each(call, [&](double v) { return v < 0 ? alpha * std::expm1(v) : v; });
}

Function unary(double (*f)(double)) {
  return [f](const Call& call) { return each(call, f); };
}

Function binary(double (*f)(double, double)) {
  return [f](const Call& call) { return pairs(call, f); };
}

}  // namespace

const Table& elementwise() {
  using D = double;
  static const Table table{{"Abs", unary([](D v) { return std::fabs(v); })},
                           {"Ceil", unary([](D v) { return std::ceil(v); })},
                           {"Cos", unary([](D v) { return std::cos(v); })},
                           {"Erf", unary([](D v) { return std::erf(v); })},
                           {"Exp", unary([](D v) { return std::exp(v); })},
                           {"Floor", unary([](D v) { return std::floor(v); })},
                           {"HardSwish", unary([](D v) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); })},
                           {"Log", unary([](D v) { return std::log(v); })},
                           {"Neg", unary([](D v) { return -v; })},
                           {"Reciprocal", unary([](D v) { return 1 / v; })},
                           {"Relu", unary([](D v) { return std::max(v, 0.0); })},
                           {"Sigmoid", unary([](D v) { return 1 / (1 + std::exp(-v)); })},
                           {"Sin", unary([](D v) { return std::sin(v); })},
                           {"Softplus", unary([](D v) { return std::log1p(std::exp(v)); })},
                           {"Sqrt", unary([](D v) { return std::sqrt(v); })},
                           {"Tanh", unary([](D v) { return std::tanh(v); })},
                           {"Add", binary([](D a, D b) { return a + b; })},
                           {"Max", binary([](D a, D b) { return std::max(a, b); })},
                           {"Min", binary([](D a, D b) { return std::min(a, b); })},
                           {"Mul", binary([](D a, D b) { return a * b; })},
                           {"Pow", binary([](D a, D b) { return std::pow(a, b); })},
                           {"PRelu", binary([](D a, D b) { return a < 0 ? a * b : a; })},
                           {"Sub", binary([](D a, D b) { return a - b; })},
                           {"Sum", binary([](D a, D b) { return a + b; })},
                           {"Clip", clip},
                           {"Div", divide},
                           {"Elu", elu},
                           {"Gelu", gelu},
                           {"HardSigmoid", hard_sigmoid},
                           {"LeakyRelu", leaky}};
  return table;
}

}  // namespace fetafix::evaluate::wide
