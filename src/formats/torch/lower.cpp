// Inserted nodes as calls of PyTorch's operators.
#include <algorithm>
#include <cmath>

#include "base/python_json.h"
#include "formats/torch/editor.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::torch {
namespace {

using graph::attribute_or;

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

using Inputs = std::vector<std::pair<std::string, Json>>;

class Lowerer {
 public:
  Lowerer(Editor& editor, const Lowering& what) : editor_(editor), what_(what), edit_(what.edit) {}

  Result<std::string> run() {
    const std::string& type = edit_.type;
    if (type == "HardSigmoid" &&
        (std::fabs(attribute_or(edit_.attributes, "alpha", 0.2f) - 1.f / 6) > 1e-6f ||
         attribute_or(edit_.attributes, "beta", 0.5f) != 0.5f))
      return cant("a HardSigmoid whose slope is not 1/6");
    if (const auto plain = plain_operator(type)) return call(*plain, {{"self", as_tensor(what_.input)}});
    static const std::map<std::string, std::string> binaries{
        {"Add", "add.Tensor"},        {"Sub", "sub.Tensor"},       {"Mul", "mul.Tensor"},
        {"Div", "div.Tensor"},        {"Max", "maximum.default"},  {"Min", "minimum.default"},
        {"Pow", "pow.Tensor_Tensor"}, {"MatMul", "matmul.default"}};
    if (const auto found = binaries.find(type); found != binaries.end()) return binary(found->second);
    static const std::map<std::string, std::string> reductions{{"ReduceMean", "mean.dim"},
                                                               {"ReduceSum", "sum.dim_IntList"},
                                                               {"ReduceMax", "amax.default"},
                                                               {"ReduceMin", "amin.default"}};
    if (const auto found = reductions.find(type); found != reductions.end()) return reduce(found->second);
    if (type == "Clip") return clip();
    if (type == "LeakyRelu") return with_number("leaky_relu.default", "negative_slope", "alpha", 0.01f);
    if (type == "Elu") return with_number("elu.default", "alpha", "alpha", 1.f);
    if (type == "Gelu") return gelu();
    if (type == "Softmax" || type == "LogSoftmax") return softmax();
    if (type == "Transpose") return transpose();
    if (type == "Reshape") return reshape();
    if (type == "Flatten") return flatten();
    if (type == "Squeeze" || type == "Unsqueeze") return squeeze();
    if (type == "Pad") return pad();
    if (type == "Concat") return concat();
    if (type == "Cast") return cast_to();
    if (type == "MaxPool" || type == "AveragePool") return pool();
    if (type == "Conv") return conv();
    if (type == "BatchNormalization") return batch_norm();
    if (type == "Dropout" || type == "Identity")
      return call("aten.clone.default", {{"self", as_tensor(what_.input)}});
    return cant(type + " can't be put into a PyTorch program");
  }

 private:
  // `shape`: of the result, where it is not that of the input and known.
  Result<std::string> call(const std::string& target, const Inputs& inputs,
                           const std::optional<Shape>& shape = {}) {
    return editor_.add_call(what_.before, target, inputs, what_.input, shape);
  }

  bool has_constant(size_t i) const {
    return i < edit_.operands.size() && edit_.operands[i] && !edit_.operands[i]->empty();
  }

  Result<std::vector<int64_t>> integers(size_t i) const {
    if (!has_constant(i)) return cant("its parameters are not constant");
    return to_int64s(*edit_.operands[i]);
  }

  double number(size_t i, double otherwise) const {
    if (!has_constant(i) || edit_.operands[i]->size() != 1) return otherwise;
    if (edit_.operands[i]->dtype() == DType::float32) return shortest(edit_.operands[i]->as<float>()[0]);
    const auto numbers = to_doubles(*edit_.operands[i]);
    return numbers.ok() ? (*numbers)[0] : otherwise;
  }

  std::string weight(const Tensor& tensor) { return editor_.add_weight(tensor, "constant"); }

  // One number is said in the call; more are a stored tensor.
  Result<Json> operand(size_t i) {
    if (const auto other = what_.others.find(static_cast<int>(i)); other != what_.others.end())
      return as_tensor(other->second);
    if (i < edit_.operands.size() && !edit_.operands[i]) return as_tensor(what_.input);
    if (!has_constant(i)) return cant("operand " + std::to_string(i) + " is missing");
    FETAFIX_TRY(const Tensor typed, cast(*edit_.operands[i], editor_.dtype_of(what_.input)));
    return as_tensor(weight(typed));
  }

  Result<std::string> binary(const std::string& name) {
    FETAFIX_TRY(const Json a, operand(0));
    const bool takes_numbers = name.ends_with(".Tensor");
    if (takes_numbers && has_constant(1) && edit_.operands[1]->size() == 1)
      return call("aten." + name, {{"self", a}, {"other", as_float(number(1, 0))}});
    FETAFIX_TRY(const Json b, operand(1));
    return call("aten." + name, {{"self", a}, {name.starts_with("pow") ? "exponent" : "other", b}});
  }

  Result<std::string> with_number(const std::string& name, const char* argument, const char* attribute,
                                  float otherwise) {
    return call("aten." + name, {{"self", as_tensor(what_.input)},
                                 {argument, as_float(attribute_or(edit_.attributes, attribute, otherwise))}});
  }

  Result<std::string> clip() {
    const double low = number(1, -INFINITY), high = number(2, INFINITY);
    if (low == 0 && high == 6) return call("aten.relu6.default", {{"self", as_tensor(what_.input)}});
    if (low == 0 && high > 3e38) return call("aten.relu.default", {{"self", as_tensor(what_.input)}});
    const auto bound = [](double value) {
      return std::fabs(value) > 3e38 ? Json{{"as_none", true}} : as_float(value);
    };
    return call("aten.clamp.default",
                {{"self", as_tensor(what_.input)}, {"min", bound(low)}, {"max", bound(high)}});
  }

  Result<std::string> gelu() {
    return call(
        "aten.gelu.default",
        {{"self", as_tensor(what_.input)},
         {"approximate", as_string(attribute_or(edit_.attributes, "approximate", std::string("none")))}});
  }

  Result<std::string> softmax() {
    const std::string name = edit_.type == "Softmax" ? "softmax.int" : "log_softmax.int";
    return call("aten." + name, {{"self", as_tensor(what_.input)},
                                 {"dim", as_int(attribute_or(edit_.attributes, "axis", int64_t{-1}))}});
  }

  Result<std::string> transpose() {
    const auto perm = attribute_or(edit_.attributes, "perm", std::vector<int64_t>{});
    if (perm.empty()) return cant("its order is not said");
    auto shape = editor_.shape_of(what_.input);
    if (shape && shape->size() == perm.size()) {
      const Shape from = *shape;
      for (size_t i = 0; i < perm.size(); ++i)
        if (perm[i] >= 0 && static_cast<size_t>(perm[i]) < from.size())
          (*shape)[i] = from[static_cast<size_t>(perm[i])];
    }
    return call("aten.permute.default", {{"self", as_tensor(what_.input)}, {"dims", as_ints(perm)}}, shape);
  }

  Result<std::string> reshape() {
    FETAFIX_TRY(auto sizes, integers(1));
    const auto from = editor_.shape_of(what_.input);
    for (size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] == 0) {
        if (!from || i >= from->size() || (*from)[i] < 0) return cant("sizes that are copied");
        sizes[i] = (*from)[i];
      }
    return call("aten.reshape.default", {{"self", as_tensor(what_.input)}, {"shape", as_ints(sizes)}}, sizes);
  }

  Result<std::string> flatten() {
    if (attribute_or(edit_.attributes, "axis", int64_t{1}) != 1) return cant("a Flatten along other axes");
    auto shape = editor_.shape_of(what_.input);
    if (!shape || shape->size() < 2) return cant("the value's shape is not known");
    const auto rest = element_count(Shape(shape->begin() + 1, shape->end()));
    return call("aten.flatten.using_ints", {{"self", as_tensor(what_.input)}, {"start_dim", as_int(1)}},
                rest ? std::optional(Shape{(*shape)[0], *rest}) : std::nullopt);
  }

  Result<std::string> squeeze() {
    FETAFIX_TRY(auto axes, integers(1));
    auto shape = editor_.shape_of(what_.input);
    if (!shape) return cant("the value's shape is not known");
    const bool adds = edit_.type == "Unsqueeze";
    const auto rank = static_cast<int64_t>(shape->size() + (adds ? axes.size() : 0));
    for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
    if (std::ranges::any_of(axes, [&](int64_t axis) { return axis < 0 || axis >= rank; }))
      return cant("an axis lies outside");
    std::ranges::sort(axes);
    if (!adds) {
      for (size_t i = axes.size(); i-- > 0;) shape->erase(shape->begin() + axes[i]);
      return call("aten.squeeze.dims", {{"self", as_tensor(what_.input)}, {"dim", as_ints(axes)}}, shape);
    }
    std::string input = what_.input;
    for (int64_t axis : axes) {
      shape->insert(shape->begin() + axis, 1);
      FETAFIX_TRY(input,
                  call("aten.unsqueeze.default", {{"self", as_tensor(input)}, {"dim", as_int(axis)}}, shape));
    }
    return input;
  }

  Result<std::string> pad() {
    FETAFIX_TRY(const auto pads, integers(1));
    if (edit_.operands.size() > 3) return cant("pads along chosen axes");
    const std::string mode = attribute_or(edit_.attributes, "mode", std::string("constant"));
    if (mode != "constant" && mode != "reflect") return cant("pads of mode " + mode);
    const size_t rank = pads.size() / 2;
    std::vector<int64_t> list = pads_from_last(pads);
    while (list.size() > 2 && list[list.size() - 1] == 0 && list[list.size() - 2] == 0)
      list.resize(list.size() - 2);
    auto shape = editor_.shape_of(what_.input);
    for (size_t axis = 0; shape && shape->size() == rank && axis < rank; ++axis)
      if ((*shape)[axis] >= 0) (*shape)[axis] += pads[axis] + pads[axis + rank];
    Inputs inputs{{"self", as_tensor(what_.input)}, {"pad", as_ints(list)}, {"mode", as_string(mode)}};
    if (mode == "constant") inputs.emplace_back("value", as_float(number(2, 0)));
    return call("aten.pad.default", inputs, shape);
  }

  Result<std::string> concat() {
    Json tensors = Json::array();
    for (size_t i = 0; i < 64; ++i) {
      if (i >= edit_.operands.size() && !what_.others.contains(static_cast<int>(i))) break;
      FETAFIX_TRY(const Json one, operand(i));
      tensors.push_back(one["as_tensor"]);
    }
    return call("aten.cat.default", {{"tensors", Json{{"as_tensors", std::move(tensors)}}},
                                     {"dim", as_int(attribute_or(edit_.attributes, "axis", int64_t{0}))}});
  }

  Result<std::string> cast_to() {
    const DType dtype = graph::dtype_of_onnx_type(attribute_or(edit_.attributes, "to", int64_t{0}));
    if (dtype_code(dtype) == 0) return cant("a type that PyTorch has no number for");
    return call("aten.to.dtype",
                {{"self", as_tensor(what_.input)}, {"dtype", Json{{"as_scalar_type", dtype_code(dtype)}}}});
  }

  Result<std::string> reduce(const std::string& name) {
    FETAFIX_TRY(const auto axes, integers(1));
    const bool keeps = attribute_or(edit_.attributes, "keepdims", int64_t{1}) != 0;
    return call("aten." + name,
                {{"self", as_tensor(what_.input)}, {"dim", as_ints(axes)}, {"keepdim", as_bool(keeps)}});
  }

  // Pads that are the same before and behind.
  Result<std::vector<int64_t>> even_pads(size_t axes) const {
    const auto pads = attribute_or(edit_.attributes, "pads", std::vector<int64_t>(2 * axes, 0));
    if (attribute_or(edit_.attributes, "auto_pad", std::string("NOTSET")) != "NOTSET" ||
        pads.size() != 2 * axes ||
        !std::equal(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes),
                    pads.begin() + static_cast<std::ptrdiff_t>(axes)))
      return cant("pads that differ before and behind");
    return std::vector<int64_t>(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  }

  std::vector<int64_t> list(const char* name, size_t axes) const {
    return attribute_or(edit_.attributes, name, std::vector<int64_t>(axes, 1));
  }

  Result<std::string> pool() {
    const auto kernel = attribute_or(edit_.attributes, "kernel_shape", std::vector<int64_t>{});
    if (kernel.empty() || kernel.size() > 3) return cant("its windows have other axes");
    FETAFIX_TRY(const auto pads, even_pads(kernel.size()));
    const bool ceil = attribute_or(edit_.attributes, "ceil_mode", int64_t{0}) != 0;
    Inputs inputs{{"self", as_tensor(what_.input)},
                  {"kernel_size", as_ints(kernel)},
                  {"stride", as_ints(list("strides", kernel.size()))},
                  {"padding", as_ints(pads)}};
    const bool average = edit_.type == "AveragePool";
    if (!average) inputs.emplace_back("dilation", as_ints(list("dilations", kernel.size())));
    inputs.emplace_back("ceil_mode", as_bool(ceil));
    if (average)
      inputs.emplace_back("count_include_pad",
                          as_bool(attribute_or(edit_.attributes, "count_include_pad", int64_t{0}) != 0));
    return call("aten." + std::string(average ? "avg" : "max") + "_pool" + std::to_string(kernel.size()) +
                    "d.default",
                inputs);
  }

  Result<std::string> conv() {
    if (!has_constant(1) || edit_.operands[1]->rank() < 3 || edit_.operands[1]->rank() > 5)
      return cant("its kernel is not constant");
    const auto axes = static_cast<size_t>(edit_.operands[1]->rank()) - 2;
    FETAFIX_TRY(const auto pads, even_pads(axes));
    Json bias{{"as_none", true}};
    if (has_constant(2)) bias = as_tensor(weight(*edit_.operands[2]));
    return call("aten.conv" + std::to_string(axes) + "d.default",
                {{"input", as_tensor(what_.input)},
                 {"weight", as_tensor(weight(*edit_.operands[1]))},
                 {"bias", std::move(bias)},
                 {"stride", as_ints(list("strides", axes))},
                 {"padding", as_ints(pads)},
                 {"dilation", as_ints(list("dilations", axes))},
                 {"groups", as_int(attribute_or(edit_.attributes, "group", int64_t{1}))}});
  }

  Result<std::string> batch_norm() {
    Inputs inputs{{"input", as_tensor(what_.input)}};
    const char* names[]{"weight", "bias", "running_mean", "running_var"};
    for (size_t i = 1; i < 5; ++i) {
      if (!has_constant(i)) return cant("its parameters are not constant");
      inputs.emplace_back(names[i - 1], as_tensor(weight(*edit_.operands[i])));
    }
    inputs.emplace_back("training", as_bool(false));
    inputs.emplace_back("momentum", as_float(0.1));
    inputs.emplace_back("eps", as_float(attribute_or(edit_.attributes, "epsilon", 1e-5f)));
    inputs.emplace_back("cudnn_enabled", as_bool(false));
    return call("aten.batch_norm.default", inputs);
  }

  Editor& editor_;
  const Lowering& what_;
  const graph::InsertNode& edit_;
};

}  // namespace

std::optional<std::string> plain_operator(const std::string& onnx) {
  static const std::map<std::string, const char*> operators{{"Relu", "relu"},
                                                            {"Sigmoid", "sigmoid"},
                                                            {"Tanh", "tanh"},
                                                            {"Exp", "exp"},
                                                            {"Log", "log"},
                                                            {"Sqrt", "sqrt"},
                                                            {"Abs", "abs"},
                                                            {"Neg", "neg"},
                                                            {"Erf", "erf"},
                                                            {"Floor", "floor"},
                                                            {"Ceil", "ceil"},
                                                            {"Round", "round"},
                                                            {"Reciprocal", "reciprocal"},
                                                            {"Softplus", "softplus"},
                                                            {"HardSwish", "hardswish"},
                                                            {"HardSigmoid", "hardsigmoid"},
                                                            {"Selu", "selu"},
                                                            {"Mish", "mish"},
                                                            {"Sin", "sin"},
                                                            {"Cos", "cos"}};
  const auto found = operators.find(onnx);
  if (found == operators.end()) return std::nullopt;
  return "aten." + std::string(found->second) + ".default";
}

Result<std::string> lower(Editor& editor, const Lowering& lowering) {
  return Lowerer(editor, lowering).run();
}

}  // namespace fetafix::formats::torch
