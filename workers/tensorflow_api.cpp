#include "workers/tensorflow_api.h"

#include <dlfcn.h>

#include "workers/symbols.h"

namespace fetafix::tensorflow {
namespace {

Error refused(const std::string& where, const std::string& why) {
  return {ErrorKind::runtime_missing, where + ": " + why + "; run 'pip install --upgrade tensorflow'"};
}

// The loader tells no reasons but in words.
Error not_opened(const std::string& folder, const std::string& why) {
  if (why.find("cannot map") != std::string::npos || why.find("failed to map") != std::string::npos ||
      why.find("allocate") != std::string::npos)
    return {ErrorKind::runtime_failed, "no memory to open TensorFlow: " + why};
  return refused(folder, why);
}

void get_session_functions(workers::Symbols& symbols, Api& api) {
  symbols.get(api.version, "TF_Version");
  symbols.get(api.new_status, "TF_NewStatus");
  symbols.get(api.delete_status, "TF_DeleteStatus");
  symbols.get(api.status_code, "TF_GetCode");
  symbols.get(api.status_message, "TF_Message");
  symbols.get(api.new_session_options, "TF_NewSessionOptions");
  symbols.get(api.delete_session_options, "TF_DeleteSessionOptions");
  symbols.get(api.set_config, "TF_SetConfig");
  symbols.get(api.new_graph, "TF_NewGraph");
  symbols.get(api.delete_graph, "TF_DeleteGraph");
  symbols.get(api.new_buffer, "TF_NewBufferFromString");
  symbols.get(api.delete_buffer, "TF_DeleteBuffer");
  symbols.get(api.new_import_options, "TF_NewImportGraphDefOptions");
  symbols.get(api.delete_import_options, "TF_DeleteImportGraphDefOptions");
  symbols.get(api.import_graph, "TF_GraphImportGraphDef");
  symbols.get(api.new_session, "TF_NewSession");
  symbols.get(api.load_saved_model, "TF_LoadSessionFromSavedModel");
  symbols.get(api.close_session, "TF_CloseSession");
  symbols.get(api.delete_session, "TF_DeleteSession");
  symbols.get(api.run, "TF_SessionRun");
}

void get_tensor_functions(workers::Symbols& symbols, Api& api) {
  symbols.get(api.find_operation, "TF_GraphOperationByName");
  symbols.get(api.output_count, "TF_OperationNumOutputs");
  symbols.get(api.output_type, "TF_OperationOutputType");
  symbols.get(api.output_rank, "TF_GraphGetTensorNumDims");
  symbols.get(api.output_shape, "TF_GraphGetTensorShape");
  symbols.get(api.allocate_tensor, "TF_AllocateTensor");
  symbols.get(api.delete_tensor, "TF_DeleteTensor");
  symbols.get(api.tensor_type, "TF_TensorType");
  symbols.get(api.tensor_rank, "TF_NumDims");
  symbols.get(api.tensor_dim, "TF_Dim");
  symbols.get(api.tensor_bytes, "TF_TensorByteSize");
  symbols.get(api.tensor_data, "TF_TensorData");
}

}  // namespace

Result<Api> open_api(const std::string& folder) {
  void* handle = nullptr;
  // The second needs the first, and holds the C interface.
  for (const char* name : {"libtensorflow_framework.so.2", "libtensorflow_cc.so.2"}) {
    handle = dlopen((folder + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) return not_opened(folder, dlerror());
  }
  Api api{};
  workers::Symbols symbols(handle);
  get_session_functions(symbols, api);
  get_tensor_functions(symbols, api);
  if (!symbols.missing().empty()) return refused(folder, "has no " + symbols.missing());
  return api;
}

}  // namespace fetafix::tensorflow
