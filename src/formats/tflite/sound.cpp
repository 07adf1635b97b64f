#include "formats/tflite/defect_finder.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "formats/input_shape.h"
#include "formats/tflite/tensors.h"
#include "graph/label.h"

namespace fetafix::formats::tflite {
namespace {

constexpr uint32_t schema_version = 3;
constexpr int newest_operator_version = 20;  // no kernel of TensorFlow Lite's op_version.cc has one above it
constexpr size_t most_defects = 64;

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

}  // namespace

bool has_weights(Builtin kind) {
  return kind == Builtin::CONV_2D || kind == Builtin::DEPTHWISE_CONV_2D || kind == Builtin::FULLY_CONNECTED;
}

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

std::vector<Defect> DefectFinder::run() {
  check_versions();
  for (bool found = true; found && out_.size() < most_defects;)
    found = check_codes() || check_writers() || check_operands() || check_cycle() || check_outputs() ||
            check_weights() || check_types();
  check_order();
  check_inputs();
  return std::move(out_);
}

std::string DefectFinder::place(size_t index) {
  const auto& outputs = op(index).outputs;
  const std::string name = outputs.empty() || outputs[0] < 0 ? "" : tensor(outputs[0]).name;
  return graph::operator_label(schema::EnumNameBuiltinOperator(builtin_of(now_, op(index))),
                               static_cast<int>(index), name);
}

bool DefectFinder::add(Defect defect) {
  graph::Patch patch;
  patch.groups.push_back({defect.ways[0], ""});
  bool sort = false;
  const bool mended = apply_to_file(now_, subgraph_, patch, sort).ok();
  out_.push_back(std::move(defect));
  return mended;
}

bool DefectFinder::is_stored(int32_t index) {
  const auto& buffer = *now_.buffers[tensor(index).buffer];
  return !buffer.data.empty() || buffer.offset > 1;
}

std::vector<size_t> DefectFinder::writers(int32_t index) {
  std::vector<size_t> out;
  for (size_t i = 0; i < size(); ++i)
    if (std::count(op(i).outputs.begin(), op(i).outputs.end(), index)) out.push_back(i);
  return out;
}

bool DefectFinder::is_read(int32_t index) {
  if (std::count(graph().outputs.begin(), graph().outputs.end(), index)) return true;
  return std::any_of(graph().operators.begin(), graph().operators.end(), [&](const auto& reader) {
    return std::count(reader->inputs.begin(), reader->inputs.end(), index) > 0;
  });
}

void DefectFinder::check_versions() {
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
      defect.ways.push_back(just(graph::SetMetadata{"operator_version", good, operator_at(i)}));
    add(std::move(defect));
  }
}

bool DefectFinder::check_codes() {
  for (size_t i = 0; i < size(); ++i) {
    const auto wanted = kind_of_options(op(i));
    if (!wanted || builtin_of(now_, op(i)) == *wanted) continue;
    return add({place(i),
                "graph",
                "operator-code",
                std::string("it is called a ") + schema::EnumNameBuiltinOperator(builtin_of(now_, op(i))) +
                    " and carries the options of a " + schema::EnumNameBuiltinOperator(*wanted),
                "check the converter's list of operators that the runtime has",
                {just(graph::SetMetadata{"operator_code", static_cast<int64_t>(*wanted), operator_at(i)})}});
  }
  return false;
}

bool DefectFinder::check_writers() {
  for (size_t i = 0; i < size(); ++i)
    for (size_t k = 0; k < op(i).outputs.size(); ++k) {
      const int32_t index = op(i).outputs[k];
      if (index < 0 || (!is_input(index) && writers(index).front() == i)) continue;
      Defect defect{place(i),
                    "graph",
                    "duplicate-name",
                    "it writes a tensor that exists already",
                    "check how the converter numbers tensors",
                    {just(graph::SeparateOutput{operator_at(i), static_cast<int>(k)})}};
      defect.though_it_loads = true;
      return add(std::move(defect));
    }
  return false;
}

// Whether an operator's data operand may have the tensor's shape, as far as its weights or its result say.
bool DefectFinder::may_read(size_t reader, int32_t index) {
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
graph::ValueAddress DefectFinder::value_before(size_t reader) {
  graph::ValueAddress out;
  for (const bool strictly : {true, false})
    for (size_t i = reader; i-- > 0;) {
      if (op(i).outputs.empty() || op(i).outputs[0] < 0) continue;
      if (strictly && !may_read(reader, op(i).outputs[0])) continue;
      out.node = operator_at(i);
      return out;
    }
  out.graph_input = 0;
  return out;
}

bool DefectFinder::check_operands() {
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
        defect.ways = {just(graph::SetOperand{operator_at(i), static_cast<int>(k), value_before(i)})};
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
        defect.ways = {
            just(graph::SetTensor{operator_at(i), static_cast<int>(k), std::move(zeros).value(), true})};
      }
      defect.stopgap = true;
      return add(std::move(defect));
    }
  }
  return false;
}

bool DefectFinder::check_cycle() {
  for (size_t i : order_of(graph()).waiting())
    for (size_t k = 0; k < op(i).inputs.size(); ++k) {
      const auto by = op(i).inputs[k] < 0 ? std::vector<size_t>() : writers(op(i).inputs[k]);
      if (by.empty() || by[0] < i) continue;
      Defect defect{place(i),
                    "graph",
                    "cycle",
                    "its operand " + std::to_string(k) + " depends on what it computes itself",
                    "check how the converter ties operators together",
                    {just(graph::SetOperand{operator_at(i), static_cast<int>(k), value_before(i)})}};
      defect.stopgap = true;
      return add(std::move(defect));
    }
  return false;
}

bool DefectFinder::check_outputs() {
  for (size_t k = 0; k < graph().outputs.size(); ++k) {
    const int32_t index = graph().outputs[k];
    if (!writers(index).empty() || is_input(index) || is_stored(index)) continue;
    for (size_t i = size(); i-- > 0;) {
      const auto& outputs = op(i).outputs;
      if (outputs.empty() || outputs[0] < 0 || is_read(outputs[0])) continue;
      graph::SetOutput edit{static_cast<int>(k), {}};
      edit.value.node = operator_at(i);
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

void DefectFinder::check_order() {
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

// Input dimensions that are not the source's, in either layout.
void DefectFinder::check_inputs() {
  for (size_t n = 0; n < std::min(graph().inputs.size(), source_.inputs.size()); ++n) {
    const auto& wanted = source_.value(source_.inputs[n]).shape;
    const int32_t index = graph().inputs[n];
    if (!wanted) continue;
    if (auto defect = other_input_shape(static_cast<int>(n), tensor(index).name,
                                        view_dtype(tensor(index).type), shape_of(index), *wanted))
      out_.push_back(std::move(*defect));
  }
}

std::vector<Defect> defects_of(const schema::ModelT& model, uint32_t subgraph, const graph::Graph& source) {
  return DefectFinder(model, subgraph, source).run();
}

}  // namespace fetafix::formats::tflite
