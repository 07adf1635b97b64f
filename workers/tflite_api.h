// The part of TFLite's C interface that the worker calls, declared by us: the package that holds the library
// has no headers. Opaque pointers, integers and two small structures; unchanged since TFLite 2.5 where not
// noted.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace fetafix::tflite {

struct Model;
struct InterpreterOptions;
struct Interpreter;
struct Tensor;
struct Delegate;
struct Registration;  // a kernel

struct IntArray {
  int size;
  int data[1];  // `size` of them
};

struct QuantizationParameters {
  float scale;
  int32_t zero_point;
};

// The head of TfLiteXNNPackDelegateOptions; releases differ in what follows, and none comes near this size.
struct XnnpackOptions {
  int32_t thread_count;
  char rest[1020];
};

using ErrorReporter = void (*)(void* user, const char* format, va_list arguments);
using FindBuiltin = const Registration* (*)(void* user, int builtin_operator, int version);
using FindCustom = const Registration* (*)(void* user, const char* name, int version);

inline constexpr int status_ok = 0;
inline constexpr int type_resource = 14;  // of a tensor: a handle of a variable

struct Api {
  const char* (*version)();
  Model* (*model_from_file)(const char* path, ErrorReporter, void* user);
  Model* (*model_from_bytes)(const void* data, size_t bytes, ErrorReporter, void* user);  // keeps the pointer
  void (*model_delete)(Model*);
  InterpreterOptions* (*options_create)();
  void (*options_delete)(InterpreterOptions*);
  void (*options_set_threads)(InterpreterOptions*, int32_t);
  void (*options_set_reporter)(InterpreterOptions*, ErrorReporter, void* user);
  void (*options_add_delegate)(InterpreterOptions*, Delegate*);
  void (*options_set_resolver)(InterpreterOptions*, FindBuiltin, FindCustom, void* user);
  Interpreter* (*create)(const Model*, const InterpreterOptions*);  // builtin kernels
  Interpreter* (*create_with_resolver)(const Model*, const InterpreterOptions*);
  void (*interpreter_delete)(Interpreter*);
  int (*allocate)(Interpreter*);
  int (*invoke)(Interpreter*);
  int (*reset_variables)(Interpreter*);
  int (*resize_input)(Interpreter*, int32_t index, const int* dims, int32_t rank);
  int32_t (*input_count)(const Interpreter*);
  int32_t (*output_count)(const Interpreter*);
  Tensor* (*input)(const Interpreter*, int32_t index);
  const Tensor* (*output)(const Interpreter*, int32_t index);
  Tensor* (*tensor)(const Interpreter*, int index);  // null past the last
  int (*tensor_type)(const Tensor*);
  const char* (*tensor_name)(const Tensor*);
  void* (*tensor_data)(const Tensor*);
  size_t (*tensor_bytes)(const Tensor*);
  int32_t (*tensor_rank)(const Tensor*);
  int32_t (*tensor_dim)(const Tensor*, int32_t index);
  const IntArray* (*tensor_signature)(const Tensor*);  // -1: dynamic
  QuantizationParameters (*tensor_quantization)(const Tensor*);
  XnnpackOptions (*xnnpack_defaults)();
  Delegate* (*xnnpack_create)(const XnnpackOptions*);
  void (*xnnpack_delete)(Delegate*);

  // The resolver of the slow reference kernels has no C interface: constructor and look-ups under their C++
  // names.
  void (*reference_resolver)(void* storage);
  const Registration* (*resolver_builtin)(const void* resolver, int builtin_operator, int version);
  const Registration* (*resolver_custom)(const void* resolver, const char* name, int version);
};

// Error kind runtime_missing: no such library, or one without these functions.
Result<Api> open_api(const std::string& library);

}  // namespace fetafix::tflite
