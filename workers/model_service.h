// The calls that every model-running worker answers (load, run, unload; docs/worker-protocol.md), between
// messages and an engine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "channel/serve.h"

namespace fetafix::workers {

// The reply to "load".
channel::Message loaded_reply(int64_t session, const std::vector<channel::ValueSpec>& inputs,
                              const std::vector<channel::ValueSpec>& outputs);

// Members of a request, with the value that they have when absent; of the wrong type counts as absent.
int64_t int_or(const Json& fields, const char* key, int64_t otherwise);
bool bool_or(const Json& fields, const char* key, bool otherwise);
std::string string_or(const Json& fields, const char* key, const std::string& otherwise);

// The "outputs" member of a run request: names; absent or empty: all of them.
Result<std::vector<std::string>> wanted_outputs(const Json& fields);

// The model to load: "path", or else the tensor "model".
struct ModelSource {
  std::string path;                  // empty: bytes
  std::span<const std::byte> bytes;  // good until the reply
};
Result<ModelSource> model_source(const channel::Message& request);

Error unknown_call(const std::string& call);

}  // namespace fetafix::workers
