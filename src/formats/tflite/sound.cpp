#include "formats/tflite/sound.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "formats/tflite/tensors.h"
#include "graph/declared_shape.h"

namespace fetafix::formats::tflite {
namespace {

constexpr uint32_t schema_version = 3;
constexpr int newest_operator_version = 20;  // no kernel of TensorFlow Lite's op_version.cc has one above it
constexpr size_t most_defects = 64;

graph::Address at(size_t index) {
  return {{"", static_cast<int>(index)}};
}

template <class Edit>
std::vector<graph::Edit> just(Edit edit) {
  std::vector<graph::Edit> out;
  out.emplace_back(std::move(edit));
  return out;
}

// Which operand slots hold trained or fixed numbers, by kind.
std::vector<size_t> constant_slots(Builtin kind) {
  switch (kind) {
    case Builtin::CONV_2D:
    case Builtin::DEPTHWISE_CONV_2D:
    case Builtin::FULLY_CONNECTED:
      return {1, 2};
    case Builtin::TRANSPOSE_CONV:
      return {0, 1, 3};
    case Builtin::PRELU:
    case Builtin::RESHAPE:
    case Builtin::PAD:
    case Builtin::PADV2:
    case Builtin::MEAN:
    case Builtin::TRANSPOSE:
      return {1};
    default:
      return {};
  }
}

bool has_weights(Builtin kind) {
  return kind == Builtin::CONV_2D || kind == Builtin::DEPTHWISE_CONV_2D || kind == Builtin::FULLY_CONNECTED;
}

// Kinds whose first operand and first result have one type.
bool keeps_type(Builtin kind) {
  static const std::set<Builtin> kinds{Builtin::CONV_2D,
                                       Builtin::DEPTHWISE_CONV_2D,
                                       Builtin::FULLY_CONNECTED,
                                       Builtin::ADD,
                                       Builtin::SUB,
                                       Builtin::MUL,
                                       Builtin::DIV,
                                       Builtin::AVERAGE_POOL_2D,
                                       Builtin::MAX_POOL_2D,
                                       Builtin::RELU,
                                       Builtin::RELU6,
                                       Builtin::CONCATENATION,
                                       Builtin::PAD,
                                       Builtin::MEAN,
                                       Builtin::LOGISTIC,
                                       Builtin::SOFTMAX,
                                       Builtin::TANH,
                                       Builtin::HARD_SWISH,
                                       Builtin::TRANSPOSE_CONV};
  return kinds.contains(kind);
}

// The kind whose options an operator carries, where they are those of one kind alone.
std::optional<Builtin> kind_of_options(const schema::OperatorT& op) {
  using Options = schema::BuiltinOptions;
  static const std::map<Options, Builtin> kinds{{Options::Conv2DOptions, Builtin::CONV_2D},
                                                {Options::DepthwiseConv2DOptions, Builtin::DEPTHWISE_CONV_2D},
                                                {Options::FullyConnectedOptions, Builtin::FULLY_CONNECTED},
                                                {Options::SoftmaxOptions, Builtin::SOFTMAX},
                                                {Options::ConcatenationOptions, Builtin::CONCATENATION},
                                                {Options::AddOptions, Builtin::ADD},
                                                {Options::SubOptions, Builtin::SUB},
                                                {Options::MulOptions, Builtin::MUL},
                                                {Options::DivOptions, Builtin::DIV},
                                                {Options::LeakyReluOptions, Builtin::LEAKY_RELU},
                                                {Options::TransposeConvOptions, Builtin::TRANSPOSE_CONV},
                                                {Options::ResizeBilinearOptions, Builtin::RESIZE_BILINEAR},
                                                {Options::ReshapeOptions, Builtin::RESHAPE},
                                                {Options::GatherOptions, Builtin::GATHER},
                                                {Options::PackOptions, Builtin::PACK},
                                                {Options::StridedSliceOptions, Builtin::STRIDED_SLICE}};
  const auto found = kinds.find(op.builtin_options.type);
  return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

class Finder {
 public:
  Finder(const schema::ModelT& model, uint32_t subgraph, const graph::Graph& source)
      : now_(model), subgraph_(subgraph), source_(source) {}

  std::vector<Defect> run() {
    check_versions();
    for (bool found = true; found && out_.size() < most_defects;)
      found = check_codes() || check_writers() || check_operands() || check_cycle() || check_outputs() ||
              check_weights() || check_types();
    check_order();
    for (size_t n = 0; n < std::min(graph().inputs.size(), source_.inputs.size()); ++n) check_input_shape(n);
    return std::move(out_);
  }

 private:
  schema::SubGraphT& graph() { return *now_.subgraphs[subgraph_]; }
  const schema::OperatorT& op(size_t index) { return *graph().operators[index]; }
  size_t size() { return graph().operators.size(); }
  schema::TensorT& tensor(int32_t index) { return *graph().tensors[static_cast<size_t>(index)]; }

  std::string place(size_t index) {
    const auto& outputs = op(index).outputs;
    const std::string name = outputs.empty() || outputs[0] < 0 ? "" : tensor(outputs[0]).name;
    return std::string(schema::EnumNameBuiltinOperator(builtin_of(now_, op(index)))) + " #" +
           std::to_string(index) + (name.empty() ? "" : " '" + name + "'");
  }

  bool add(Defect defect) {
    graph::Patch patch;
    patch.groups.push_back({defect.ways[0], ""});
    bool sort = false;
    const bool mended = apply_to_file(now_, subgraph_, patch, sort).ok();
    out_.push_back(std::move(defect));
    return mended;
  }

  bool is_stored(int32_t index) {
    const auto& buffer = *now_.buffers[tensor(index).buffer];
    return !buffer.data.empty() || buffer.offset > 1;
  }
  bool is_input(int32_t index) { return std::count(graph().inputs.begin(), graph().inputs.end(), index) > 0; }
  std::vector<size_t> writers(int32_t index) {
    std::vector<size_t> out;
    for (size_t i = 0; i < size(); ++i)
      if (std::count(op(i).outputs.begin(), op(i).outputs.end(), index)) out.push_back(i);
    return out;
  }
  bool is_read(int32_t index) {
    if (std::count(graph().outputs.begin(), graph().outputs.end(), index)) return true;
    return std::any_of(graph().operators.begin(), graph().operators.end(), [&](const auto& reader) {
      return std::count(reader->inputs.begin(), reader->inputs.end(), index) > 0;
    });
  }

  void check_versions() {
    if (now_.version != schema_version)
      add({"",
           "unsupported",
           "schema-version",
           "the file states schema version " + std::to_string(now_.version) + ", and runtimes read 3",
           "convert with a converter of this format's version 3",
           {just(graph::SetMetadata{"schema_version", schema_version, {}})}});
    std::set<uint32_t> seen;
    for (size_t i = 0; i < size(); ++i) {
      const int version = now_.operator_codes[op(i).opcode_index]->version;
      if (!seen.insert(op(i).opcode_index).second || (version > 0 && version <= newest_operator_version))
        continue;
      Defect defect{place(i),
                    "unsupported",
                    "operator-version",
                    "it is of version " + std::to_string(version) + ", which no runtime has",
                    "convert with a converter that the runtime's version keeps up with",
                    {}};
      for (int good = 1; good <= 6; ++good)
        defect.ways.push_back(just(graph::SetMetadata{"operator_version", good, at(i)}));
      add(std::move(defect));
    }
  }

  bool check_codes() {
    for (size_t i = 0; i < size(); ++i) {
      const auto wanted = kind_of_options(op(i));
      if (!wanted || builtin_of(now_, op(i)) == *wanted) continue;
      return add({place(i),
                  "graph",
                  "operator-code",
                  std::string("it is called a ") + schema::EnumNameBuiltinOperator(builtin_of(now_, op(i))) +
                      " and carries the options of a " + schema::EnumNameBuiltinOperator(*wanted),
                  "check the converter's list of operators that the runtime has",
                  {just(graph::SetMetadata{"operator_code", static_cast<int64_t>(*wanted), at(i)})}});
    }
    return false;
  }

  bool check_writers() {
    for (size_t i = 0; i < size(); ++i)
      for (size_t k = 0; k < op(i).outputs.size(); ++k) {
        const int32_t index = op(i).outputs[k];
        if (index < 0 || (!is_input(index) && writers(index).front() == i)) continue;
        Defect defect{place(i),
                      "graph",
                      "duplicate-name",
                      "it writes a tensor that exists already",
                      "check how the converter numbers tensors",
                      {just(graph::SeparateOutput{at(i), static_cast<int>(k)})}};
        defect.though_it_loads = true;
        return add(std::move(defect));
      }
    return false;
  }

  // Whether an operator's data operand may have the tensor's shape, as far as its weights or its result say.
  bool may_read(size_t reader, int32_t index) {
    const auto& each = op(reader);
    const Builtin kind = builtin_of(now_, each);
    const Shape shape = shape_of(index), result = each.outputs.empty() ? Shape() : shape_of(each.outputs[0]);
    if (!has_weights(kind)) return !keeps_type(kind) || shape == result;
    if (shape.empty() || each.inputs.size() < 2 || each.inputs[1] < 0) return true;
    const Shape weights = shape_of(each.inputs[1]);
    if (weights.empty() || weights.back() == 0) return true;
    const bool depthwise = kind == Builtin::DEPTHWISE_CONV_2D;
    return depthwise ? weights.back() % shape.back() == 0 : shape.back() == weights.back();
  }

  // The value that stands nearest before an operator and may be what it reads.
  graph::ValueAddress value_before(size_t reader) {
    graph::ValueAddress out;
    for (const bool strictly : {true, false})
      for (size_t i = reader; i-- > 0;) {
        if (op(i).outputs.empty() || op(i).outputs[0] < 0) continue;
        if (strictly && !may_read(reader, op(i).outputs[0])) continue;
        out.node = at(i);
        return out;
      }
    out.graph_input = 0;
    return out;
  }

  bool check_operands() {
    for (size_t i = 0; i < size(); ++i) {
      const auto slots = constant_slots(builtin_of(now_, op(i)));
      for (size_t k = 0; k < op(i).inputs.size(); ++k) {
        const int32_t index = op(i).inputs[k];
        const bool constant = std::find(slots.begin(), slots.end(), k) != slots.end();
        if (index < 0 && (k > 0 || constant)) continue;  // optional operands are absent by right
        if (index >= 0 &&
            (is_input(index) || is_stored(index) || tensor(index).is_variable || !writers(index).empty()))
          continue;
        if (index >= 0 && constant && element_count(shape_of(index)).value_or(0) == 0) continue;
        Defect defect{place(i),
                      constant ? "parameters" : "graph",
                      constant ? "missing-tensor" : "dangling-operand",
                      "its operand " + std::to_string(k) +
                          (index < 0 ? " is absent" : " is computed nowhere and the file does not hold it"),
                      "check that the converter writes every tensor that it names",
                      {}};
        if (!constant) {
          defect.ways = {just(graph::SetOperand{at(i), static_cast<int>(k), value_before(i)})};
        } else {
          const Shape shape = shape_that_goes(i, k);
          auto zeros = Tensor::zeros(view_dtype(tensor(index).type), shape);
          if (!zeros.ok()) continue;
          if (shape != shape_of(index)) {
            defect.fault_class = "tensor-structure";
            defect.pattern = "tensor-shape";
            defect.explanation = "its operand " + std::to_string(k) + " is stated with the shape " +
                                 to_string(shape_of(index)) + ", which does not go with what it computes";
          }
          defect.ways = {just(graph::SetTensor{at(i), static_cast<int>(k), std::move(zeros).value(), true})};
        }
        defect.stopgap = true;
        return add(std::move(defect));
      }
    }
    return false;
  }

  // The stated shape of weights or of a bias that has no numbers, as far as what is read and computed allow
  // it.
  Shape shape_that_goes(size_t index, size_t slot) {
    const Builtin kind = builtin_of(now_, op(index));
    Shape out = shape_of(op(index).inputs[slot]);
    const Shape input = shape_of_operand(op(index).inputs, 0),
                result = shape_of_operand(op(index).outputs, 0);
    const auto read = element_count(input).value_or(0), made = element_count(result).value_or(0);
    if (!has_weights(kind) || slot > 2 || read <= 0 || made <= 0 || input.empty() || result.empty())
      return out;
    const size_t axis = slot == 1 && kind == Builtin::DEPTHWISE_CONV_2D ? 3 : 0;
    if (out.size() > axis) out[axis] = result.back();
    if (slot == 1 && kind == Builtin::FULLY_CONNECTED && out.size() == 2)
      out[1] = read * result.back() / made;
    if (slot == 1 && kind == Builtin::CONV_2D && out.size() == 4) out[3] = std::min(out[3], input.back());
    return out;
  }

  Shape shape_of_operand(const std::vector<int32_t>& operands, size_t slot) {
    return operands.size() > slot && operands[slot] >= 0 ? shape_of(operands[slot]) : Shape();
  }

  Shape shape_of(int32_t index) { return {tensor(index).shape.begin(), tensor(index).shape.end()}; }

  bool check_cycle() {
    for (size_t i : order_of(graph()).waiting())
      for (size_t k = 0; k < op(i).inputs.size(); ++k) {
        const auto by = op(i).inputs[k] < 0 ? std::vector<size_t>() : writers(op(i).inputs[k]);
        if (by.empty() || by[0] < i) continue;
        Defect defect{place(i),
                      "graph",
                      "cycle",
                      "its operand " + std::to_string(k) + " depends on what it computes itself",
                      "check how the converter ties operators together",
                      {just(graph::SetOperand{at(i), static_cast<int>(k), value_before(i)})}};
        defect.stopgap = true;
        return add(std::move(defect));
      }
    return false;
  }

  bool check_outputs() {
    for (size_t k = 0; k < graph().outputs.size(); ++k) {
      const int32_t index = graph().outputs[k];
      if (!writers(index).empty() || is_input(index) || is_stored(index)) continue;
      for (size_t i = size(); i-- > 0;) {
        const auto& outputs = op(i).outputs;
        if (outputs.empty() || outputs[0] < 0 || is_read(outputs[0])) continue;
        graph::SetOutput edit{static_cast<int>(k), {}};
        edit.value.node = at(i);
        Defect defect{place(i),
                      "graph",
                      "missing-output",
                      "nothing computes the model's output '" + tensor(index).name +
                          "', and nobody reads what this operator does",
                      "check how the converter names the model's outputs",
                      {just(std::move(edit))}};
        defect.stopgap = true;
        return add(std::move(defect));
      }
    }
    return false;
  }

  // Weights whose shape does not go with the bias and with what they read: in the order that does.
  bool check_weights() {
    for (size_t i = 0; i < size(); ++i) {
      const auto& each = op(i);
      if (!has_weights(builtin_of(now_, each)) || each.inputs.size() < 2 || each.inputs[0] < 0 ||
          each.inputs[1] < 0 || each.outputs.empty())
        continue;
      if (check_bits(i) || check_shape(i)) return true;
    }
    return false;
  }

  // Numbers of 4 bytes that are called integers where the operator takes real ones.
  bool check_bits(size_t index) {
    const schema::TensorT& weights = tensor(op(index).inputs[1]);
    if (weights.type != schema::TensorType::INT32 || !is_stored(op(index).inputs[1])) return false;
    const auto& data = now_.buffers[weights.buffer]->data;
    const Shape shape = shape_of(op(index).inputs[1]);
    if (element_count(shape).value_or(0) * 4 != static_cast<int64_t>(data.size())) return false;
    auto numbers = Tensor::from_bytes(DType::float32, shape, std::as_bytes(std::span(data)));
    if (!numbers.ok()) return false;
    for (float number : numbers->as<float>())
      if (!std::isfinite(number) || std::fabs(number) > 1e6f) return false;
    Defect defect{place(index),
                  "tensor-structure",
                  "tensor-type",
                  "its weights are called int32 and are float32",
                  "check the converter's options for types",
                  {just(graph::SetTensor{at(index), 1, std::move(numbers).value(), true})}};
    defect.though_it_loads = true;
    return add(std::move(defect));
  }

  bool check_shape(size_t index) {
    const Builtin kind = builtin_of(now_, op(index));
    const schema::TensorT& weights = tensor(op(index).inputs[1]);
    const size_t rank = kind == Builtin::FULLY_CONNECTED ? 2 : 4;
    const Shape input = shape_of(op(index).inputs[0]), output = shape_of(op(index).outputs[0]);
    const Shape now = shape_of(op(index).inputs[1]);
    if (input.empty() || output.empty() || weights.type != schema::TensorType::FLOAT32) return false;
    const size_t out_axis = kind == Builtin::DEPTHWISE_CONV_2D ? 3 : 0;
    const auto goes = [&](const Shape& shape) {
      if (shape.size() != rank || shape[out_axis] != output.back()) return false;
      if (kind == Builtin::DEPTHWISE_CONV_2D) return shape[0] == 1;
      return kind == Builtin::FULLY_CONNECTED || (shape[3] > 0 && input.back() % shape[3] == 0);
    };
    if (goes(now)) return false;
    Shape order = now;
    std::sort(order.begin(), order.end());
    std::vector<Shape> good;
    do
      if (goes(order) && (rank != 4 || kind == Builtin::DEPTHWISE_CONV_2D || order[3] == input.back()))
        good.push_back(order);
    while (std::next_permutation(order.begin(), order.end()));
    if (good.empty()) return false;
    const auto& data = now_.buffers[weights.buffer]->data;
    Defect defect{place(index),
                  "tensor-structure",
                  "tensor-shape",
                  "its weights have the shape " + to_string(now) + ", which does not go with what it reads",
                  "check the converter's layout options",
                  {}};
    defect.though_it_loads = true;
    for (const Shape& shape : good) {
      auto numbers = Tensor::from_bytes(DType::float32, shape, std::as_bytes(std::span(data)));
      if (!numbers.ok()) return false;
      defect.ways.push_back(just(graph::SetTensor{at(index), 1, std::move(numbers).value(), true}));
    }
    return add(std::move(defect));
  }

  // In a file without a quantized tensor the values between such operators are real numbers.
  bool check_types() {
    for (const auto& each : graph().tensors)
      if (each->quantization && !each->quantization->scale.empty()) return false;
    for (size_t i = 0; i < size(); ++i)
      if (check_bias_type(i)) return true;
    for (size_t i = 0; i < size(); ++i) {
      const auto& each = op(i);
      if (!has_weights(builtin_of(now_, each)) || each.inputs.size() < 2 || each.inputs[1] < 0 ||
          tensor(each.inputs[1]).type != schema::TensorType::FLOAT32)
        continue;
      if (each.inputs[0] >= 0 && check_type(each.inputs[0])) return true;
      if (!each.outputs.empty() && check_type(each.outputs[0])) return true;
    }
    for (size_t i = 0; i < size(); ++i) {
      if (!keeps_type(builtin_of(now_, op(i))) || op(i).inputs.empty() || op(i).outputs.empty()) continue;
      const int32_t in = op(i).inputs[0], out = op(i).outputs[0];
      if (in < 0 || out < 0) continue;
      if (tensor(in).type == schema::TensorType::FLOAT32 && check_type(out)) return true;
      if (tensor(out).type == schema::TensorType::FLOAT32 && check_type(in)) return true;
    }
    return false;
  }

  // Counted as in a quantized model, beside weights that are not.
  bool check_bias_type(size_t index) {
    const Builtin kind = builtin_of(now_, op(index));
    const auto& inputs = op(index).inputs;
    const size_t slot = kind == Builtin::TRANSPOSE_CONV ? 3 : 2;
    if (!(has_weights(kind) || kind == Builtin::TRANSPOSE_CONV) || inputs.size() <= slot || inputs[1] < 0 ||
        tensor(inputs[1]).type != schema::TensorType::FLOAT32 || inputs[slot] < 0 || !is_stored(inputs[slot]))
      return false;
    const schema::TensorT& bias = tensor(inputs[slot]);
    const DType stored = dtype_of_wire(bias.type);
    if (stored == DType::float32 || element_size(stored) == 0) return false;
    const auto& data = now_.buffers[bias.buffer]->data;
    auto numbers = Tensor::from_bytes(stored, shape_of(inputs[slot]), std::as_bytes(std::span(data)));
    auto typed = numbers.ok() ? cast(*numbers, DType::float32) : Result<Tensor>(numbers.error());
    if (!typed.ok()) return false;
    Defect defect{
        place(index),
        "tensor-structure",
        "tensor-type",
        std::string("its bias is stored as ") + schema::EnumNameTensorType(bias.type) +
            ", its weights as FLOAT32",
        "check the converter's options for types",
        {just(graph::SetTensor{at(index), static_cast<int>(slot), std::move(typed).value(), true})}};
    defect.stopgap = true;  // what lies behind the point is lost
    return add(std::move(defect));
  }

  bool check_type(int32_t index) {
    const schema::TensorT& declared = tensor(index);
    if (declared.type == schema::TensorType::FLOAT32 || is_stored(index)) return false;
    graph::Redeclare edit;
    edit.dtype = DType::float32;
    std::string where;
    const auto& inputs = graph().inputs;
    if (const auto input = std::find(inputs.begin(), inputs.end(), index); input != inputs.end()) {
      edit.value.graph_input = static_cast<int>(input - inputs.begin());
    } else if (const auto by = writers(index); !by.empty()) {
      edit.value.node = at(by[0]);
      const auto& outputs = op(by[0]).outputs;
      edit.value.output =
          static_cast<int>(std::find(outputs.begin(), outputs.end(), index) - outputs.begin());
      where = place(by[0]);
    } else {
      return false;
    }
    const bool input = edit.value.graph_input >= 0;
    return add({where,
                input ? "input" : "tensor-structure",
                input ? "input-type" : "tensor-type",
                "'" + declared.name + "' is declared as " + schema::EnumNameTensorType(declared.type) +
                    ", and is FLOAT32 by what computes with it",
                "check the example input and the types that the converter was given",
                {just(std::move(edit))}});
  }

  // Input dimensions that are not the source's, in either layout.
  void check_input_shape(size_t input) {
    const auto& wanted = source_.value(source_.inputs[input]).shape;
    if (!wanted) return;
    const schema::TensorT& declared = tensor(graph().inputs[input]);
    const Shape shape = shape_of(graph().inputs[input]);
    Defect defect{"",
                  "input",
                  "input-shape",
                  "the model's input '" + declared.name + "' is declared as " + to_string(shape) +
                      ", the source's as " + to_string(*wanted),
                  "check the example input that the converter was given",
                  {}};
    for (Shape order : graph::other_declarations(shape, *wanted)) {
      for (int64_t& dim : order) dim = std::max<int64_t>(dim, 1);
      graph::Redeclare edit;
      edit.value.graph_input = static_cast<int>(input);
      edit.dtype = view_dtype(declared.type);
      edit.shape = order;
      defect.ways.push_back(just(std::move(edit)));
    }
    defect.only_if_it_loads = !graph::has_other_channels(shape, *wanted);
    if (!defect.ways.empty()) out_.push_back(std::move(defect));
  }

  void check_order() {
    const auto sequence = order_of(graph()).sequence;
    for (size_t i = 0; i < sequence.size(); ++i)
      if (sequence[i] != i) {
        Defect defect{place(sequence[i]),
                      "graph",
                      "operator-order",
                      "operators stand before what they read, and runtimes run them as they stand",
                      "check how the converter sorts operators",
                      {just(graph::SortOperators{})}};
        defect.though_it_loads = true;
        add(std::move(defect));
        return;
      }
  }

  schema::ModelT now_;
  uint32_t subgraph_;
  const graph::Graph& source_;
  std::vector<Defect> out_;
};

}  // namespace

std::vector<Defect> defects_of(const schema::ModelT& model, uint32_t subgraph, const graph::Graph& source) {
  return Finder(model, subgraph, source).run();
}

}  // namespace fetafix::formats::tflite
