#include "workers/model_service.h"

namespace fetafix::workers {

channel::Message loaded_reply(int64_t session, const std::vector<channel::ValueSpec>& inputs,
                              const std::vector<channel::ValueSpec>& outputs) {
  channel::Message reply;
  reply.fields["session"] = session;
  reply.fields["inputs"] = Json::array();
  reply.fields["outputs"] = Json::array();
  for (const auto& input : inputs) reply.fields["inputs"].push_back(channel::spec_to_json(input));
  for (const auto& output : outputs) reply.fields["outputs"].push_back(channel::spec_to_json(output));
  return reply;
}

int64_t int_or(const Json& fields, const char* key, int64_t otherwise) {
  const auto value = json_int(fields, key);
  return value.ok() ? *value : otherwise;
}

bool bool_or(const Json& fields, const char* key, bool otherwise) {
  return fields.contains(key) && fields[key].is_boolean() ? fields[key].get<bool>() : otherwise;
}

std::string string_or(const Json& fields, const char* key, const std::string& otherwise) {
  auto value = json_string(fields, key);
  return value.ok() ? *value : otherwise;
}

Result<std::vector<std::string>> wanted_outputs(const Json& fields) {
  std::vector<std::string> names;
  if (!fields.contains("outputs")) return names;
  FETAFIX_TRY(const Json array, json_array(fields, "outputs"));
  for (const Json& item : array) {
    if (!item.is_string()) return Error{ErrorKind::internal, "key 'outputs': expected an array of strings"};
    names.push_back(item.get<std::string>());
  }
  return names;
}

Result<ModelSource> model_source(const channel::Message& request) {
  ModelSource source;
  source.path = string_or(request.fields, "path", "");
  if (!source.path.empty()) return source;
  const Tensor* model = channel::find_tensor(request, "model");
  if (!model) return Error{ErrorKind::internal, "load: expected a path or a tensor 'model'"};
  source.bytes = model->bytes();
  return source;
}

Error unknown_call(const std::string& call) {
  return {ErrorKind::internal, "no call '" + call + "' here"};
}

}  // namespace fetafix::workers
