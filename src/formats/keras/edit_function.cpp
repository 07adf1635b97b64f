// Edits of functions: what they are called with stands in their calls, not among settings of a layer.
#include <algorithm>

#include "formats/keras/edit_parts.h"
#include "formats/same_padding.h"
#include "graph/lens.h"

namespace fetafix::formats::keras {
namespace {

using graph::attribute_or;
using Ints = std::vector<int64_t>;

Error not_there(const std::string& name) {
  return cant("argument '" + name + "' is not where it was expected");
}

Result<Json*> call_of(Editor& editor, const Place& place) {
  FETAFIX_TRY(Json * entry, editor.entry(place));
  editor.document().touch();
  return &(*entry)["inbound_nodes"][static_cast<size_t>(place.call - place.what->first_call)];
}

// Keras 2 lists the tensors of the first argument, and all other arguments behind the first of them.
Result<Json*> keywords_of(Json& call) {
  if (call.is_object() && call.contains("kwargs")) return &call["kwargs"];
  Json& first = call.is_array() && !call.empty() && call[0].is_array() ? call[0] : call;
  if (!first.is_array() || first.size() < 4 || !first[3].is_object())
    return cant("the call has no arguments");
  return &first[3];
}

// Where the first argument is a list, each of its tensors has the others behind it, all the same.
void repeat_keywords(Json& call) {
  if (!call.is_array() || call.empty() || !call[0].is_array()) return;
  for (Json& item : call)
    if (item.is_array() && item.size() == 4 && call[0].size() == 4) item[3] = call[0][3];
}

// A literal in the place of the first argument, or in its list.
Json* first_literal(Json& call) {
  Json* found = nullptr;
  const auto look = [&](Json& item) {
    if (!item.is_array() || item.size() < 3 || item[0] != "_CONSTANT_VALUE") return true;
    if (found) return false;
    found = &item[2];
    return true;
  };
  if (!call.is_array() || call.empty()) return nullptr;
  if (!call[0].is_array()) return look(call) ? found : nullptr;
  for (Json& item : call)
    if (!look(item)) return nullptr;
  return found;
}

// Where a call of Keras 3 has an argument that was given by its place.
size_t position_of(const std::string& name) {
  return name == "x1" || name == "x" ? 0 : name == "x_max" ? 2 : 1;
}

Result<Json*> argument_of(Json& call, const std::string& name) {
  if (auto keywords = keywords_of(call); keywords.ok() && (*keywords)->contains(name))
    return &(**keywords)[name];
  if (call.is_array()) {
    Json* literal = first_literal(call);
    return literal ? Result(literal) : not_there(name);
  }
  const size_t position = position_of(name);
  if (!call.contains("args") || position >= call["args"].size() || call["args"][position].is_object())
    return not_there(name);
  return &call["args"][position];
}

struct Request {
  Editor& editor;
  const Place& place;
  const graph::Node& node;
  const graph::SetAttribute& edit;
  Json& arguments;

  // The argument by one of its names; one that is left out gets the first.
  Json* argument(std::initializer_list<const char*> names) const {
    for (const char* name : names)
      if (arguments.contains(name)) return &arguments[name];
    return &arguments[*names.begin()];
  }
  template <class T>
  T get(T otherwise) const {
    const T* held = edit.value ? std::get_if<T>(&*edit.value) : nullptr;
    return held ? *held : otherwise;
  }
};

// One number for each spatial axis, in the form that stands there: with those of batch and channels, or not.
Json spatial(const Json& now, const Ints& wanted) {
  Ints out = wanted;
  if (now.is_array() && now.size() == wanted.size() + 2) {
    out.insert(out.begin(), 1);
    out.push_back(1);
  }
  return out;
}

Ints spatial_at(const Json& arguments, std::initializer_list<const char*> names, size_t axes) {
  for (const char* name : names) {
    if (!arguments.contains(name)) continue;
    const Json& said = arguments[name];
    if (said.is_number_integer()) return Ints(axes, said.get<int64_t>());
    if (!said.is_array() || !std::ranges::all_of(said, [](const Json& v) { return v.is_number_integer(); }))
      continue;
    const auto all = said.get<Ints>();
    if (all.size() == 1) return Ints(axes, all[0]);
    if (all.size() == axes) return all;
    if (all.size() == axes + 2) return Ints(all.begin() + 1, all.end() - 1);
  }
  return Ints(axes, 1);
}

Status set_pads(const Request& r, const Ints& pads) {
  Json* padding = r.argument({"padding"});
  const size_t axes = pads.size() / 2;
  if (std::ranges::all_of(pads, [](int64_t p) { return p == 0; })) return *padding = "VALID", Status();
  const auto& shape = r.editor.view().value(r.node.inputs[0]).shape;
  if (r.node.type != "ConvTranspose" && shape && shape->size() == axes + 2) {
    Ints kernel = attribute_or(r.node, "kernel_shape", Ints{});
    if (r.node.type != "Conv") kernel = spatial_at(r.arguments, {"ksize", "window_shape"}, axes);
    const auto same = same_pads(Shape(shape->begin() + 2, shape->end()), kernel,
                                spatial_at(r.arguments, {"strides", "stride"}, axes),
                                spatial_at(r.arguments, {"dilations", "rate", "dilation_rate"}, axes));
    if (same && *same == pads) return *padding = "SAME", Status();
  }
  if (r.node.type != "Conv") return cant("pads of its own of a function that is no convolution");
  *padding = "VALID";
  return put_padding_before(r.editor, r.place, pads, true);
}

// "SAME" means other pads with another stride or dilation: those of the view stay.
Status set_geometry(const Request& r, std::initializer_list<const char*> names) {
  Json* said = r.argument(names);
  const auto kernel = attribute_or(r.node, "kernel_shape", Ints{});
  const Ints wanted = r.get(Ints(kernel.size(), 1));
  if (wanted.size() != kernel.size() || std::ranges::any_of(wanted, [](int64_t v) { return v < 1; }))
    return cant("numbers of at least 1, one for each axis");
  *said = spatial(*said, wanted);
  const auto pads = attribute_or(r.node, "pads", Ints{});
  const bool same = r.arguments.contains("padding") && r.arguments["padding"] == "SAME";
  return same && !pads.empty() ? set_pads(r, pads) : Status();
}

Status set_window(const Request& r) {
  if (r.node.type != "Conv" && r.node.type != "ConvTranspose")
    return set_geometry(r, {"ksize", "window_shape"});
  const bool same = r.get(Ints{}) == attribute_or(r.node, "kernel_shape", Ints{});
  return same ? Status() : cant("the kernel says its own size");
}

Status set_pads_row(const Request& r) {
  const auto kernel = attribute_or(r.node, "kernel_shape", Ints{});
  const auto pads = r.get(Ints(2 * kernel.size(), 0));
  return pads.size() == 2 * kernel.size() ? set_pads(r, pads) : cant("pads of another number of axes");
}

Status set_auto_pad(const Request& r) {
  Json* padding = r.argument({"padding"});
  const std::string wanted = r.get(std::string("NOTSET"));
  if (wanted == "SAME_LOWER") return cant("auto_pad " + wanted + " can't be said");
  return *padding = wanted == "SAME_UPPER" ? "SAME" : "VALID", Status();
}

Status set_whole(const Request& r, std::initializer_list<const char*> names, int64_t otherwise) {
  Json* said = r.argument(names);
  return *said = r.get(otherwise), Status();
}

Status set_number(const Request& r, std::initializer_list<const char*> names, float otherwise) {
  Json* said = r.argument(names);
  return *said = shortest(r.get(otherwise)), Status();
}

// An order of axes of the file is one of the view, as functions have no layout of their own.
Status set_perm(const Request& r) {
  Json* said = r.argument({"perm", "axes"});
  const auto order = r.get(Ints{});
  if (!is_order(order) || order.empty()) return cant("no order of axes");
  return *said = order, Status();
}

Status set_keepdims(const Request& r) {
  Json* said = r.argument({"keepdims", "keep_dims"});
  return *said = r.get(int64_t{1}) != 0, Status();
}

Status set_approximate(const Request& r) {
  Json* said = r.argument({"approximate"});
  return *said = r.get(std::string("none")) == "tanh", Status();
}

struct Row {
  const char* name;
  Status (*set)(const Request&);
};

constexpr Row rows[]{{"alpha",
                      [](const Request& r) {
                        return set_number(r, {"alpha", "negative_slope"}, 0.01f);
                      }},
                     {"approximate", set_approximate},
                     {"auto_pad", set_auto_pad},
                     {"axis",
                      [](const Request& r) {
                        return set_whole(r, {"axis", "dim"}, -1);
                      }},
                     {"blocksize", [](const Request& r) { return set_whole(r, {"block_size"}, 1); }},
                     {"dilations",
                      [](const Request& r) {
                        return set_geometry(r, {"dilations", "rate", "dilation_rate"});
                      }},
                     {"epsilon", [](const Request& r) { return set_number(r, {"variance_epsilon"}, 1e-5f); }},
                     {"keepdims", set_keepdims},
                     {"kernel_shape", set_window},
                     {"pads", set_pads_row},
                     {"perm", set_perm},
                     {"strides", [](const Request& r) {
                        return set_geometry(r, {"strides", "stride"});
                      }}};

// TensorFlow's functions that take each other's place with the same arguments.
using Family = std::vector<std::pair<const char*, const char*>>;  // ONNX's name and TensorFlow's

const std::vector<Family>& families() {
  static const std::vector<Family> all{{{"Add", "math.add"},
                                        {"Sub", "math.subtract"},
                                        {"Mul", "math.multiply"},
                                        {"Div", "math.divide"},
                                        {"Max", "math.maximum"},
                                        {"Min", "math.minimum"},
                                        {"Add", "__operators__.add"},
                                        {"Div", "math.truediv"}},
                                       {{"Relu", "nn.relu"},
                                        {"Sigmoid", "math.sigmoid"},
                                        {"Tanh", "math.tanh"},
                                        {"Elu", "nn.elu"},
                                        {"Selu", "nn.selu"},
                                        {"Softplus", "math.softplus"},
                                        {"Softsign", "nn.softsign"},
                                        {"Exp", "math.exp"},
                                        {"LeakyRelu", "nn.leaky_relu"},
                                        {"Gelu", "nn.gelu"}},
                                       {{"ReduceMean", "math.reduce_mean"},
                                        {"ReduceSum", "math.reduce_sum"},
                                        {"ReduceMax", "math.reduce_max"},
                                        {"ReduceMin", "math.reduce_min"},
                                        {"ReduceProd", "math.reduce_prod"}},
                                       {{"MaxPool", "nn.max_pool"}, {"AveragePool", "nn.avg_pool"}},
                                       {{"MaxPool", "nn.max_pool2d"}, {"AveragePool", "nn.avg_pool2d"}}};
  return all;
}

// The arguments that an activation function has of its own go and come with it.
Status settle_activation(Json& arguments, const graph::ChangeType& edit) {
  if (edit.type == "Gelu") return cant("its arguments are not told by the operator");
  arguments.erase("alpha");
  arguments.erase("approximate");
  if (edit.type == "LeakyRelu") arguments["alpha"] = shortest(attribute_or(edit.attributes, "alpha", 0.01f));
  return {};
}

}  // namespace

bool is_function(const Place& place) {
  const Layer& layer = *place.what;
  return layer.is_operation || layer.class_name == "TFOpLambda" || layer.class_name == "SlicingOpLambda";
}

Status set_argument(Editor& editor, const Place& place, const graph::Value& held, const Tensor& value) {
  if (!held.lens) return cant("it is no argument");
  const std::string& name = held.lens->attribute;
  FETAFIX_TRY(Json * call, call_of(editor, place));
  FETAFIX_TRY(Json * said, argument_of(*call, name));
  FETAFIX_TRY(Tensor native, graph::to_native(value, *held.lens, held.constant.shape()));
  if (said->is_number() && native.size() == 1) native = native.reshaped({});
  FETAFIX_TRY(*said, literal_of(native));
  repeat_keywords(*call);
  return {};
}

Status set_function_attribute(Editor& editor, const Place& place, const graph::Node& node,
                              const graph::SetAttribute& edit) {
  // A function of Keras 3 may have its arguments among its settings.
  if (place.what->is_operation) return cant("a function of keras.ops has no attribute that can be set");
  FETAFIX_TRY(Json * call, call_of(editor, place));
  FETAFIX_TRY(Json * arguments, keywords_of(*call));
  for (const Row& row : rows)
    if (edit.name == row.name) {
      FETAFIX_CHECK(row.set({editor, place, node, edit, *arguments}));
      // What was put in front of the layer may have moved its entry.
      FETAFIX_TRY(call, call_of(editor, place));
      repeat_keywords(*call);
      return {};
    }
  return cant("attribute '" + edit.name + "' of " + node.type + " is no argument of the function");
}

Status change_function(Editor& editor, const Place& place, const graph::Node& node,
                       const graph::ChangeType& edit) {
  if (place.what->class_name != "TFOpLambda") return cant("a function of keras.ops stays what it is");
  FETAFIX_TRY(Json * settings, editor.settings(place));
  FETAFIX_TRY(Json * call, call_of(editor, place));
  FETAFIX_TRY(Json * arguments, keywords_of(*call));
  const std::string now = text_of(*settings, "function");
  for (const Family& family : families()) {
    if (std::ranges::none_of(family, [&](const auto& one) { return now == one.second; })) continue;
    const auto wanted = std::ranges::find(family, edit.type, [](const auto& one) { return one.first; });
    if (wanted == family.end()) break;
    if (wanted->first != node.type && family.front().first == std::string("Relu"))
      FETAFIX_CHECK(settle_activation(*arguments, edit));
    (*settings)["function"] = wanted->second;
    return {};
  }
  return cant("no function like tf." + now + " is a " + edit.type);
}

Result<Json> literal_of(const Tensor& value) {
  if (value.rank() == 0) {
    if (value.dtype() == DType::boolean) return Json((*to_int64s(value))[0] != 0);
    if (!is_floating(value.dtype())) return Json((*to_int64s(value))[0]);
    FETAFIX_TRY(const Tensor one, cast(value, DType::float32));
    return Json(shortest(one.as<float>()[0]));
  }
  // Row by row: the innermost lists first, then lists of these.
  const bool floats = is_floating(value.dtype());
  FETAFIX_TRY(const Tensor numbers, cast(value, floats ? DType::float32 : DType::int64));
  std::vector<Json> level;
  level.reserve(static_cast<size_t>(value.size()));
  for (size_t i = 0; i < static_cast<size_t>(value.size()); ++i)
    level.push_back(floats ? Json(shortest(numbers.as<float>()[i])) : Json(numbers.as<int64_t>()[i]));
  for (size_t axis = value.shape().size(); axis-- > 0;) {
    const auto length = static_cast<size_t>(value.shape()[axis]);
    std::vector<Json> lists;
    for (size_t i = 0; length > 0 && i < level.size(); i += length)
      lists.emplace_back(Json::array_t(level.begin() + static_cast<std::ptrdiff_t>(i),
                                       level.begin() + static_cast<std::ptrdiff_t>(i + length)));
    level = std::move(lists);
  }
  if (level.size() != 1) return cant("a tensor without elements");
  return std::move(level[0]);
}

}  // namespace fetafix::formats::keras
