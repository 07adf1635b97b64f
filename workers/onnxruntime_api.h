// The part of ONNX Runtime's C interface that the worker calls, declared by us: wheels hold no headers.
// OrtApi is a table of function pointers that only ever grows at its end, so this prefix (the first 150
// entries) is the same in every release since 1.11; entries that we do not call only keep their place. The
// order is that of the official onnxruntime_c_api.h (checked against the one in npm
// com.github.asus4.onnxruntime 0.4.9); onnxruntime_test.cpp checks it against the behavior of the oldest and
// the newest library that we support.
#pragma once

#include <cstddef>
#include <cstdint>

struct OrtAllocator;
struct OrtArenaCfg;
struct OrtEnv;
struct OrtMemoryInfo;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;  // null: success
struct OrtTensorTypeAndShapeInfo;
struct OrtThreadingOptions;
struct OrtTypeInfo;
struct OrtValue;

namespace fetafix::ort {

// The interface version that is asked for: offered by 1.17 and everything newer.
inline constexpr uint32_t api_version = 17;

inline constexpr int log_error = 3;
inline constexpr int optimize_nothing = 0;
inline constexpr int optimize_all = 99;
inline constexpr int arena_allocator = 1;
inline constexpr int default_memory = 0;

using Unused = void (*)();

struct Api {
  Unused CreateStatus, GetErrorCode;
  const char* (*GetErrorMessage)(const OrtStatus*);
  Unused CreateEnv, CreateEnvWithCustomLogger, EnableTelemetryEvents, DisableTelemetryEvents;
  OrtStatus* (*CreateSession)(const OrtEnv*, const char* path, const OrtSessionOptions*, OrtSession**);
  OrtStatus* (*CreateSessionFromArray)(const OrtEnv*, const void* data, size_t bytes,
                                       const OrtSessionOptions*, OrtSession**);
  OrtStatus* (*Run)(OrtSession*, const OrtRunOptions*, const char* const* input_names,
                    const OrtValue* const* inputs, size_t input_count, const char* const* output_names,
                    size_t output_count, OrtValue** outputs);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions**);
  Unused SetOptimizedModelFilePath, CloneSessionOptions, SetSessionExecutionMode, EnableProfiling,
      DisableProfiling, EnableMemPattern;
  OrtStatus* (*DisableMemPattern)(OrtSessionOptions*);
  Unused EnableCpuMemArena;
  OrtStatus* (*DisableCpuMemArena)(OrtSessionOptions*);
  Unused SetSessionLogId, SetSessionLogVerbosityLevel;
  OrtStatus* (*SetSessionLogSeverityLevel)(OrtSessionOptions*, int level);
  OrtStatus* (*SetSessionGraphOptimizationLevel)(OrtSessionOptions*, int level);
  OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions*, int threads);
  Unused SetInterOpNumThreads, CreateCustomOpDomain, CustomOpDomain_Add, AddCustomOpDomain,
      RegisterCustomOpsLibrary;
  OrtStatus* (*SessionGetInputCount)(const OrtSession*, size_t*);
  OrtStatus* (*SessionGetOutputCount)(const OrtSession*, size_t*);
  Unused SessionGetOverridableInitializerCount;
  OrtStatus* (*SessionGetInputTypeInfo)(const OrtSession*, size_t index, OrtTypeInfo**);
  OrtStatus* (*SessionGetOutputTypeInfo)(const OrtSession*, size_t index, OrtTypeInfo**);
  Unused SessionGetOverridableInitializerTypeInfo;
  OrtStatus* (*SessionGetInputName)(const OrtSession*, size_t index, OrtAllocator*, char**);
  OrtStatus* (*SessionGetOutputName)(const OrtSession*, size_t index, OrtAllocator*, char**);
  Unused SessionGetOverridableInitializerName, CreateRunOptions, RunOptionsSetRunLogVerbosityLevel,
      RunOptionsSetRunLogSeverityLevel, RunOptionsSetRunTag, RunOptionsGetRunLogVerbosityLevel,
      RunOptionsGetRunLogSeverityLevel, RunOptionsGetRunTag, RunOptionsSetTerminate, RunOptionsUnsetTerminate,
      CreateTensorAsOrtValue;
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, size_t bytes,
                                               const int64_t* shape, size_t rank, int element_type,
                                               OrtValue**);
  OrtStatus* (*IsTensor)(const OrtValue*, int*);
  OrtStatus* (*GetTensorMutableData)(OrtValue*, void**);
  Unused FillStringTensor, GetStringTensorDataLength, GetStringTensorContent;
  OrtStatus* (*CastTypeInfoToTensorInfo)(const OrtTypeInfo*,
                                         const OrtTensorTypeAndShapeInfo**);  // null: no tensor
  Unused GetOnnxTypeFromTypeInfo, CreateTensorTypeAndShapeInfo, SetTensorElementType, SetDimensions;
  OrtStatus* (*GetTensorElementType)(const OrtTensorTypeAndShapeInfo*, int*);
  OrtStatus* (*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo*, size_t*);
  OrtStatus* (*GetDimensions)(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t rank);
  Unused GetSymbolicDimensions, GetTensorShapeElementCount;
  OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtTensorTypeAndShapeInfo**);
  Unused GetTypeInfo, GetValueType, CreateMemoryInfo;
  OrtStatus* (*CreateCpuMemoryInfo)(int allocator_type, int memory_type, OrtMemoryInfo**);
  Unused CompareMemoryInfo, MemoryInfoGetName, MemoryInfoGetId, MemoryInfoGetMemType, MemoryInfoGetType,
      AllocatorAlloc;
  OrtStatus* (*AllocatorFree)(OrtAllocator*, void*);
  Unused AllocatorGetInfo;
  OrtStatus* (*GetAllocatorWithDefaultOptions)(OrtAllocator**);  // not ours to release
  Unused AddFreeDimensionOverride, GetValue, GetValueCount, CreateValue, CreateOpaqueValue, GetOpaqueValue,
      KernelInfoGetAttribute_float, KernelInfoGetAttribute_int64, KernelInfoGetAttribute_string,
      KernelContext_GetInputCount, KernelContext_GetOutputCount, KernelContext_GetInput,
      KernelContext_GetOutput, ReleaseEnv;
  void (*ReleaseStatus)(OrtStatus*);
  Unused ReleaseMemoryInfo;
  void (*ReleaseSession)(OrtSession*);
  void (*ReleaseValue)(OrtValue*);
  Unused ReleaseRunOptions;
  void (*ReleaseTypeInfo)(OrtTypeInfo*);
  void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo*);
  void (*ReleaseSessionOptions)(OrtSessionOptions*);
  Unused ReleaseCustomOpDomain, GetDenotationFromTypeInfo, CastTypeInfoToMapTypeInfo,
      CastTypeInfoToSequenceTypeInfo, GetMapKeyType, GetMapValueType, GetSequenceElementType,
      ReleaseMapTypeInfo, ReleaseSequenceTypeInfo, SessionEndProfiling, SessionGetModelMetadata,
      ModelMetadataGetProducerName, ModelMetadataGetGraphName, ModelMetadataGetDomain,
      ModelMetadataGetDescription, ModelMetadataLookupCustomMetadataMap, ModelMetadataGetVersion,
      ReleaseModelMetadata;
  OrtStatus* (*CreateEnvWithGlobalThreadPools)(int log_level, const char* log_name,
                                               const OrtThreadingOptions*, OrtEnv**);
  OrtStatus* (*DisablePerSessionThreads)(OrtSessionOptions*);
  OrtStatus* (*CreateThreadingOptions)(OrtThreadingOptions**);
  void (*ReleaseThreadingOptions)(OrtThreadingOptions*);
  Unused ModelMetadataGetCustomMetadataMapKeys, AddFreeDimensionOverrideByName, GetAvailableProviders,
      ReleaseAvailableProviders, GetStringTensorElementLength, GetStringTensorElement,
      FillStringTensorElement;
  OrtStatus* (*AddSessionConfigEntry)(OrtSessionOptions*, const char* key, const char* value);
  Unused CreateAllocator, ReleaseAllocator, RunWithBinding, CreateIoBinding, ReleaseIoBinding, BindInput,
      BindOutput, BindOutputToDevice, GetBoundOutputNames, GetBoundOutputValues, ClearBoundInputs,
      ClearBoundOutputs, TensorAt;
  OrtStatus* (*CreateAndRegisterAllocator)(OrtEnv*, const OrtMemoryInfo*,
                                           const OrtArenaCfg* defaults_if_null);
  Unused SetLanguageProjection, SessionGetProfilingStartTimeNs;
  OrtStatus* (*SetGlobalIntraOpNumThreads)(OrtThreadingOptions*, int threads);
  OrtStatus* (*SetGlobalInterOpNumThreads)(OrtThreadingOptions*, int threads);
  OrtStatus* (*SetGlobalSpinControl)(OrtThreadingOptions*, int allow);
};

struct ApiBase {
  const Api* (*GetApi)(uint32_t version);  // null: the library is older
  const char* (*GetVersionString)();
};

// The library's one exported entry.
using GetApiBase = const ApiBase* (*)();

}  // namespace fetafix::ort
