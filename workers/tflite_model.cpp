#include "workers/tflite_model.h"

#include <array>
#include <cstdio>
#include <cstring>

namespace fetafix::tflite {
namespace {

using channel::NamedTensor;
using channel::ValueSpec;

// The values of TfLiteType; what is not listed (strings, resources, packed 4-bit, complex) has no place in
// our tensors.
constexpr std::array<std::pair<int, DType>, 13> types{{{1, DType::float32},
                                                       {2, DType::int32},
                                                       {3, DType::uint8},
                                                       {4, DType::int64},
                                                       {6, DType::boolean},
                                                       {7, DType::int16},
                                                       {9, DType::int8},
                                                       {10, DType::float16},
                                                       {11, DType::float64},
                                                       {13, DType::uint64},
                                                       {16, DType::uint32},
                                                       {17, DType::uint16},
                                                       {19, DType::bfloat16}}};

DType dtype_of(int type) {
  for (const auto& [value, dtype] : types)
    if (value == type) return dtype;
  return DType::unknown;
}

// A few kinds of message repeat once an operator; the first ones name the cause.
constexpr size_t most_reported = 1000;

// The resolver object's size is not ours to know; the largest seen is below 200 bytes.
constexpr size_t resolver_storage = 8192;

struct ReferenceKernels {
  const Api* api;
  alignas(std::max_align_t) std::array<std::byte, resolver_storage> resolver;
};

// One for the process: interpreters keep pointing at its kernels.
ReferenceKernels& reference_kernels(const Api& api) {
  static ReferenceKernels* kernels = [&] {
    auto* made = new ReferenceKernels{&api, {}};
    api.reference_resolver(made->resolver.data());
    return made;
  }();
  return *kernels;
}

const Registration* find_builtin(void* user, int builtin_operator, int version) {
  const auto* kernels = static_cast<const ReferenceKernels*>(user);
  return kernels->api->resolver_builtin(kernels->resolver.data(), builtin_operator, version);
}

const Registration* find_custom(void* user, const char* name, int version) {
  const auto* kernels = static_cast<const ReferenceKernels*>(user);
  return kernels->api->resolver_custom(kernels->resolver.data(), name, version);
}

Shape shape_of(const Api& api, const Tensor* tensor) {
  Shape shape;
  for (int32_t i = 0; i < api.tensor_rank(tensor); ++i) shape.push_back(api.tensor_dim(tensor, i));
  return shape;
}

std::string name_of(const Api& api, const Tensor* tensor) {
  const char* name = api.tensor_name(tensor);
  return name ? name : "";
}

ValueSpec spec_of(const Api& api, const Tensor* tensor) {
  ValueSpec spec{name_of(api, tensor), dtype_of(api.tensor_type(tensor)), Shape{}, 0, 0};
  if (const IntArray* signature = api.tensor_signature(tensor); signature)
    spec.shape->assign(signature->data, signature->data + signature->size);
  const QuantizationParameters quantization = api.tensor_quantization(tensor);
  spec.scale = static_cast<double>(quantization.scale);
  spec.zero_point = quantization.zero_point;
  return spec;
}

}  // namespace

void LoadedModel::report(void* user, const char* format, va_list arguments) {
  auto& reported = static_cast<LoadedModel*>(user)->reported_;
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  if (reported.size() < most_reported) reported += (reported.empty() ? "" : "; ") + std::string(line.data());
}

Status LoadedModel::check(int status, const std::string& what) {
  if (status == status_ok) return {};
  used_ = true;  // in no state to go on: the next run makes a new interpreter
  drop_interpreter();
  return Error{ErrorKind::runtime_failed, what + (reported_.empty() ? "" : ": " + reported_)};
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::open(const Api& api, const std::string& path,
                                                       std::span<const std::byte> bytes,
                                                       const Settings& settings) {
  std::unique_ptr<LoadedModel> loaded(new LoadedModel(api, settings));
  if (path.empty()) {
    loaded->bytes_.assign(bytes.begin(), bytes.end());
    loaded->model_ = api.model_from_bytes(loaded->bytes_.data(), loaded->bytes_.size(), report, loaded.get());
  } else {
    loaded->model_ = api.model_from_file(path.c_str(), report, loaded.get());
  }
  if (!loaded->model_)
    return Error{ErrorKind::runtime_failed, "not a model that TFLite reads" +
                                                (loaded->reported_.empty() ? "" : ": " + loaded->reported_)};
  FETAFIX_CHECK(loaded->make_interpreter());
  return loaded;
}

LoadedModel::~LoadedModel() {
  drop_interpreter();
  if (model_) api_.model_delete(model_);
}

void LoadedModel::drop_interpreter() {
  if (interpreter_) api_.interpreter_delete(interpreter_);
  interpreter_ = nullptr;
  if (delegate_) api_.xnnpack_delete(delegate_);  // after the interpreter that uses it
  delegate_ = nullptr;
}

Interpreter* LoadedModel::create(bool with_xnnpack) {
  InterpreterOptions* options = api_.options_create();
  api_.options_set_threads(options, settings_.threads);
  api_.options_set_reporter(options, report, this);
  Interpreter* interpreter = nullptr;
  if (with_xnnpack) {
    XnnpackOptions xnnpack = api_.xnnpack_defaults();
    xnnpack.thread_count = settings_.threads;
    delegate_ = api_.xnnpack_create(&xnnpack);
    if (delegate_) api_.options_add_delegate(options, delegate_);
  }
  if (settings_.kernels == Kernels::reference) {
    api_.options_set_resolver(options, find_builtin, find_custom, &reference_kernels(api_));
    interpreter = api_.create_with_resolver(model_, options);
  } else {
    interpreter = api_.create(model_, options);
  }
  api_.options_delete(options);
  return interpreter;
}

Status LoadedModel::make_interpreter() {
  drop_interpreter();
  reported_.clear();
  used_ = false;
  if (settings_.kernels == Kernels::xnnpack) {
    interpreter_ = create(true);
    if (interpreter_ && api_.allocate(interpreter_) == status_ok) return {};
    drop_interpreter();
  }
  interpreter_ = create(false);
  if (!interpreter_) return check(1, "no interpreter");
  return check(api_.allocate(interpreter_), "memory for the tensors");
}

std::vector<ValueSpec> LoadedModel::inputs() const {
  std::vector<ValueSpec> specs;
  for (int32_t i = 0; i < api_.input_count(interpreter_); ++i)
    specs.push_back(spec_of(api_, api_.input(interpreter_, i)));
  return specs;
}

std::vector<ValueSpec> LoadedModel::outputs() const {
  std::vector<ValueSpec> specs;
  for (int32_t i = 0; i < api_.output_count(interpreter_); ++i)
    specs.push_back(spec_of(api_, api_.output(interpreter_, i)));
  return specs;
}

bool LoadedModel::keeps_resources() const {
  for (int i = 0;; ++i) {
    const Tensor* tensor = api_.tensor(interpreter_, i);
    if (!tensor) return false;
    if (api_.tensor_type(tensor) == type_resource) return true;
  }
}

Status LoadedModel::fit_shapes(std::span<const NamedTensor> inputs) {
  bool resized = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto index = static_cast<int32_t>(i);
    const Shape& wanted = inputs[i].tensor.shape();
    const Shape now = shape_of(api_, api_.input(interpreter_, index));
    if (now == wanted) continue;
    // XNNPACK takes a shape of another rank and computes something.
    if (!now.empty() && now.size() != wanted.size())  // empty: a scalar, or of no stated rank
      return Error{ErrorKind::runtime_failed, "input " + std::to_string(i) + ": expected shape " +
                                                  to_string(now) + ", found " + to_string(wanted)};
    const std::vector<int> dims(wanted.begin(), wanted.end());
    FETAFIX_CHECK(
        check(api_.resize_input(interpreter_, index, dims.data(), static_cast<int32_t>(dims.size())),
              "input " + std::to_string(i) + " does not take shape " + to_string(wanted)));
    resized = true;
  }
  if (!resized) return {};
  return check(api_.allocate(interpreter_), "memory for tensors of these input shapes");
}

Status LoadedModel::prepare(std::span<const NamedTensor> inputs) {
  reported_.clear();
  // Variable tensors can be reset; resources (VAR_HANDLE and what CALL_ONCE puts in them) only die with the
  // interpreter.
  if (!interpreter_ || (used_ && keeps_resources())) FETAFIX_CHECK(make_interpreter());
  const auto count = static_cast<size_t>(api_.input_count(interpreter_));
  if (inputs.size() != count)
    return Error{ErrorKind::runtime_failed,
                 "expected " + std::to_string(count) + " inputs, found " + std::to_string(inputs.size())};
  FETAFIX_CHECK(fit_shapes(inputs));
  if (used_) FETAFIX_CHECK(check(api_.reset_variables(interpreter_), "variables can't be reset"));
  return copy_inputs(inputs);
}

Status LoadedModel::copy_inputs(std::span<const NamedTensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor* to = api_.input(interpreter_, static_cast<int32_t>(i));
    const fetafix::Tensor& from = inputs[i].tensor;
    const DType dtype = dtype_of(api_.tensor_type(to));
    if (dtype != from.dtype() || api_.tensor_bytes(to) != from.byte_size())
      return Error{ErrorKind::runtime_failed,
                   "input " + std::to_string(i) + " '" + name_of(api_, to) + "': expected " +
                       std::string(dtype_name(dtype)) + to_string(shape_of(api_, to)) + ", found " +
                       std::string(dtype_name(from.dtype())) + to_string(from.shape())};
    if (from.byte_size() > 0) std::memcpy(api_.tensor_data(to), from.bytes().data(), from.byte_size());
  }
  return {};
}

Result<NamedTensor> LoadedModel::read_output(int32_t index) const {
  const Tensor* tensor = api_.output(interpreter_, index);
  NamedTensor result{name_of(api_, tensor), {}};
  const DType dtype = dtype_of(api_.tensor_type(tensor));
  if (dtype == DType::unknown)
    return Error{ErrorKind::unsupported, "output '" + result.name + "' has TFLite type " +
                                             std::to_string(api_.tensor_type(tensor)) +
                                             ", which has no place here"};
  const size_t bytes = api_.tensor_bytes(tensor);
  const auto* data = static_cast<const std::byte*>(api_.tensor_data(tensor));
  if (!data && bytes > 0)
    return Error{ErrorKind::runtime_failed, "output '" + result.name + "' has no data after running"};
  if (bytes == 0) {
    FETAFIX_TRY(result.tensor, fetafix::Tensor::zeros(dtype, shape_of(api_, tensor)));
  } else {
    FETAFIX_TRY(result.tensor, fetafix::Tensor::view(dtype, shape_of(api_, tensor), {data, bytes}, nullptr));
  }
  return result;
}

Result<std::vector<NamedTensor>> LoadedModel::run(std::span<const NamedTensor> inputs,
                                                  const std::vector<std::string>& wanted) {
  FETAFIX_CHECK(prepare(inputs));
  used_ = true;
  FETAFIX_CHECK(check(api_.invoke(interpreter_), "running"));
  const int32_t count = api_.output_count(interpreter_);
  std::vector<int32_t> indices;
  for (const std::string& name : wanted) {
    int32_t index = 0;
    while (index < count && name_of(api_, api_.output(interpreter_, index)) != name) ++index;
    if (index == count) return Error{ErrorKind::runtime_failed, "no output '" + name + "'"};
    indices.push_back(index);
  }
  for (int32_t i = 0; wanted.empty() && i < count; ++i) indices.push_back(i);
  std::vector<NamedTensor> outputs;
  for (int32_t index : indices) {
    FETAFIX_TRY(NamedTensor output, read_output(index));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace fetafix::tflite
