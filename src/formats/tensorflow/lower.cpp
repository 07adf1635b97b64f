// What an inserted ONNX operator is in TensorFlow's operators. Nothing else can be inserted.
#include <algorithm>

#include "formats/tensorflow/editor.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tensorflow {

using graph::attribute_or;

std::optional<std::string> plain_operator(const std::string& onnx) {
  static const std::map<std::string, std::string> plain{{"Abs", "Abs"},
                                                        {"Ceil", "Ceil"},
                                                        {"Cos", "Cos"},
                                                        {"Elu", "Elu"},
                                                        {"Erf", "Erf"},
                                                        {"Exp", "Exp"},
                                                        {"Floor", "Floor"},
                                                        {"Identity", "Identity"},
                                                        {"Log", "Log"},
                                                        {"Neg", "Neg"},
                                                        {"Reciprocal", "Reciprocal"},
                                                        {"Relu", "Relu"},
                                                        {"Round", "Round"},
                                                        {"Selu", "Selu"},
                                                        {"Sigmoid", "Sigmoid"},
                                                        {"Sign", "Sign"},
                                                        {"Sin", "Sin"},
                                                        {"Softplus", "Softplus"},
                                                        {"Softsign", "Softsign"},
                                                        {"Sqrt", "Sqrt"},
                                                        {"Tanh", "Tanh"}};
  const auto found = plain.find(onnx);
  return found == plain.end() ? std::nullopt : std::optional(found->second);
}

namespace {

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

const std::map<std::string, std::string>& binary_operators() {
  static const std::map<std::string, std::string> table{
      {"Add", "AddV2"},   {"Sub", "Sub"},     {"Mul", "Mul"}, {"Div", "RealDiv"},
      {"Max", "Maximum"}, {"Min", "Minimum"}, {"Pow", "Pow"}};
  return table;
}

class Lowerer {
 public:
  Lowerer(Editor& editor, const Lowering& what) : editor_(editor), what_(what), edit_(what.edit) {}

  // Operators that know axes work in the view's layout, between two changes of it.
  Result<std::string> run() {
    const std::string& type = edit_.type;
    if (const auto plain = plain_operator(type)) return typed(*plain, {what_.input});
    if (binary_operators().contains(type)) return binary();
    if (type == "Clip") return clip();
    if (type == "LeakyRelu") return leaky_relu();
    if (type == "HardSwish") return hard_swish();
    if (type == "Gelu") return gelu();
    if (type == "Dropout") return typed("Identity", {what_.input});
    if (type == "Pad") return pad();
    if (type == "Cast") return cast_to();
    if (type == "MaxPool" || type == "AveragePool" || type == "Conv" || type == "BatchNormalization")
      return on_image();
    const std::string input = turned(what_.input, what_.permutation);
    for (const auto& [operand, name] : what_.others) others_[operand] = turned(name, what_.permutation);
    FETAFIX_TRY(const std::string result, in_view_layout(input));
    return turned(result,
                  what_.permutation.empty() ? std::vector<int>() : inverse_permutation(what_.permutation));
  }

 private:
  // Runtimes want images with channels last. The view sees them with channels second: where the file has them
  // so too, they are turned and turned back.
  Result<std::string> on_image() {
    const std::vector<int> second{0, 3, 1, 2}, last{0, 2, 3, 1};
    const bool is_last = what_.permutation == second;
    if (!is_last && (!what_.permutation.empty() || (what_.rank >= 0 && what_.rank != 4)))
      return cant(edit_.type + " on what is no image");
    const std::string input = is_last ? what_.input : turned(what_.input, last);
    FETAFIX_TRY(const std::string result, edit_.type == "Conv"                 ? conv(input)
                                          : edit_.type == "BatchNormalization" ? batch_norm(input)
                                                                               : pool(input));
    return is_last ? result : turned(result, second);
  }

  std::string made(const wire::Node& node) const { return editor_.output_of(what_.scope, node); }

  wire::Node& node(const std::string& op, const std::vector<std::string>& inputs) {
    return editor_.add_node(what_.scope, op, what_.name, inputs);
  }

  std::string typed(const std::string& op, const std::vector<std::string>& inputs) {
    wire::Node& added = node(op, inputs);
    set_type(added, "T", what_.dtype);
    return made(added);
  }

  std::string constant(const Tensor& tensor) { return editor_.add_constant(what_.scope, what_.name, tensor); }

  std::string int32s(const std::vector<int64_t>& numbers) {
    return constant(Tensor::vector(std::vector<int32_t>(numbers.begin(), numbers.end())));
  }

  std::string scalar(float value) {
    auto tensor = cast(Tensor::scalar(value), what_.dtype);
    return constant(tensor.ok() ? *tensor : Tensor::scalar(value));
  }

  std::string turned(const std::string& input, const std::vector<int>& order) {
    if (order.empty()) return input;
    wire::Node& added = node("Transpose", {input, int32s({order.begin(), order.end()})});
    set_type(added, "T", what_.dtype);
    set_type(added, "Tperm", DType::int32);
    return made(added);
  }

  bool has_constant(size_t operand) const {
    return operand < edit_.operands.size() && edit_.operands[operand] && !edit_.operands[operand]->empty();
  }

  Result<std::vector<int64_t>> integers(size_t operand) const {
    if (!has_constant(operand)) return cant("its parameters are not constant");
    return to_int64s(*edit_.operands[operand]);
  }

  // A constant that the view sees beside the value, as the file has its axes.
  Result<Tensor> beside(const Tensor& constant) const {
    FETAFIX_TRY(Tensor out, cast(constant, what_.dtype));
    if (what_.permutation.empty() || out.size() == 1) return out;
    const size_t rank = what_.permutation.size();
    if (out.shape().size() > rank) return cant("its constant has more axes than the value");
    Shape full(rank - out.shape().size(), 1);
    full.insert(full.end(), out.shape().begin(), out.shape().end());
    return transpose(out.reshaped(full), inverse_permutation(what_.permutation));
  }

  Result<std::string> operand(size_t i) {
    if (const auto other = what_.others.find(static_cast<int>(i)); other != what_.others.end())
      return other->second;
    if (i < edit_.operands.size() && !edit_.operands[i]) return what_.input;
    if (!has_constant(i)) return cant("operand " + std::to_string(i) + " is missing");
    FETAFIX_TRY(const Tensor native, beside(*edit_.operands[i]));
    return constant(native);
  }

  Result<std::string> binary() {
    FETAFIX_TRY(const std::string a, operand(0));
    FETAFIX_TRY(const std::string b, operand(1));
    return typed(binary_operators().at(edit_.type), {a, b});
  }

  float number(size_t i, float otherwise) const {
    if (!has_constant(i)) return otherwise;
    const auto numbers = to_doubles(*edit_.operands[i]);
    return numbers.ok() && numbers->size() == 1 ? static_cast<float>((*numbers)[0]) : otherwise;
  }

  Result<std::string> clip() {
    constexpr float far = 3e38f;
    const float low = number(1, -far), high = number(2, far);
    if (low == 0.f && high == 6.f) return typed("Relu6", {what_.input});
    if (low == 0.f && high >= far) return typed("Relu", {what_.input});
    return typed("ClipByValue", {what_.input, scalar(low), scalar(high)});
  }

  Result<std::string> leaky_relu() {
    wire::Node& added = node("LeakyRelu", {what_.input});
    set_type(added, "T", what_.dtype);
    set_number(added, "alpha", attribute_or(edit_.attributes, "alpha", 0.01f));
    return made(added);
  }

  // x * relu6(x + 3) / 6
  Result<std::string> hard_swish() {
    const std::string gate = typed("Relu6", {typed("AddV2", {what_.input, scalar(3.f)})});
    return typed("Mul", {typed("Mul", {what_.input, gate}), scalar(1.f / 6.f)});
  }

  // x * (1 + erf(x / sqrt 2)) / 2
  Result<std::string> gelu() {
    if (attribute_or(edit_.attributes, "approximate", std::string("none")) != "none")
      return cant("an approximate Gelu is many operators");
    const std::string inside = typed("Erf", {typed("Mul", {what_.input, scalar(0.70710678f)})});
    const std::string half = typed("Mul", {what_.input, scalar(0.5f)});
    return typed("Mul", {half, typed("AddV2", {inside, scalar(1.f)})});
  }

  Result<std::string> pad() {
    FETAFIX_TRY(const auto pads, integers(1));
    if (edit_.operands.size() > 3) return cant("pads along chosen axes");
    const size_t rank = pads.size() / 2;
    if (!what_.permutation.empty() && rank != what_.permutation.size())
      return cant("its pads are of another rank");
    std::vector<int32_t> rows(2 * rank);
    for (size_t i = 0; i < rank; ++i) {
      const size_t native = what_.permutation.empty() ? i : static_cast<size_t>(what_.permutation[i]);
      rows[2 * native] = static_cast<int32_t>(pads[i]);
      rows[2 * native + 1] = static_cast<int32_t>(pads[i + rank]);
    }
    const std::string paddings = constant(Tensor::of(rows, {static_cast<int64_t>(rank), 2}));
    const std::string mode = attribute_or(edit_.attributes, "mode", std::string("constant"));
    if (mode != "constant" && mode != "reflect") return cant("pads of mode " + mode);
    const bool zeros = number(2, 0.f) == 0.f;
    wire::Node& added = mode == "reflect" ? node("MirrorPad", {what_.input, paddings})
                        : zeros           ? node("Pad", {what_.input, paddings})
                                          : node("PadV2", {what_.input, paddings, scalar(number(2, 0.f))});
    set_type(added, "T", what_.dtype);
    set_type(added, "Tpaddings", DType::int32);
    if (mode == "reflect") set_text(added, "mode", "REFLECT");
    return made(added);
  }

  Result<std::string> cast_to() {
    for (DType dtype : {DType::float32, DType::float64, DType::float16, DType::int32, DType::int64,
                        DType::uint8, DType::boolean})
      if (graph::onnx_type(dtype) == attribute_or(edit_.attributes, "to", int64_t{0})) {
        wire::Node& added = node("Cast", {what_.input});
        set_type(added, "SrcT", what_.dtype);
        set_type(added, "DstT", dtype);
        return made(added);
      }
    return cant("a type that TensorFlow's Cast does not give here");
  }

  // Strides, dilations and pads of an image with channels last.
  Result<std::string> slide(wire::Node& added, const std::string& op) {
    const auto strides = attribute_or(edit_.attributes, "strides", std::vector<int64_t>{1, 1});
    const auto dilations = attribute_or(edit_.attributes, "dilations", std::vector<int64_t>{1, 1});
    const auto pads = attribute_or(edit_.attributes, "pads", std::vector<int64_t>{0, 0, 0, 0});
    if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
      return cant("its windows have other axes");
    const std::string automatic = attribute_or(edit_.attributes, "auto_pad", std::string("NOTSET"));
    set_type(added, "T", what_.dtype);
    set_integers(added, "strides", {1, strides[0], strides[1], 1});
    if (op != "MaxPool" && op != "AvgPool")
      set_integers(added, "dilations", {1, dilations[0], dilations[1], 1});
    const bool none = std::ranges::count(pads, 0) == 4;
    if (automatic == "SAME_UPPER") {
      set_text(added, "padding", "SAME");
    } else if (none) {
      set_text(added, "padding", "VALID");
    } else if (op == "AvgPool") {
      return cant("an average over pads");
    } else {
      set_text(added, "padding", "EXPLICIT");
      set_integers(added, "explicit_paddings", {0, 0, pads[0], pads[2], pads[1], pads[3], 0, 0});
    }
    set_text(added, "data_format", "NHWC");
    return made(added);
  }

  Result<std::string> pool(const std::string& input) {
    const auto kernel = attribute_or(edit_.attributes, "kernel_shape", std::vector<int64_t>{});
    if (kernel.size() != 2) return cant("its windows have other axes");
    const std::string op = edit_.type == "MaxPool" ? "MaxPool" : "AvgPool";
    wire::Node& added = node(op, {input});
    set_integers(added, "ksize", {1, kernel[0], kernel[1], 1});
    return slide(added, op);
  }

  Result<std::string> conv(const std::string& input) {
    if (!has_constant(1) || edit_.operands[1]->rank() != 4) return cant("its kernel is not constant");
    const int64_t group = attribute_or(edit_.attributes, "group", int64_t{1});
    const Tensor& kernel = *edit_.operands[1];
    const bool depthwise = group > 1 && kernel.shape()[1] == 1 && kernel.shape()[0] % group == 0;
    FETAFIX_TRY(Tensor stored, cast(kernel, what_.dtype));
    stored = transpose(stored, std::vector<int>{2, 3, 1, 0});
    if (depthwise)
      stored = stored.reshaped({stored.shape()[0], stored.shape()[1], group, kernel.shape()[0] / group});
    const std::string op = depthwise ? "DepthwiseConv2dNative" : "Conv2D";
    const auto pads = attribute_or(edit_.attributes, "pads", std::vector<int64_t>{0, 0, 0, 0});
    if (depthwise &&
        std::ranges::count(pads, 0) != 4)  // TensorFlow 2.21 ends at explicit pads of these with a bias
      return cant("a depthwise convolution with pads of its own");
    const std::string weights = constant(stored);
    wire::Node& added = node(op, {input, weights});
    FETAFIX_TRY(const std::string result, slide(added, op));
    if (!has_constant(2)) return result;
    FETAFIX_TRY(const Tensor bias, cast(*edit_.operands[2], what_.dtype));
    return typed("BiasAdd", {result, constant(bias)});
  }

  Result<std::string> batch_norm(const std::string& input) {
    std::vector<std::string> inputs{input};
    for (size_t i = 1; i < 5; ++i) {
      if (!has_constant(i)) return cant("its parameters are not constant");
      FETAFIX_TRY(const Tensor parameter, cast(*edit_.operands[i], DType::float32));
      inputs.push_back(constant(parameter));
    }
    wire::Node& added = node("FusedBatchNormV3", inputs);
    set_type(added, "T", what_.dtype);
    set_type(added, "U", DType::float32);
    set_number(added, "epsilon", attribute_or(edit_.attributes, "epsilon", 1e-5f));
    set_flag(added, "is_training", false);
    set_text(added, "data_format", "NHWC");
    return made(added);
  }

  // --- where axes are counted as the view does ---

  Result<std::string> in_view_layout(const std::string& input) {
    const std::string& type = edit_.type;
    if (type == "Softmax" || type == "LogSoftmax") return softmax(input);
    if (type == "Transpose") return transpose_axes(input);
    if (type == "Reshape") return reshape(input);
    if (type == "Concat") return concat(input);
    if (type == "MatMul") return matmul(input);
    if (type == "Squeeze" || type == "Unsqueeze") return squeeze(input);
    if (type == "Flatten") return flatten(input);
    static const std::map<std::string, std::string> reductions{{"ReduceMean", "Mean"},
                                                               {"ReduceSum", "Sum"},
                                                               {"ReduceMax", "Max"},
                                                               {"ReduceMin", "Min"},
                                                               {"ReduceProd", "Prod"}};
    if (const auto found = reductions.find(type); found != reductions.end())
      return reduce(input, found->second);
    return cant(type + " can't be put into a TensorFlow graph");
  }

  Result<std::string> softmax(const std::string& input) {
    const int64_t axis = attribute_or(edit_.attributes, "axis", int64_t{-1});
    if (axis == -1 || (what_.rank > 0 && axis == what_.rank - 1)) return typed(edit_.type, {input});
    if (what_.rank < 1) return cant("the value's rank is not known");
    std::vector<int> order;
    for (int i = 0; i < what_.rank; ++i) order.push_back(i);
    std::swap(order[static_cast<size_t>(axis < 0 ? axis + what_.rank : axis)], order.back());
    return turned(typed(edit_.type, {turned(input, order)}), order);
  }

  Result<std::string> transpose_axes(const std::string& input) {
    const auto perm = attribute_or(edit_.attributes, "perm", std::vector<int64_t>{});
    if (perm.empty()) return cant("its order is not said");
    return turned(input, std::vector<int>(perm.begin(), perm.end()));
  }

  std::string with_numbers(const std::string& op, const std::string& input,
                           const std::vector<int64_t>& numbers, const char* type_key) {
    wire::Node& added = node(op, {input, int32s(numbers)});
    set_type(added, "T", what_.dtype);
    set_type(added, type_key, DType::int32);
    return made(added);
  }

  Result<std::string> reshape(const std::string& input) {
    FETAFIX_TRY(const auto shape, integers(1));
    if (std::ranges::count(shape, 0) > 0) return cant("sizes that are copied");
    return with_numbers("Reshape", input, shape, "Tshape");
  }

  Result<std::string> flatten(const std::string& input) {
    if (attribute_or(edit_.attributes, "axis", int64_t{1}) != 1 || what_.rank < 2)
      return cant("a Flatten along other axes");
    const auto& shape = editor_.shape_of_edge(edit_.edge);
    if (!shape) return cant("the value's shape is not known");
    const auto rest = element_count(Shape(shape->begin() + 1, shape->end()));
    if (!rest) return cant("the value's shape is not known");
    return with_numbers("Reshape", input, {-1, *rest}, "Tshape");
  }

  Result<std::string> reduce(const std::string& input, const std::string& op) {
    FETAFIX_TRY(const auto axes, integers(1));
    wire::Node& added = node(op, {input, int32s(axes)});
    set_type(added, "T", what_.dtype);
    set_type(added, "Tidx", DType::int32);
    set_flag(added, "keep_dims", attribute_or(edit_.attributes, "keepdims", int64_t{1}) != 0);
    return made(added);
  }

  Result<std::string> squeeze(const std::string& input) {
    FETAFIX_TRY(const auto axes, integers(1));
    if (edit_.type == "Squeeze") {
      wire::Node& added = node("Squeeze", {input});
      set_type(added, "T", what_.dtype);
      set_integers(added, "squeeze_dims", axes);
      return made(added);
    }
    if (axes.size() != 1) return cant("an Unsqueeze of several axes");
    wire::Node& added = node("ExpandDims", {input, constant(Tensor::scalar(static_cast<int32_t>(axes[0])))});
    set_type(added, "T", what_.dtype);
    set_type(added, "Tdim", DType::int32);
    return made(added);
  }

  // In the view's layout.
  Result<std::string> operand_there(size_t i, const std::string& input) {
    if (const auto other = others_.find(static_cast<int>(i)); other != others_.end()) return other->second;
    if (i < edit_.operands.size() && !edit_.operands[i]) return input;
    if (!has_constant(i)) return cant("operand " + std::to_string(i) + " is missing");
    FETAFIX_TRY(const Tensor tensor, cast(*edit_.operands[i], what_.dtype));
    return constant(tensor);
  }

  Result<std::string> concat(const std::string& input) {
    std::vector<std::string> inputs;
    for (size_t i = 0; i < edit_.operands.size() + others_.size() && i < 64; ++i) {
      const bool there = i < edit_.operands.size() || others_.contains(static_cast<int>(i));
      if (!there) break;
      FETAFIX_TRY(const std::string one, operand_there(i, input));
      inputs.push_back(one);
    }
    const auto count = static_cast<int64_t>(inputs.size());
    inputs.push_back(
        constant(Tensor::scalar(static_cast<int32_t>(attribute_or(edit_.attributes, "axis", int64_t{0})))));
    wire::Node& added = node("ConcatV2", inputs);
    set_integer(added, "N", count);
    set_type(added, "T", what_.dtype);
    set_type(added, "Tidx", DType::int32);
    return made(added);
  }

  Result<std::string> matmul(const std::string& input) {
    FETAFIX_TRY(const std::string a, operand_there(0, input));
    FETAFIX_TRY(const std::string b, operand_there(1, input));
    if (what_.rank != 2) return typed("BatchMatMulV2", {a, b});
    wire::Node& added = node("MatMul", {a, b});
    set_type(added, "T", what_.dtype);
    set_flag(added, "transpose_a", false);
    set_flag(added, "transpose_b", false);
    return made(added);
  }

  Editor& editor_;
  const Lowering& what_;
  const graph::InsertNode& edit_;
  std::map<int, std::string> others_;  // in the view's layout
};

}  // namespace

Result<std::string> lower(Editor& editor, const Lowering& lowering) {
  return Lowerer(editor, lowering).run();
}

}  // namespace fetafix::formats::tensorflow
