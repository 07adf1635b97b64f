#include "channel/protocol.h"

#include <array>
#include <utility>

namespace fetafix::channel {
namespace {

constexpr std::array<std::pair<ErrorKind, const char*>, 7> kinds{{
    {ErrorKind::usage, "usage"},
    {ErrorKind::file, "file"},
    {ErrorKind::unsupported, "unsupported"},
    {ErrorKind::runtime_missing, "runtime_missing"},
    {ErrorKind::runtime_failed, "runtime_failed"},
    {ErrorKind::interrupted, "interrupted"},
    {ErrorKind::internal, "internal"},
}};

Result<ValueSpec> spec_from_json(const Json& json) {
  ValueSpec spec;
  FETAFIX_TRY(spec.name, json_string(json, "name"));
  FETAFIX_TRY(const std::string dtype, json_string(json, "dtype"));
  spec.dtype = dtype_from_name(dtype);
  if (json.contains("shape") && !json["shape"].is_null()) {
    FETAFIX_TRY(spec.shape, json_ints(json, "shape"));
  }
  if (json.contains("scale")) {
    FETAFIX_TRY(spec.scale, json_number(json, "scale"));
    FETAFIX_TRY(spec.zero_point, json_int(json, "zero_point"));
  }
  return spec;
}

}  // namespace

const Tensor* find_tensor(const Message& message, std::string_view name) {
  for (const NamedTensor& entry : message.tensors)
    if (entry.name == name) return &entry.tensor;
  return nullptr;
}

Json error_to_json(const Error& error) {
  Json json = {{"kind", "internal"}, {"message", error.message}};
  for (const auto& [kind, name] : kinds)
    if (kind == error.kind) json["kind"] = name;
  return json;
}

Error error_from_json(const Json& json) {
  auto message = json_string(json, "message");
  auto kind_name = json_string(json, "kind");
  if (!message.ok() || !kind_name.ok()) return {ErrorKind::runtime_failed, dump_json(json)};
  for (const auto& [kind, name] : kinds)
    if (*kind_name == name) return {kind, *message};
  return {ErrorKind::runtime_failed, *message};
}

Json spec_to_json(const ValueSpec& spec) {
  Json json = {{"name", spec.name}, {"dtype", dtype_name(spec.dtype)}};
  json["shape"] = spec.shape ? Json(*spec.shape) : Json();
  if (spec.scale != 0) {
    json["scale"] = spec.scale;
    json["zero_point"] = spec.zero_point;
  }
  return json;
}

Result<std::vector<ValueSpec>> specs_from_json(const Json& object, const char* key) {
  FETAFIX_TRY(const Json array, json_array(object, key));
  std::vector<ValueSpec> specs;
  for (const Json& item : array) {
    FETAFIX_TRY(ValueSpec spec, spec_from_json(item));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace fetafix::channel
