// The JSON form of patches, version 1 (docs/patch.md). Tensors are stored whole, in base64.
#include <cmath>
#include <limits>

#include "base/base64.h"
#include "base/json.h"
#include "graph/edit.h"

namespace fetafix::graph {
namespace {

Result<Bytes> bytes_from(const std::string& text) {
  auto bytes = unbase64(text);
  if (!bytes.ok()) return in_context("patch: data", std::move(bytes).error());
  return bytes;
}

Json tensor_json(const Tensor& tensor) {
  return {{"dtype", dtype_name(tensor.dtype())}, {"shape", tensor.shape()}, {"data", base64(tensor.bytes())}};
}

Result<Tensor> tensor_from(const Json& json) {
  FETAFIX_TRY(const std::string dtype, json_string(json, "dtype"));
  FETAFIX_TRY(Shape shape, json_ints(json, "shape"));
  FETAFIX_TRY(const std::string data, json_string(json, "data"));
  FETAFIX_TRY(const auto bytes, bytes_from(data));
  return Tensor::from_bytes(dtype_from_name(dtype), std::move(shape), bytes);
}

// JSON has no infinities: they are written as strings.
Json number_json(float v) {
  if (std::isfinite(v)) return static_cast<double>(v);
  return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

std::optional<float> number_from(const Json& json) {
  if (json.is_number()) return json.get<float>();
  if (json == "inf") return std::numeric_limits<float>::infinity();
  if (json == "-inf") return -std::numeric_limits<float>::infinity();
  if (json == "nan") return std::numeric_limits<float>::quiet_NaN();
  return std::nullopt;
}

struct AttributeJson {
  Json operator()(int64_t v) const { return {{"int", v}}; }
  Json operator()(float v) const { return {{"float", number_json(v)}}; }
  Json operator()(const std::string& v) const { return {{"string", v}}; }
  Json operator()(const std::vector<int64_t>& v) const { return {{"ints", v}}; }
  Json operator()(const std::vector<float>& v) const {
    Json numbers = Json::array();
    for (float one : v) numbers.push_back(number_json(one));
    return {{"floats", std::move(numbers)}};
  }
  Json operator()(const std::vector<std::string>& v) const { return {{"strings", v}}; }
  Json operator()(const Tensor& v) const { return {{"tensor", tensor_json(v)}}; }
};

Result<Attribute> attribute_from(const Json& json) {
  if (!json.is_object() || json.size() != 1)
    return Error{ErrorKind::file, "patch: an attribute is one typed value"};
  const std::string type = json.begin().key();
  if (type == "int") {
    FETAFIX_TRY(int64_t v, json_int(json, "int"));
    return Attribute(v);
  }
  if (type == "float") {
    const auto v = number_from(json["float"]);
    if (!v) return Error{ErrorKind::file, "patch: a float is a number, 'inf', '-inf' or 'nan'"};
    return Attribute(*v);
  }
  if (type == "string") {
    FETAFIX_TRY(std::string v, json_string(json, "string"));
    return Attribute(std::move(v));
  }
  if (type == "ints") {
    FETAFIX_TRY(std::vector<int64_t> v, json_ints(json, "ints"));
    return Attribute(std::move(v));
  }
  if (type == "tensor") {
    FETAFIX_TRY(Tensor v, tensor_from(json.begin().value()));
    return Attribute(std::move(v));
  }
  if (type != "floats" && type != "strings")
    return Error{ErrorKind::file, "patch: unknown attribute type '" + type + "'"};
  FETAFIX_TRY(const Json items, json_array(json, type.c_str()));
  std::vector<float> numbers;
  std::vector<std::string> strings;
  for (const Json& item : items) {
    if (type == "floats" && number_from(item))
      numbers.push_back(*number_from(item));
    else if (type == "strings" && item.is_string())
      strings.push_back(item.get<std::string>());
    else
      return Error{ErrorKind::file, "patch: '" + type + "' holds something else"};
  }
  return type == "floats" ? Attribute(std::move(numbers)) : Attribute(std::move(strings));
}

Json attributes_json(const Attributes& attributes) {
  Json out = Json::object();
  for (const auto& [name, value] : attributes) out[name] = std::visit(AttributeJson{}, value);
  return out;
}

Result<Attributes> attributes_from(const Json& json) {
  Attributes out;
  FETAFIX_TRY(const Json object, json_object(json, "attributes"));
  for (const auto& [name, value] : object.items()) {
    FETAFIX_TRY(out[name], attribute_from(value));
  }
  return out;
}

Json address_json(const Address& at) {
  Json out{{"operator", at.op.index}, {"role", role_name(at.role)}};
  if (at.nth != 0) out["nth"] = at.nth;
  if (!at.op.graph.empty()) out["graph"] = at.op.graph;
  return out;
}

Result<Address> address_from(const Json& json, const char* key) {
  FETAFIX_TRY(const Json object, json_object(json, key));
  Address out;
  FETAFIX_TRY(const int64_t index, json_int(object, "operator"));
  FETAFIX_TRY(const std::string role, json_string(object, "role"));
  const auto known = role_from_name(role);
  if (!known) return Error{ErrorKind::file, "patch: unknown role '" + role + "'"};
  if (index < -1 || index > 0x7fffffff) return Error{ErrorKind::file, "patch: operator index out of range"};
  out.op.index = static_cast<int>(index);
  out.role = *known;
  if (object.contains("nth")) {
    FETAFIX_TRY(const int64_t nth, json_int(object, "nth"));
    if (nth < 0 || nth > 0x7fffffff) return Error{ErrorKind::file, "patch: nth out of range"};
    out.nth = static_cast<int>(nth);
  }
  if (object.contains("graph")) {
    FETAFIX_TRY(out.op.graph, json_string(object, "graph"));
  }
  return out;
}

Json value_json(const ValueAddress& value) {
  if (value.graph_input >= 0) return {{"input", value.graph_input}};
  return {{"node", address_json(value.node)}, {"output", value.output}};
}

Result<ValueAddress> value_from(const Json& json, const char* key) {
  FETAFIX_TRY(const Json object, json_object(json, key));
  ValueAddress out;
  if (object.contains("input")) {
    FETAFIX_TRY(const int64_t input, json_int(object, "input"));
    if (input < 0 || input > 0xffff) return Error{ErrorKind::file, "patch: model input out of range"};
    out.graph_input = static_cast<int>(input);
    return out;
  }
  FETAFIX_TRY(out.node, address_from(object, "node"));
  FETAFIX_TRY(const int64_t output, json_int(object, "output"));
  if (output < 0 || output > 0xffff) return Error{ErrorKind::file, "patch: output out of range"};
  out.output = static_cast<int>(output);
  return out;
}

struct EditJson {
  Json operator()(const SetTensor& e) const {
    Json out{{"edit", "set-tensor"},
             {"at", address_json(e.at)},
             {"slot", e.slot},
             {"tensor", tensor_json(e.value)}};
    if (e.retype) out["retype"] = true;
    return out;
  }
  Json operator()(const SetAttribute& e) const {
    return {{"edit", "set-attribute"},
            {"at", address_json(e.at)},
            {"name", e.name},
            {"value", e.value ? std::visit(AttributeJson{}, *e.value) : Json(nullptr)}};
  }
  Json operator()(const SetOperand& e) const {
    return {{"edit", "set-operand"},
            {"at", address_json(e.at)},
            {"operand", e.input},
            {"value", value_json(e.value)}};
  }
  Json operator()(const ChangeType& e) const {
    return {{"edit", "change-type"},
            {"at", address_json(e.at)},
            {"type", e.type},
            {"attributes", attributes_json(e.attributes)}};
  }
  Json operator()(const InsertNode& e) const {
    Json operands = Json::array();
    for (const auto& operand : e.operands)
      operands.push_back(!operand           ? Json(nullptr)
                         : operand->empty() ? Json{{"absent", true}}
                                            : tensor_json(*operand));
    Json out{{"edit", "insert-node"},
             {"edge", value_json(e.edge)},
             {"type", e.type},
             {"attributes", attributes_json(e.attributes)},
             {"operands", operands}};
    for (const auto& [operand, value] : e.other_operands)
      out["other_operands"].push_back({{"operand", operand}, {"value", value_json(value)}});
    if (e.only_consumer)
      out["only"] = {{"at", address_json(e.only_consumer->first)}, {"operand", e.only_consumer->second}};
    return out;
  }
  Json operator()(const RemoveNode& e) const {
    return {{"edit", "remove-node"}, {"at", address_json(e.at)}, {"through", e.through}};
  }
  Json operator()(const KeepOutputs& e) const {
    return {{"edit", "keep-outputs"}, {"at", address_json(e.at)}, {"keep", e.keep}};
  }
  Json operator()(const SetMetadata& e) const {
    Json out{{"edit", "set-metadata"}, {"field", e.field}, {"value", e.value}};
    if (e.at.op.index >= 0) out["at"] = address_json(e.at);
    return out;
  }
  Json operator()(const Redeclare& e) const {
    Json out{{"edit", "redeclare"}, {"value", value_json(e.value)}, {"dtype", dtype_name(e.dtype)}};
    if (e.shape) out["shape"] = *e.shape;
    return out;
  }
  Json operator()(const SetOutput& e) const {
    return {{"edit", "set-output"}, {"output", e.output}, {"value", value_json(e.value)}};
  }
  Json operator()(const SeparateOutput& e) const {
    return {{"edit", "separate-output"}, {"at", address_json(e.at)}, {"output", e.output}};
  }
  Json operator()(const SortOperators&) const { return {{"edit", "sort-operators"}}; }
};

Result<int> small_int(const Json& json, const char* key) {
  FETAFIX_TRY(const int64_t v, json_int(json, key));
  if (v < 0 || v > 0xffff) return Error{ErrorKind::file, std::string("patch: '") + key + "' out of range"};
  return static_cast<int>(v);
}

Result<Edit> insert_from(const Json& json) {
  InsertNode out;
  FETAFIX_TRY(out.edge, value_from(json, "edge"));
  FETAFIX_TRY(out.type, json_string(json, "type"));
  FETAFIX_TRY(out.attributes, attributes_from(json));
  FETAFIX_TRY(const Json operands, json_array(json, "operands"));
  for (const Json& operand : operands) {
    if (operand.is_null()) {
      out.operands.emplace_back(std::nullopt);
      continue;
    }
    if (operand.is_object() && operand.contains("absent")) {
      out.operands.emplace_back(Tensor());
      continue;
    }
    FETAFIX_TRY(Tensor tensor, tensor_from(operand));
    out.operands.emplace_back(std::move(tensor));
  }
  if (json.contains("other_operands")) {
    FETAFIX_TRY(const Json others, json_array(json, "other_operands"));
    for (const Json& other : others) {
      FETAFIX_TRY(const int operand, small_int(other, "operand"));
      FETAFIX_TRY(const ValueAddress value, value_from(other, "value"));
      out.other_operands.emplace_back(operand, value);
    }
  }
  if (json.contains("only")) {
    FETAFIX_TRY(const Json only, json_object(json, "only"));
    FETAFIX_TRY(Address at, address_from(only, "at"));
    FETAFIX_TRY(const int operand, small_int(only, "operand"));
    out.only_consumer = std::pair(at, operand);
  }
  return Edit(std::move(out));
}

Result<Edit> metadata_from(const Json& json) {
  SetMetadata out;
  FETAFIX_TRY(out.field, json_string(json, "field"));
  FETAFIX_TRY(out.value, json_int(json, "value"));
  if (json.contains("at")) {
    FETAFIX_TRY(out.at, address_from(json, "at"));
  }
  return Edit(std::move(out));
}

Result<Edit> redeclare_from(const Json& json) {
  Redeclare out;
  FETAFIX_TRY(out.value, value_from(json, "value"));
  FETAFIX_TRY(const std::string dtype, json_string(json, "dtype"));
  out.dtype = dtype_from_name(dtype);
  if (out.dtype == DType::unknown) return Error{ErrorKind::file, "patch: unknown dtype '" + dtype + "'"};
  if (!json.contains("shape")) return Edit(std::move(out));
  FETAFIX_TRY(const Json dims, json_array(json, "shape"));
  out.shape.emplace();
  for (const Json& dim : dims) {
    if (!dim.is_number_integer()) return Error{ErrorKind::file, "patch: 'shape' holds something else"};
    out.shape->push_back(dim.get<int64_t>());
  }
  return Edit(std::move(out));
}

Result<Edit> edit_from(const Json& json) {
  FETAFIX_TRY(const std::string kind, json_string(json, "edit"));
  if (kind == "insert-node") return insert_from(json);
  if (kind == "set-metadata") return metadata_from(json);
  if (kind == "redeclare") return redeclare_from(json);
  if (kind == "sort-operators") return Edit(SortOperators{});
  if (kind == "set-output") {
    FETAFIX_TRY(const int output, small_int(json, "output"));
    FETAFIX_TRY(ValueAddress value, value_from(json, "value"));
    return Edit(SetOutput{output, value});
  }
  FETAFIX_TRY(Address at, address_from(json, "at"));
  if (kind == "set-tensor") {
    FETAFIX_TRY(const int slot, small_int(json, "slot"));
    FETAFIX_TRY(const Json tensor, json_object(json, "tensor"));
    FETAFIX_TRY(Tensor value, tensor_from(tensor));
    return Edit(SetTensor{at, slot, std::move(value), json.contains("retype")});
  }
  if (kind == "set-attribute") {
    FETAFIX_TRY(std::string name, json_string(json, "name"));
    if (!json.contains("value") || json["value"].is_null()) return Edit(SetAttribute{at, name, std::nullopt});
    FETAFIX_TRY(Attribute value, attribute_from(json["value"]));
    return Edit(SetAttribute{at, name, std::move(value)});
  }
  if (kind == "set-operand") {
    FETAFIX_TRY(const int input, small_int(json, "operand"));
    FETAFIX_TRY(ValueAddress value, value_from(json, "value"));
    return Edit(SetOperand{at, input, value});
  }
  if (kind == "change-type") {
    FETAFIX_TRY(std::string type, json_string(json, "type"));
    FETAFIX_TRY(Attributes attributes, attributes_from(json));
    return Edit(ChangeType{at, std::move(type), std::move(attributes)});
  }
  if (kind == "remove-node") {
    FETAFIX_TRY(const int through, small_int(json, "through"));
    return Edit(RemoveNode{at, through});
  }
  if (kind == "keep-outputs") {
    FETAFIX_TRY(const int keep, small_int(json, "keep"));
    return Edit(KeepOutputs{at, keep});
  }
  if (kind == "separate-output") {
    FETAFIX_TRY(const int output, small_int(json, "output"));
    return Edit(SeparateOutput{at, output});
  }
  return Error{ErrorKind::file, "patch: unknown edit '" + kind + "'"};
}

Json fingerprint_json(Json subject, const Fingerprint& fingerprint) {
  subject["own"] = fingerprint.own;
  if (!fingerprint.around.empty()) subject["around"] = fingerprint.around;
  return subject;
}

Json fingerprints_json(const Patch& patch) {
  Json out = Json::array();
  for (const auto& [op, fingerprint] : patch.operators) {
    Json subject{{"operator", op.index}};
    if (!op.graph.empty()) subject["graph"] = op.graph;
    out.push_back(fingerprint_json(std::move(subject), fingerprint));
  }
  for (const auto& [input, fingerprint] : patch.inputs)
    out.push_back(fingerprint_json({{"input", input}}, fingerprint));
  return out;
}

Result<Fingerprint> fingerprint_from(const Json& json) {
  Fingerprint out;
  FETAFIX_TRY(out.own, json_string(json, "own"));
  if (!json.contains("around")) return out;
  FETAFIX_TRY(const Json around, json_array(json, "around"));
  for (const Json& round : around) {
    if (!round.is_string()) return Error{ErrorKind::file, "patch: 'around' holds something else than text"};
    out.around.push_back(round.get<std::string>());
  }
  return out;
}

Status read_fingerprints(const Json& list, Patch& out) {
  for (const Json& json : list) {
    FETAFIX_TRY(Fingerprint fingerprint, fingerprint_from(json));
    if (json.contains("input")) {
      FETAFIX_TRY(const int64_t input, json_int(json, "input"));
      if (input < 0 || input > 0xffff) return Error{ErrorKind::file, "patch: model input out of range"};
      out.inputs[static_cast<int>(input)] = std::move(fingerprint);
      continue;
    }
    NativeOperator op;
    FETAFIX_TRY(const int64_t index, json_int(json, "operator"));
    if (index < 0 || index > 0x7fffffff) return Error{ErrorKind::file, "patch: operator index out of range"};
    op.index = static_cast<int>(index);
    if (json.contains("graph")) {
      FETAFIX_TRY(op.graph, json_string(json, "graph"));
    }
    out.operators[op] = std::move(fingerprint);
  }
  return {};
}

Result<Reverse> reverse_from(const Json& json) {
  Reverse out;
  FETAFIX_TRY(out.patched_sha256, json_string(json, "patched_sha256"));
  FETAFIX_TRY(const std::string delta, json_string(json, "delta"));
  FETAFIX_TRY(out.delta, bytes_from(delta));
  return out;
}

}  // namespace

Json to_json(const Patch& patch) {
  Json groups = Json::array();
  for (const EditGroup& group : patch.groups) {
    Json edits = Json::array();
    for (const Edit& edit : group.edits) edits.push_back(std::visit(EditJson{}, edit));
    groups.push_back({{"reason", group.reason}, {"edits", edits}});
  }
  Json out{{"patch", 1}, {"format", patch.format}, {"model_sha256", patch.model_sha256}, {"groups", groups}};
  if (!patch.operators.empty() || !patch.inputs.empty()) out["fingerprints"] = fingerprints_json(patch);
  if (patch.reverse)
    out["reverse"] = {{"patched_sha256", patch.reverse->patched_sha256},
                      {"delta", base64(patch.reverse->delta)}};
  return out;
}

Result<Patch> patch_from_json(const Json& json) {
  FETAFIX_TRY(const int64_t version, json_int(json, "patch"));
  if (version != 1)
    return Error{ErrorKind::file, "patch version " + std::to_string(version) + " is not known; expected 1"};
  Patch out;
  FETAFIX_TRY(out.format, json_string(json, "format"));
  FETAFIX_TRY(out.model_sha256, json_string(json, "model_sha256"));
  FETAFIX_TRY(const Json groups, json_array(json, "groups"));
  for (const Json& item : groups) {
    EditGroup group;
    FETAFIX_TRY(group.reason, json_string(item, "reason"));
    FETAFIX_TRY(const Json edits, json_array(item, "edits"));
    for (const Json& edit : edits) {
      FETAFIX_TRY(Edit one, edit_from(edit));
      group.edits.push_back(std::move(one));
    }
    out.groups.push_back(std::move(group));
  }
  if (json.contains("fingerprints")) {
    FETAFIX_TRY(const Json list, json_array(json, "fingerprints"));
    FETAFIX_CHECK(read_fingerprints(list, out));
  }
  if (json.contains("reverse")) {
    FETAFIX_TRY(const Json reverse, json_object(json, "reverse"));
    FETAFIX_TRY(out.reverse, reverse_from(reverse));
  }
  return out;
}

}  // namespace fetafix::graph
