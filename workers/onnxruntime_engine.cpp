#include "workers/onnxruntime_engine.h"

#include <dlfcn.h>

#include <array>
#include <utility>

namespace fetafix::ort {
namespace {

using channel::NamedTensor;
using channel::ValueSpec;

// The values of ONNXTensorElementDataType; those that are not listed (8- and 4-bit floats, complex) have no
// place in our tensors.
constexpr std::array<std::pair<int, DType>, 14> element_types{{{1, DType::float32},
                                                               {2, DType::uint8},
                                                               {3, DType::int8},
                                                               {4, DType::uint16},
                                                               {5, DType::int16},
                                                               {6, DType::int32},
                                                               {7, DType::int64},
                                                               {8, DType::string},
                                                               {9, DType::boolean},
                                                               {10, DType::float16},
                                                               {11, DType::float64},
                                                               {12, DType::uint32},
                                                               {13, DType::uint64},
                                                               {16, DType::bfloat16}}};

DType dtype_of_element(int element_type) {
  for (const auto& [element, dtype] : element_types)
    if (element == element_type) return dtype;
  return DType::unknown;
}

int element_of_dtype(DType wanted) {
  for (const auto& [element, dtype] : element_types)
    if (dtype == wanted) return element;
  return 0;
}

Error missing(const std::string& library, const std::string& why) {
  return {ErrorKind::runtime_missing, library + ": " + why + "; pip install --upgrade onnxruntime"};
}

}  // namespace

Status Engine::check(OrtStatus* status) const {
  if (!status) return {};
  Error error{ErrorKind::runtime_failed, api_->GetErrorMessage(status)};
  api_->ReleaseStatus(status);
  return error;
}

Result<Engine> Engine::open(const std::string& library, int shared_threads) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return missing(library, dlerror());
  auto get_base = reinterpret_cast<GetApiBase>(dlsym(handle, "OrtGetApiBase"));
  if (!get_base) return missing(library, "is not an ONNX Runtime");
  const ApiBase* base = get_base();
  Engine engine;
  engine.version_ = base->GetVersionString();
  engine.api_ = base->GetApi(api_version);
  if (!engine.api_)
    return missing(library, "version " + engine.version_ + " is too old, 1.19.2 is the oldest");
  const Api& api = *engine.api_;

  OrtThreadingOptions* threading = nullptr;
  FETAFIX_CHECK(engine.check(api.CreateThreadingOptions(&threading)));
  const Owned<OrtThreadingOptions> owned(threading, api.ReleaseThreadingOptions);
  FETAFIX_CHECK(engine.check(api.SetGlobalIntraOpNumThreads(threading, shared_threads)));
  FETAFIX_CHECK(engine.check(api.SetGlobalInterOpNumThreads(threading, 1)));
  // Several workers share the machine: waiting threads must not spin.
  FETAFIX_CHECK(engine.check(api.SetGlobalSpinControl(threading, 0)));
  FETAFIX_CHECK(
      engine.check(api.CreateEnvWithGlobalThreadPools(log_error, "fetafix", threading, &engine.env_)));
  FETAFIX_CHECK(engine.check(api.CreateCpuMemoryInfo(arena_allocator, default_memory, &engine.cpu_)));
  return engine;
}

Result<Engine::Owned<OrtSessionOptions>> Engine::session_options(const LoadSettings& settings) const {
  OrtSessionOptions* made = nullptr;
  FETAFIX_CHECK(check(api_->CreateSessionOptions(&made)));
  Owned<OrtSessionOptions> options(made, api_->ReleaseSessionOptions);
  FETAFIX_CHECK(check(api_->SetSessionLogSeverityLevel(made, log_error)));
  FETAFIX_CHECK(check(
      api_->SetSessionGraphOptimizationLevel(made, settings.optimize ? optimize_all : optimize_nothing)));
  if (settings.threads > 0) {
    FETAFIX_CHECK(check(api_->SetIntraOpNumThreads(made, settings.threads)));
  } else {
    FETAFIX_CHECK(check(api_->DisablePerSessionThreads(made)));
  }
  if (!settings.memory_arena) {
    FETAFIX_CHECK(check(api_->DisableCpuMemArena(made)));
    FETAFIX_CHECK(check(api_->DisableMemPattern(made)));
  }
  return options;
}

Result<Engine::Loaded> Engine::load(const std::string& path, const LoadSettings& settings) {
  FETAFIX_TRY(const auto options, session_options(settings));
  OrtSession* session = nullptr;
  FETAFIX_CHECK(check(api_->CreateSession(env_, path.c_str(), options.get(), &session)));
  return adopt(session);
}

Result<Engine::Loaded> Engine::load(std::span<const std::byte> model, const LoadSettings& settings) {
  FETAFIX_TRY(const auto options, session_options(settings));
  OrtSession* session = nullptr;
  FETAFIX_CHECK(
      check(api_->CreateSessionFromArray(env_, model.data(), model.size(), options.get(), &session)));
  return adopt(session);
}

Result<Engine::Loaded> Engine::adopt(OrtSession* session) {
  Owned<OrtSession> owned(session, api_->ReleaseSession);
  Loaded loaded{next_session_, {}, {}};
  size_t inputs = 0, outputs = 0;
  FETAFIX_CHECK(check(api_->SessionGetInputCount(session, &inputs)));
  FETAFIX_CHECK(check(api_->SessionGetOutputCount(session, &outputs)));
  for (size_t i = 0; i < inputs; ++i) {
    FETAFIX_TRY(ValueSpec input, spec(session, i, true));
    loaded.inputs.push_back(std::move(input));
  }
  for (size_t i = 0; i < outputs; ++i) {
    FETAFIX_TRY(ValueSpec output, spec(session, i, false));
    loaded.outputs.push_back(std::move(output));
  }
  Session entry{std::move(owned), {}};
  for (const ValueSpec& output : loaded.outputs) entry.outputs.push_back(output.name);
  sessions_.emplace(next_session_++, std::move(entry));
  return loaded;
}

Result<ValueSpec> Engine::spec(const OrtSession* session, size_t index, bool input) const {
  OrtAllocator* allocator = nullptr;
  FETAFIX_CHECK(check(api_->GetAllocatorWithDefaultOptions(&allocator)));
  char* name = nullptr;
  FETAFIX_CHECK(check(input ? api_->SessionGetInputName(session, index, allocator, &name)
                            : api_->SessionGetOutputName(session, index, allocator, &name)));
  ValueSpec spec;
  spec.name = name;
  FETAFIX_CHECK(check(api_->AllocatorFree(allocator, name)));
  OrtTypeInfo* type = nullptr;
  FETAFIX_CHECK(check(input ? api_->SessionGetInputTypeInfo(session, index, &type)
                            : api_->SessionGetOutputTypeInfo(session, index, &type)));
  const Owned<OrtTypeInfo> owned(type, api_->ReleaseTypeInfo);
  FETAFIX_CHECK(fill(type, spec));
  return spec;
}

Status Engine::fill(const OrtTypeInfo* type, ValueSpec& spec) const {
  const OrtTensorTypeAndShapeInfo* info = nullptr;  // belongs to `type`
  FETAFIX_CHECK(check(api_->CastTypeInfoToTensorInfo(type, &info)));
  if (!info) return {};  // a sequence or a map
  int element = 0;
  FETAFIX_CHECK(check(api_->GetTensorElementType(info, &element)));
  spec.dtype = dtype_of_element(element);
  size_t rank = 0;
  FETAFIX_CHECK(check(api_->GetDimensionsCount(info, &rank)));
  Shape shape(rank);
  FETAFIX_CHECK(check(api_->GetDimensions(info, shape.data(), rank)));
  spec.shape = std::move(shape);  // an output of unknown rank also reads as rank 0: the runtime does not tell
  return {};
}

Result<Engine::Owned<OrtValue>> Engine::borrow(const NamedTensor& input) const {
  const Tensor& tensor = input.tensor;
  const int element = element_of_dtype(tensor.dtype());
  OrtValue* value = nullptr;
  // The runtime only reads inputs; its interface has no const.
  auto* data = const_cast<std::byte*>(tensor.bytes().data());
  Status made = check(api_->CreateTensorWithDataAsOrtValue(
      cpu_, data, tensor.byte_size(), tensor.shape().data(), tensor.shape().size(), element, &value));
  if (!made.ok()) return in_context("input '" + input.name + "'", std::move(made).error());
  return Owned<OrtValue>(value, api_->ReleaseValue);
}

Result<Tensor> Engine::lend(std::shared_ptr<OrtValue> value) const {
  int is_tensor = 0;
  if (value) FETAFIX_CHECK(check(api_->IsTensor(value.get(), &is_tensor)));
  if (!is_tensor) return Error{ErrorKind::unsupported, "is a sequence, a map or absent, not a tensor"};
  OrtTensorTypeAndShapeInfo* info = nullptr;
  FETAFIX_CHECK(check(api_->GetTensorTypeAndShape(value.get(), &info)));
  const Owned<OrtTensorTypeAndShapeInfo> owned(info, api_->ReleaseTensorTypeAndShapeInfo);
  int element = 0;
  FETAFIX_CHECK(check(api_->GetTensorElementType(info, &element)));
  const DType dtype = dtype_of_element(element);
  if (element_size(dtype) == 0)
    return Error{ErrorKind::unsupported,
                 "has element type " + std::to_string(element) + ", which has no place here"};
  size_t rank = 0;
  FETAFIX_CHECK(check(api_->GetDimensionsCount(info, &rank)));
  Shape shape(rank);
  FETAFIX_CHECK(check(api_->GetDimensions(info, shape.data(), rank)));
  const auto count = element_count(shape);
  if (!count) return Error{ErrorKind::runtime_failed, "has no concrete shape after running"};
  if (*count == 0) return Tensor::zeros(dtype, std::move(shape));
  void* data = nullptr;
  FETAFIX_CHECK(check(api_->GetTensorMutableData(value.get(), &data)));
  const size_t bytes = static_cast<size_t>(*count) * element_size(dtype);
  return Tensor::view(dtype, std::move(shape), {static_cast<const std::byte*>(data), bytes},
                      std::move(value));
}

Result<std::vector<NamedTensor>> Engine::run(int64_t session, std::span<const NamedTensor> inputs,
                                             std::vector<std::string> wanted) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return Error{ErrorKind::internal, "no session " + std::to_string(session)};
  if (wanted.empty()) wanted = found->second.outputs;
  std::vector<Owned<OrtValue>> values;
  std::vector<const char*> input_names, output_names;
  std::vector<const OrtValue*> input_values;
  for (const NamedTensor& input : inputs) {
    FETAFIX_TRY(Owned<OrtValue> value, borrow(input));
    input_names.push_back(input.name.c_str());
    input_values.push_back(value.get());
    values.push_back(std::move(value));
  }
  for (const std::string& name : wanted) output_names.push_back(name.c_str());
  std::vector<OrtValue*> results(wanted.size(), nullptr);
  Status ran = check(api_->Run(found->second.session.get(), nullptr, input_names.data(), input_values.data(),
                               inputs.size(), output_names.data(), wanted.size(), results.data()));
  std::vector<std::shared_ptr<OrtValue>> owned;
  for (OrtValue* result : results) {
    owned.emplace_back(result, [release = api_->ReleaseValue](OrtValue* value) {
      if (value) release(value);
    });
  }
  FETAFIX_CHECK(std::move(ran));
  std::vector<NamedTensor> outputs;
  for (size_t i = 0; i < wanted.size(); ++i) {
    auto tensor = lend(std::move(owned[i]));
    if (!tensor.ok()) return in_context("output '" + wanted[i] + "'", std::move(tensor).error());
    outputs.push_back({wanted[i], std::move(*tensor)});
  }
  return outputs;
}

Status Engine::unload(int64_t session) {
  if (sessions_.erase(session) == 0)
    return Error{ErrorKind::internal, "no session " + std::to_string(session)};
  return {};
}

}  // namespace fetafix::ort
