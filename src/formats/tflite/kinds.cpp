// Kinds of operators, their options and their fused parts.
#include <algorithm>
#include <array>

#include "formats/tflite/editor.h"

namespace fetafix::formats::tflite {
namespace {

// Kernels of these kinds take int8 from version 2 on; the others that we create take it from 1.
bool has_int8_version(Builtin builtin) {
  switch (builtin) {
    case Builtin::RELU:
    case Builtin::RELU6:
    case Builtin::PAD:
    case Builtin::PADV2:
    case Builtin::MAX_POOL_2D:
    case Builtin::AVERAGE_POOL_2D:
    case Builtin::TRANSPOSE:
    case Builtin::ADD:
    case Builtin::MUL:
      return true;
    default:
      return false;
  }
}

template <class T>
void make(schema::OperatorT& op) {
  op.builtin_options.Set(T());
}

struct Maker {
  Builtin builtin;
  void (*make)(schema::OperatorT&);
};

// Kinds whose kernels read options; the others keep none.
constexpr std::array makers{
    Maker{Builtin::ADD, make<schema::AddOptionsT>},
    Maker{Builtin::SUB, make<schema::SubOptionsT>},
    Maker{Builtin::MUL, make<schema::MulOptionsT>},
    Maker{Builtin::DIV, make<schema::DivOptionsT>},
    Maker{Builtin::MAXIMUM, make<schema::MaximumMinimumOptionsT>},
    Maker{Builtin::MINIMUM, make<schema::MaximumMinimumOptionsT>},
    Maker{Builtin::POW, make<schema::PowOptionsT>},
    Maker{Builtin::AVERAGE_POOL_2D, make<schema::Pool2DOptionsT>},
    Maker{Builtin::MAX_POOL_2D, make<schema::Pool2DOptionsT>},
    Maker{Builtin::L2_POOL_2D, make<schema::Pool2DOptionsT>},
    Maker{Builtin::CONV_2D, make<schema::Conv2DOptionsT>},
    Maker{Builtin::DEPTHWISE_CONV_2D, make<schema::DepthwiseConv2DOptionsT>},
    Maker{Builtin::FULLY_CONNECTED, make<schema::FullyConnectedOptionsT>},
    Maker{Builtin::SOFTMAX, make<schema::SoftmaxOptionsT>},
    Maker{Builtin::RESHAPE, make<schema::ReshapeOptionsT>},
    Maker{Builtin::TRANSPOSE, make<schema::TransposeOptionsT>},
    Maker{Builtin::PAD, make<schema::PadOptionsT>},
    Maker{Builtin::PADV2, make<schema::PadV2OptionsT>},
    Maker{Builtin::MIRROR_PAD, make<schema::MirrorPadOptionsT>},
    Maker{Builtin::LEAKY_RELU, make<schema::LeakyReluOptionsT>},
    Maker{Builtin::GELU, make<schema::GeluOptionsT>},
    Maker{Builtin::CONCATENATION, make<schema::ConcatenationOptionsT>},
    Maker{Builtin::BATCH_MATMUL, make<schema::BatchMatMulOptionsT>},
    Maker{Builtin::CAST, make<schema::CastOptionsT>},
    Maker{Builtin::ARG_MAX, make<schema::ArgMaxOptionsT>},
    Maker{Builtin::ARG_MIN, make<schema::ArgMinOptionsT>},
    Maker{Builtin::RESIZE_BILINEAR, make<schema::ResizeBilinearOptionsT>},
    Maker{Builtin::RESIZE_NEAREST_NEIGHBOR, make<schema::ResizeNearestNeighborOptionsT>},
    Maker{Builtin::MEAN, make<schema::ReducerOptionsT>},
    Maker{Builtin::SUM, make<schema::ReducerOptionsT>},
    Maker{Builtin::REDUCE_MAX, make<schema::ReducerOptionsT>},
    Maker{Builtin::REDUCE_MIN, make<schema::ReducerOptionsT>},
    Maker{Builtin::REDUCE_PROD, make<schema::ReducerOptionsT>}};

void make_options(schema::OperatorT& op, Builtin builtin) {
  op.builtin_options.Reset();
  for (const Maker& maker : makers)
    if (maker.builtin == builtin) return maker.make(op);
}

struct Named {
  const char* type;
  Builtin builtin;
};

constexpr std::array plain_kinds{Named{"Abs", Builtin::ABS},
                                 Named{"Add", Builtin::ADD},
                                 Named{"Ceil", Builtin::CEIL},
                                 Named{"Cos", Builtin::COS},
                                 Named{"Div", Builtin::DIV},
                                 Named{"Elu", Builtin::ELU},
                                 Named{"Exp", Builtin::EXP},
                                 Named{"Floor", Builtin::FLOOR},
                                 Named{"HardSwish", Builtin::HARD_SWISH},
                                 Named{"Log", Builtin::LOG},
                                 Named{"Max", Builtin::MAXIMUM},
                                 Named{"Min", Builtin::MINIMUM},
                                 Named{"Mul", Builtin::MUL},
                                 Named{"Neg", Builtin::NEG},
                                 Named{"PRelu", Builtin::PRELU},
                                 Named{"Pow", Builtin::POW},
                                 Named{"Relu", Builtin::RELU},
                                 Named{"Round", Builtin::ROUND},
                                 Named{"Sigmoid", Builtin::LOGISTIC},
                                 Named{"Sign", Builtin::SIGN},
                                 Named{"Sin", Builtin::SIN},
                                 Named{"Sqrt", Builtin::SQRT},
                                 Named{"Sub", Builtin::SUB},
                                 Named{"Tanh", Builtin::TANH}};

}  // namespace

std::optional<Builtin> plain_builtin(const std::string& type) {
  for (const Named& kind : plain_kinds)
    if (type == kind.type) return kind.builtin;
  return std::nullopt;
}

void Editor::set_builtin(schema::OperatorT& op, Builtin kind) {
  const Function* had = fused_function(op);
  const Function function = had ? *had : Function::NONE;
  make_options(op, kind);
  if (Function* has = fused_function(op)) *has = function;
  const auto same = [&](const auto& code) {
    return std::max<int32_t>(static_cast<int32_t>(code->builtin_code), code->deprecated_builtin_code) ==
           static_cast<int32_t>(kind);
  };
  const auto found = std::find_if(model_.operator_codes.begin(), model_.operator_codes.end(), same);
  op.opcode_index = static_cast<uint32_t>(found - model_.operator_codes.begin());
  if (found != model_.operator_codes.end()) return;
  auto code = std::make_unique<schema::OperatorCodeT>();
  code->builtin_code = kind;
  // Readers from before the wider field see a placeholder.
  code->deprecated_builtin_code = static_cast<int8_t>(std::min<int32_t>(static_cast<int32_t>(kind), 127));
  code->version = has_int8_version(kind) && !op.outputs.empty() && quantized(op.outputs[0]) ? 2 : 1;
  model_.operator_codes.push_back(std::move(code));
}

Function* fused_function(schema::OperatorT& op) {
  auto& o = op.builtin_options;
  if (auto* t = o.AsConv2DOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsDepthwiseConv2DOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsTransposeConvOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsConv3DOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsFullyConnectedOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsPool2DOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsAddOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsSubOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsMulOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsDivOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsConcatenationOptions()) return &t->fused_activation_function;
  if (auto* t = o.AsL2NormOptions()) return &t->fused_activation_function;
  return nullptr;
}

std::optional<Builtin> standalone(Function function) {
  switch (function) {
    case Function::RELU:
      return Builtin::RELU;
    case Function::RELU6:
      return Builtin::RELU6;
    case Function::RELU_N1_TO_1:
      return Builtin::RELU_N1_TO_1;
    case Function::TANH:
      return Builtin::TANH;
    default:
      return std::nullopt;
  }
}

// Tanh is in the list of functions, but no kernel fuses it.
std::optional<Function> fusable(Builtin builtin) {
  switch (builtin) {
    case Builtin::RELU:
      return Function::RELU;
    case Builtin::RELU6:
      return Function::RELU6;
    case Builtin::RELU_N1_TO_1:
      return Function::RELU_N1_TO_1;
    default:
      return std::nullopt;
  }
}

int bias_slot(Builtin builtin) {
  switch (builtin) {
    case Builtin::CONV_2D:
    case Builtin::DEPTHWISE_CONV_2D:
    case Builtin::FULLY_CONNECTED:
    case Builtin::CONV_3D:
      return 2;
    case Builtin::TRANSPOSE_CONV:
      return 3;
    default:
      return -1;
  }
}

}  // namespace fetafix::formats::tflite
