#include "workers/tflite_api.h"

#include <dlfcn.h>

#include "workers/symbols.h"

namespace fetafix::tflite {
namespace {

Error refused(const std::string& library, const std::string& why) {
  return {ErrorKind::runtime_missing, library + ": " + why + "; run scripts/fetch_runtimes.sh"};
}

void get_model_functions(workers::Symbols& symbols, Api& api) {
  symbols.get(api.version, "TfLiteVersion");
  symbols.get(api.model_from_file, "TfLiteModelCreateFromFileWithErrorReporter");
  symbols.get(api.model_from_bytes, "TfLiteModelCreateWithErrorReporter");
  symbols.get(api.model_delete, "TfLiteModelDelete");
  symbols.get(api.options_create, "TfLiteInterpreterOptionsCreate");
  symbols.get(api.options_delete, "TfLiteInterpreterOptionsDelete");
  symbols.get(api.options_set_threads, "TfLiteInterpreterOptionsSetNumThreads");
  symbols.get(api.options_set_reporter, "TfLiteInterpreterOptionsSetErrorReporter");
  symbols.get(api.options_add_delegate, "TfLiteInterpreterOptionsAddDelegate");
  symbols.get(api.options_set_resolver, "TfLiteInterpreterOptionsSetOpResolver");
  symbols.get(api.xnnpack_defaults, "TfLiteXNNPackDelegateOptionsDefault");
  symbols.get(api.xnnpack_create, "TfLiteXNNPackDelegateCreate");
  symbols.get(api.xnnpack_delete, "TfLiteXNNPackDelegateDelete");
  symbols.get(api.reference_resolver, "_ZN6tflite3ops7builtin20BuiltinRefOpResolverC1Ev");
  symbols.get(api.resolver_builtin, "_ZNK6tflite17MutableOpResolver6FindOpENS_15BuiltinOperatorEi");
  symbols.get(api.resolver_custom, "_ZNK6tflite17MutableOpResolver6FindOpEPKci");
}

void get_interpreter_functions(workers::Symbols& symbols, Api& api) {
  symbols.get(api.create, "TfLiteInterpreterCreate");
  symbols.get(api.create_with_resolver, "TfLiteInterpreterCreateWithSelectedOps");
  symbols.get(api.interpreter_delete, "TfLiteInterpreterDelete");
  symbols.get(api.allocate, "TfLiteInterpreterAllocateTensors");
  symbols.get(api.invoke, "TfLiteInterpreterInvoke");
  symbols.get(api.reset_variables, "TfLiteInterpreterResetVariableTensors");
  symbols.get(api.resize_input, "TfLiteInterpreterResizeInputTensor");
  symbols.get(api.input_count, "TfLiteInterpreterGetInputTensorCount");
  symbols.get(api.output_count, "TfLiteInterpreterGetOutputTensorCount");
  symbols.get(api.input, "TfLiteInterpreterGetInputTensor");
  symbols.get(api.output, "TfLiteInterpreterGetOutputTensor");
  symbols.get(api.tensor, "TfLiteInterpreterGetTensor");
  symbols.get(api.tensor_type, "TfLiteTensorType");
  symbols.get(api.tensor_name, "TfLiteTensorName");
  symbols.get(api.tensor_data, "TfLiteTensorData");
  symbols.get(api.tensor_bytes, "TfLiteTensorByteSize");
  symbols.get(api.tensor_rank, "TfLiteTensorNumDims");
  symbols.get(api.tensor_dim, "TfLiteTensorDim");
  symbols.get(api.tensor_signature, "TfLiteTensorGetDimsSignature");
  symbols.get(api.tensor_quantization, "TfLiteTensorQuantizationParams");
}

}  // namespace

Result<Api> open_api(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return refused(library, dlerror());
  Api api{};
  workers::Symbols symbols(handle);
  get_model_functions(symbols, api);
  get_interpreter_functions(symbols, api);
  if (!symbols.missing().empty()) return refused(library, "has no " + symbols.missing());
  return api;
}

}  // namespace fetafix::tflite
