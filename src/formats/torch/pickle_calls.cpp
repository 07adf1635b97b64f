// What globals of a pickle mean. The list is closed: a name that is not here is an error.
#include <algorithm>
#include <array>

#include "formats/torch/pickle_machine.h"

namespace fetafix::formats::torch {
namespace {

constexpr size_t most_dimensions = 64;
constexpr size_t longest_key = 256;  // of a storage; each tensor has a copy
constexpr std::string_view script_prefix = "__torch__.";
constexpr std::string_view typed_lists = "torch.jit._pickle.build_";

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

struct StorageType {
  std::string_view name;
  DType dtype;
  bool untyped = false;
};
// torch/storage.py; those without a type hold what is not read here.
constexpr auto storage_types =
    std::to_array<StorageType>({{"torch.FloatStorage", DType::float32},
                                {"torch.DoubleStorage", DType::float64},
                                {"torch.HalfStorage", DType::float16},
                                {"torch.BFloat16Storage", DType::bfloat16},
                                {"torch.CharStorage", DType::int8},
                                {"torch.ByteStorage", DType::uint8},
                                {"torch.ShortStorage", DType::int16},
                                {"torch.IntStorage", DType::int32},
                                {"torch.LongStorage", DType::int64},
                                {"torch.BoolStorage", DType::boolean},
                                {"torch.ComplexFloatStorage", DType::unknown},
                                {"torch.ComplexDoubleStorage", DType::unknown},
                                {"torch.QInt8Storage", DType::unknown},
                                {"torch.QUInt8Storage", DType::unknown},
                                {"torch.QInt32Storage", DType::unknown},
                                {"torch.QUInt4x2Storage", DType::unknown},
                                {"torch.QUInt2x4Storage", DType::unknown},
                                {"torch.UntypedStorage", DType::unknown, true},
                                {"torch.storage.UntypedStorage", DType::unknown, true}});

// Callables with a meaning here.
constexpr auto callables = std::to_array<std::string_view>({"collections.OrderedDict",
                                                            "torch.Size",
                                                            "torch.device",
                                                            "torch._utils._rebuild_tensor",
                                                            "torch._utils._rebuild_tensor_v2",
                                                            "torch._utils._rebuild_tensor_v3",
                                                            "torch._utils._rebuild_qtensor",
                                                            "torch._utils._rebuild_parameter",
                                                            "torch._utils._rebuild_parameter_with_state",
                                                            "torch._tensor._rebuild_from_type_v2",
                                                            "_codecs.encode",
                                                            "builtins.set",
                                                            "builtins.frozenset",
                                                            "builtins.bytearray",
                                                            "builtins.bytes",
                                                            "__builtin__.set",
                                                            "__builtin__.frozenset",
                                                            "__builtin__.bytearray",
                                                            "__builtin__.bytes",
                                                            "torch.jit._pickle.restore_type_tag",
                                                            "torch.jit._pickle.build_intlist",
                                                            "torch.jit._pickle.build_tensorlist",
                                                            "torch.jit._pickle.build_doublelist",
                                                            "torch.jit._pickle.build_boollist"});

// Values of PyTorch's by their names, and classes that are only named.
constexpr auto names = std::to_array<std::string_view>({"torch.float",
                                                        "torch.float32",
                                                        "torch.double",
                                                        "torch.float64",
                                                        "torch.half",
                                                        "torch.float16",
                                                        "torch.bfloat16",
                                                        "torch.int8",
                                                        "torch.uint8",
                                                        "torch.int16",
                                                        "torch.uint16",
                                                        "torch.short",
                                                        "torch.int32",
                                                        "torch.uint32",
                                                        "torch.int",
                                                        "torch.int64",
                                                        "torch.uint64",
                                                        "torch.long",
                                                        "torch.bool",
                                                        "torch.complex32",
                                                        "torch.complex64",
                                                        "torch.complex128",
                                                        "torch.qint8",
                                                        "torch.quint8",
                                                        "torch.qint32",
                                                        "torch.quint4x2",
                                                        "torch.quint2x4",
                                                        "torch.float8_e4m3fn",
                                                        "torch.float8_e5m2",
                                                        "torch.float8_e4m3fnuz",
                                                        "torch.float8_e5m2fnuz",
                                                        "torch.float8_e8m0fnu",
                                                        "torch.strided",
                                                        "torch.sparse_coo",
                                                        "torch.contiguous_format",
                                                        "torch.channels_last",
                                                        "torch.channels_last_3d",
                                                        "torch.preserve_format",
                                                        "torch.per_tensor_affine",
                                                        "torch.per_channel_affine",
                                                        "torch.per_tensor_symmetric",
                                                        "torch.per_channel_symmetric",
                                                        "torch.Tensor",
                                                        "torch.nn.parameter.Parameter",
                                                        "torch.nn.parameter.Buffer"});

const StorageType* storage_type(std::string_view name) {
  const auto found = std::ranges::find(storage_types, name, &StorageType::name);
  return found == storage_types.end() ? nullptr : found;
}

Error wrong_arguments(const std::string& callee) {
  return broken("'" + callee + "' is called with other arguments than PyTorch calls it with");
}

// Arguments of a call by place; a missing one is null.
struct Arguments {
  const std::string& callee;
  const std::vector<PickleValue::Item>& items;

  PickleValue::Item at(size_t place, PickleKind kind) const {
    return place < items.size() && items[place]->is(kind) ? items[place] : nullptr;
  }
  Error wrong() const { return wrong_arguments(callee); }
};

uint64_t memory_of(const PickleTensor& tensor) {
  return sizeof(tensor) + tensor.storage.key.size() + tensor.storage.location.size() +
         16 * tensor.sizes.size();
}

Result<std::vector<int64_t>> numbers(const PickleValue& list) {
  std::vector<int64_t> out;
  if (list.items.size() > most_dimensions)
    return broken("a tensor of " + std::to_string(list.items.size()) + " dimensions");
  for (const PickleValue* item : list.items) {
    if (!item->is(PickleKind::integer) || item->integer < 0)
      return broken("a size or stride of a tensor is no number from 0 on");
    out.push_back(item->integer);
  }
  return out;
}

// torch.float32 -> float32; names of torch's that mean the same.
DType dtype_of_name(std::string_view name) {
  name.remove_prefix(std::min(name.size(), std::string_view("torch.").size()));
  if (name == "float") return DType::float32;
  if (name == "double") return DType::float64;
  if (name == "half") return DType::float16;
  if (name == "short") return DType::int16;
  if (name == "int") return DType::int32;
  if (name == "long") return DType::int64;
  return dtype_from_name(name);
}

// _rebuild_tensor(storage, offset, sizes, strides), v2 and v3 with (requires_grad, hooks[, dtype]); of
// quantized ones (storage, offset, sizes, strides, parameters, requires_grad, hooks), of which the type is
// not known here.
Result<PickleValue*> tensor(Values& values, const Arguments& given) {
  const auto* storage = given.at(0, PickleKind::storage);
  const auto* offset = given.at(1, PickleKind::integer);
  const auto *sizes = given.at(2, PickleKind::tuple), *strides = given.at(3, PickleKind::tuple);
  if (!storage || !offset || !sizes || !strides || offset->integer < 0) return given.wrong();
  FETAFIX_CHECK(
      values.charge(memory_of(*storage->tensor) + 16 * std::min(sizes->items.size(), most_dimensions)));
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::tensor));
  out->tensor = std::make_unique<PickleTensor>();
  PickleTensor& made = *out->tensor;
  made.storage = storage->tensor->storage;
  made.offset = offset->integer;
  FETAFIX_TRY(made.sizes, numbers(*sizes));
  FETAFIX_TRY(made.strides, numbers(*strides));
  if (made.sizes.size() != made.strides.size())
    return broken("a tensor of " + std::to_string(made.sizes.size()) + " sizes and " +
                  std::to_string(made.strides.size()) + " strides");
  made.dtype = made.storage.dtype;
  const bool quantized = given.callee == "torch._utils._rebuild_qtensor";
  if (const auto* grad = given.at(quantized ? 5 : 4, PickleKind::boolean))
    made.requires_grad = grad->integer != 0;
  if (given.callee == "torch._utils._rebuild_tensor_v3") {
    const auto* dtype = given.at(6, PickleKind::name);
    if (!dtype) return given.wrong();
    made.dtype = dtype_of_name(dtype->text);
  }
  return out;
}

// _rebuild_parameter(tensor, requires_grad, hooks[, state])
Result<PickleValue*> parameter(Values& values, const Arguments& given) {
  const auto *data = given.at(0, PickleKind::tensor), *grad = given.at(1, PickleKind::boolean);
  if (!data || !grad) return given.wrong();
  FETAFIX_CHECK(values.charge(memory_of(*data->tensor)));
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::tensor));
  out->tensor = std::make_unique<PickleTensor>(*data->tensor);
  out->tensor->requires_grad = grad->integer != 0;
  out->tensor->is_parameter = true;
  return out;
}

// _rebuild_from_type_v2(function, type, arguments, state): a tensor that has attributes of Python's.
Result<PickleValue*> with_attributes(Values& values, const Arguments& given) {
  const auto *function = given.at(0, PickleKind::name), *type = given.at(1, PickleKind::name);
  const auto* arguments = given.at(2, PickleKind::tuple);
  if (!function || !type || !arguments || !function->text.starts_with("torch._utils._rebuild_"))
    return given.wrong();
  if (!type->text.starts_with("torch.Tensor") && !type->text.starts_with("torch.nn.parameter."))
    return given.wrong();
  const Arguments inner{function->text, arguments->items};
  return function->text.starts_with("torch._utils._rebuild_parameter") ? parameter(values, inner)
                                                                       : tensor(values, inner);
}

// Text of which each character is a byte, as protocol 2 has bytes: _codecs.encode(text, "latin1").
Result<PickleValue*> encoded(Values& values, const Arguments& given) {
  const auto *text = given.at(0, PickleKind::text), *codec = given.at(1, PickleKind::text);
  if (!text || !codec || (codec->text != "latin1" && codec->text != "latin-1")) return given.wrong();
  FETAFIX_CHECK(values.charge(text->text.size()));
  std::string out;
  for (size_t i = 0; i < text->text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text->text[i]);
    if (byte < 0x80) {
      out.push_back(static_cast<char>(byte));
    } else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < text->text.size()) {
      out.push_back(
          static_cast<char>(((byte & 3) << 6) | (static_cast<unsigned char>(text->text[++i]) & 0x3F)));
    } else {
      return given.wrong();
    }
  }
  return values.add_text(PickleKind::bytes, std::move(out));
}

bool is_list(const PickleValue& value) {
  return value.is(PickleKind::list) || value.is(PickleKind::tuple);
}

// OrderedDict(), or of a list of pairs as Python 2 wrote them.
Result<PickleValue*> ordered_dict(Values& values, const Arguments& given) {
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::dict));
  if (given.items.empty()) return out;
  if (given.items.size() != 1 || !is_list(*given.items[0])) return given.wrong();
  FETAFIX_CHECK(values.charge_places(2 * given.items[0]->items.size()));
  for (const PickleValue* pair : given.items[0]->items) {
    if (!is_list(*pair) || pair->items.size() != 2) return given.wrong();
    out->items.insert(out->items.end(), pair->items.begin(), pair->items.end());
  }
  return out;
}

Result<PickleValue*> set(Values& values, const Arguments& given) {
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::set));
  if (given.items.empty()) return out;
  if (given.items.size() != 1 || !is_list(*given.items[0])) return given.wrong();
  FETAFIX_CHECK(values.charge_places(given.items[0]->items.size()));
  out->items = given.items[0]->items;
  return out;
}

Result<PickleValue*> byte_array(Values& values, const Arguments& given) {
  if (given.items.empty()) return values.add(PickleKind::bytes);
  const auto* bytes = given.at(0, PickleKind::bytes);
  if (!bytes || given.items.size() != 1) return given.wrong();
  FETAFIX_CHECK(values.charge(bytes->text.size()));
  return values.add_text(PickleKind::bytes, bytes->text);
}

Result<PickleValue*> device(Values& values, const Arguments& given) {
  const auto* type = given.at(0, PickleKind::text);
  if (!type || type->text.size() > 64) return given.wrong();
  const auto* index = given.at(1, PickleKind::integer);
  return values.add_text(PickleKind::name,
                         index ? type->text + ":" + std::to_string(index->integer) : type->text);
}

// torch.jit._pickle: a list or dict with its type. A copy, for the same list may be tagged otherwise.
Result<PickleValue*> tagged(Values& values, const Arguments& given, std::string tag) {
  if (given.items.empty()) return given.wrong();
  const PickleValue& of = *given.items[0];
  if (!is_list(of) && !of.is(PickleKind::dict)) return given.wrong();
  FETAFIX_CHECK(values.charge_places(of.items.size() + tag.size()));
  FETAFIX_TRY(PickleValue * out, values.add(of.kind));
  out->items = of.items;
  out->type_tag = std::move(tag);
  return out;
}

Result<PickleValue*> type_tag(Values& values, const Arguments& given) {
  const auto* tag = given.at(1, PickleKind::text);
  if (given.items.size() != 2 || !tag) return given.wrong();
  return tagged(values, given, tag->text);
}

Result<PickleValue*> typed_list(Values& values, const Arguments& given) {
  const std::string_view of = std::string_view(given.callee).substr(typed_lists.size());
  if (given.items.size() != 1) return given.wrong();
  return tagged(values, given,
                of == "intlist"      ? "List[int]"
                : of == "doublelist" ? "List[float]"
                : of == "boollist"   ? "List[bool]"
                                     : "List[Tensor]");
}

Result<PickleValue*> script_object(Values& values, const std::string& type, const PickleValue& arguments) {
  FETAFIX_CHECK(values.charge(type.size()));
  FETAFIX_TRY(PickleValue * out, values.add_text(PickleKind::object, type));
  if (!arguments.items.empty()) out->state = &arguments;
  return out;
}

}  // namespace

std::string_view storage_of(DType dtype) {
  const auto found = std::ranges::find(storage_types, dtype, &StorageType::dtype);
  if (dtype == DType::unknown || found == storage_types.end()) return {};
  return found->name.substr(std::string_view("torch.").size());
}

Result<PickleValue*> pickle_global(Values& values, const std::string& module, const std::string& name) {
  std::string full = module + "." + name;
  if (!full.starts_with(script_prefix) && !storage_type(full) && !std::ranges::count(callables, full) &&
      !std::ranges::count(names, full))
    return Error{ErrorKind::unsupported,
                 "the pickle names '" + full + "', which is code; expected tensors and plain containers"};
  return values.add_text(PickleKind::name, std::move(full));
}

Result<PickleValue*> pickle_call(Values& values, const PickleValue& callee, const PickleValue& arguments) {
  if (!callee.is(PickleKind::name) || !arguments.is(PickleKind::tuple))
    return broken(std::string(kind_name(callee.kind)) + " is called with " +
                  std::string(kind_name(arguments.kind)));
  const std::string& name = callee.text;
  const Arguments given{name, arguments.items};
  if (name.starts_with(script_prefix)) return script_object(values, name, arguments);
  if (!std::ranges::count(callables, name)) return broken("'" + name + "' is called");
  if (name == "collections.OrderedDict") return ordered_dict(values, given);
  if (name == "torch.device") return device(values, given);
  if (name == "torch.jit._pickle.restore_type_tag") return type_tag(values, given);
  if (name.starts_with(typed_lists)) return typed_list(values, given);
  if (name.starts_with("torch._utils._rebuild_parameter")) return parameter(values, given);
  if (name.starts_with("torch._utils._rebuild_")) return tensor(values, given);
  if (name == "torch._tensor._rebuild_from_type_v2") return with_attributes(values, given);
  if (name == "_codecs.encode") return encoded(values, given);
  if (name.ends_with("set")) return set(values, given);
  if (name.ends_with(".bytearray") || name.ends_with(".bytes")) return byte_array(values, given);
  const auto* sizes = given.at(0, PickleKind::tuple);
  if (name != "torch.Size" || !sizes) return given.wrong();
  FETAFIX_CHECK(values.charge_places(sizes->items.size()));
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::tuple));
  out->items = sizes->items;
  return out;
}

Result<PickleValue*> pickle_storage(Values& values, const PickleValue& id) {
  const Arguments given{id.text, id.items};
  const auto *tag = given.at(0, PickleKind::text), *type = given.at(1, PickleKind::name);
  const auto *key = given.at(2, PickleKind::text), *location = given.at(3, PickleKind::text);
  const auto* count = given.at(4, PickleKind::integer);
  const StorageType* known = type ? storage_type(type->text) : nullptr;
  if (!id.is(PickleKind::tuple) || id.items.size() != 5 || !tag || tag->text != "storage" || !known || !key ||
      !location || !count || count->integer < 0 || key->text.size() > longest_key ||
      location->text.size() > longest_key)
    return broken("a persistent id is no storage ('storage', type, key, device, number of elements)");
  FETAFIX_CHECK(values.charge(sizeof(PickleTensor) + key->text.size() + location->text.size()));
  FETAFIX_TRY(PickleValue * out, values.add(PickleKind::storage));
  out->tensor = std::make_unique<PickleTensor>();
  out->tensor->storage = {key->text, known->dtype, known->untyped, location->text, count->integer};
  return out;
}

Status pickle_build(PickleValue& object, const PickleValue& state) {
  if (object.is(PickleKind::dict)) return {};
  if (!object.is(PickleKind::object))
    return broken(std::string(kind_name(object.kind)) + " is given a state");
  if (object.state) return broken("'" + object.text + "' is given a state twice");
  object.state = &state;
  return {};
}

}  // namespace fetafix::formats::torch
