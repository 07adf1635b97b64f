// What both ends of the worker protocol agree on; docs/worker-protocol.md describes it for workers in
// other languages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "channel/values.h"

namespace fetafix::channel {

// Changes whenever an older worker could misread a newer parent, or the reverse.
inline constexpr int protocol_version = 1;

// Where a worker finds its ends when it starts.
inline constexpr int socket_fd = 3;       // frames, both ways
inline constexpr int to_worker_fd = 4;    // arena that the parent writes
inline constexpr int from_worker_fd = 5;  // arena that the worker writes

// Larger lengths are garbage: tensors do not travel in frames, and a list of a million values fits.
inline constexpr size_t max_frame_bytes = size_t{256} << 20;
// A cache line, and enough for every vector instruction a runtime may use on borrowed memory.
inline constexpr size_t tensor_alignment = 64;

// A request or a reply: JSON members and tensors. Bytes (a model file) travel as a uint8 tensor.
// The members "call", "id", "ok", "error" and "tensors" belong to the protocol.
struct Message {
  Json fields = Json::object();
  std::vector<NamedTensor> tensors;
};

// nullptr when there is none of that name.
const Tensor* find_tensor(const Message& message, std::string_view name);

// An error as it crosses the protocol: {"kind": "runtime_failed", "message": "..."}.
Json error_to_json(const Error& error);
// Anything that is not such an object reads as runtime_failed with its text.
Error error_from_json(const Json& json);

Json spec_to_json(const ValueSpec& spec);
Result<std::vector<ValueSpec>> specs_from_json(const Json& object, const char* key);

}  // namespace fetafix::channel
