// The part of TensorFlow's C interface that the worker calls, declared by us: no headers of the user's wheel
// are needed. Opaque pointers, integers and two small structures; unchanged since TensorFlow 2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace fetafix::tensorflow {

struct TfStatus;
struct TfBuffer;
struct TfGraph;
struct TfOperation;
struct TfImportOptions;
struct TfSession;
struct TfSessionOptions;
struct TfTensor;

// An output of an operation of a graph.
struct TfOutput {
  TfOperation* operation;  // null: no such operation
  int index;
};

inline constexpr int status_ok = 0;

struct Api {
  const char* (*version)();
  TfStatus* (*new_status)();
  void (*delete_status)(TfStatus*);
  int (*status_code)(const TfStatus*);
  const char* (*status_message)(const TfStatus*);

  TfSessionOptions* (*new_session_options)();
  void (*delete_session_options)(TfSessionOptions*);
  void (*set_config)(TfSessionOptions*, const void* config, size_t bytes, TfStatus*);
  TfGraph* (*new_graph)();
  void (*delete_graph)(TfGraph*);
  TfBuffer* (*new_buffer)(const void* data, size_t bytes);  // copies
  void (*delete_buffer)(TfBuffer*);
  TfImportOptions* (*new_import_options)();
  void (*delete_import_options)(TfImportOptions*);
  void (*import_graph)(TfGraph*, const TfBuffer* graph, const TfImportOptions*, TfStatus*);
  TfSession* (*new_session)(TfGraph*, const TfSessionOptions*, TfStatus*);
  // Fills the graph, which must be empty.
  TfSession* (*load_saved_model)(const TfSessionOptions*, const TfBuffer* run_options, const char* folder,
                                 const char* const* tags, int tag_count, TfGraph*, TfBuffer* meta_graph,
                                 TfStatus*);
  void (*close_session)(TfSession*, TfStatus*);
  void (*delete_session)(TfSession*, TfStatus*);
  void (*run)(TfSession*, const TfBuffer* run_options, const TfOutput* inputs, TfTensor* const* values,
              int input_count, const TfOutput* outputs, TfTensor** results, int output_count,
              const TfOperation* const* targets, int target_count, TfBuffer* run_metadata, TfStatus*);

  TfOperation* (*find_operation)(TfGraph*, const char* name);  // null: none
  int (*output_count)(TfOperation*);
  int (*output_type)(TfOutput);
  int (*output_rank)(TfGraph*, TfOutput, TfStatus*);  // -1: not known
  void (*output_shape)(TfGraph*, TfOutput, int64_t* dims, int rank, TfStatus*);

  TfTensor* (*allocate_tensor)(int type, const int64_t* dims, int rank, size_t bytes);
  void (*delete_tensor)(TfTensor*);
  int (*tensor_type)(const TfTensor*);
  int (*tensor_rank)(const TfTensor*);
  int64_t (*tensor_dim)(const TfTensor*, int index);
  size_t (*tensor_bytes)(const TfTensor*);
  void* (*tensor_data)(const TfTensor*);
};

// From the folder of the Python package `tensorflow`. Error kind runtime_missing: it holds no such libraries,
// or ones without these functions.
Result<Api> open_api(const std::string& folder);

}  // namespace fetafix::tensorflow
