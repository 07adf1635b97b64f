// What a TorchScript program's operators say of their tensors: how many dimensions, and of which type. The
// text says neither; sizes are left to the view.
#include <algorithm>
#include <map>

#include "formats/torch/script_run.h"

namespace fetafix::formats::torch {
namespace {

using Value = ScriptValue;

std::string base_name(const std::string& target) {
  const std::string name = target.substr(5, target.find('.', 5) - 5);
  return name.size() > 1 && name.back() == '_' && name[name.size() - 2] != '_'
             ? name.substr(0, name.size() - 1)
             : name;
}

const Value* value_at(const BoundCall& call, std::string_view name) {
  for (size_t i = 0; i < call.values.size(); ++i)
    if (call.schema.arguments[i].name == name)
      return call.values[i] && !call.values[i]->is(ValueKind::none) ? call.values[i] : nullptr;
  return nullptr;
}

int64_t integer_at(const BoundCall& call, std::string_view name, int64_t otherwise) {
  const Value* value = value_at(call, name);
  return value && (value->is(ValueKind::integer) || value->is(ValueKind::boolean)) ? value->integer
                                                                                   : otherwise;
}

// How many numbers a list has; -1: not known. One that stands for a list is one.
int length_at(const BoundCall& call, std::string_view name) {
  const Value* value = value_at(call, name);
  if (!value) return -1;
  if (value->items) return static_cast<int>(value->items->size());
  return value->is(ValueKind::integer) ? 1 : -1;
}

bool has(const std::set<std::string>& names, const std::string& name) {
  return names.contains(name);
}

// Whether the result has as many channels as the operand, whatever its number of dimensions; of arithmetic
// with numbers that are stored.
bool keeps_channels(const std::string& name, const BoundCall& call) {
  const int pads = length_at(call, "pad");
  if (name == "pad" || name == "constant_pad_nd") return pads >= 0 && pads <= 4;
  return has({"add", "sub", "mul", "div", "clone", "contiguous", "dropout", "to", "reflection_pad2d",
              "replication_pad2d"},
             name);
}

// Operators whose input has a fixed number of dimensions; a batch is taken to be there.
int fixed_rank(const std::string& name) {
  if (name.find("2d") != std::string::npos || name == "pixel_shuffle" || name == "pixel_unshuffle" ||
      name == "channel_shuffle")
    return name.find("pad") == std::string::npos ? 4 : -1;
  if (name.find("1d") != std::string::npos && name.find("pad") == std::string::npos) return 3;
  if (name.find("3d") != std::string::npos && name.find("pad") == std::string::npos) return 5;
  if (name == "lstm" || name == "gru" || name == "rnn_tanh" || name == "rnn_relu" || name == "bmm" ||
      name == "baddbmm" || name == "_native_multi_head_attention" || name == "_transformer_encoder_layer_fwd")
    return 3;
  return -1;
}

}  // namespace

TensorType ScriptRun::type_of(const Value& value) const {
  if (value.is(ValueKind::tensor))
    if (const auto found = out_.types.find(value.text); found != out_.types.end()) return found->second;
  TensorType out;
  out.rank = std::make_shared<Rank>();
  if (value.is_tensor) {
    out.rank->count = 0;
    out.dtype = value.is(ValueKind::real) ? DType::float32 : DType::int64;
  }
  return out;
}

// An operator tells something of its operands too.
void ScriptRun::learn(const BoundCall& call) {
  const std::string name = base_name(call.schema.target);
  const Value* input = value_at(call, "input");
  if (!input) input = value_at(call, "self");
  if (name == "embedding") {
    const Value* indices = value_at(call, "indices");
    if (indices && indices->is(ValueKind::tensor) && out_.types[indices->text].dtype == DType::float32)
      for (const ScriptInput& one : out_.inputs)
        if (one.name == indices->text && one.target.empty()) integers_.insert(one.name);
  }
  if (!input || !input->is(ValueKind::tensor)) return;
  Rank& rank = *out_.types[input->text].rank;
  const Value* weight = value_at(call, "weight");
  const bool convolution = name.find("conv") != std::string::npos && weight;
  int wanted = name == "permute" ? length_at(call, "dims") : fixed_rank(name);
  if (convolution) {
    const Rank& kernel = *type_of(*weight).rank;
    wanted = kernel.count;
    const auto before = channels_of_.find(input->text);
    const std::string source = before == channels_of_.end() ? input->text : before->second.first;
    const size_t axis = before == channels_of_.end() ? 1 : before->second.second.value_or(1);
    const auto is_user = [&](const ScriptInput& one) { return one.name == source && one.target.empty(); };
    if (kernel.sizes.size() > 2 && rank.sizes.empty() && std::ranges::any_of(out_.inputs, is_user)) {
      const bool backwards = name.find("transpose") != std::string::npos || integer_at(call, "transposed", 0);
      Shape& sizes = out_.input_sizes[source];
      sizes.assign(kernel.sizes.size(), -1);
      if (axis < sizes.size())
        sizes[axis] = backwards ? kernel.sizes[0] : kernel.sizes[1] * integer_at(call, "groups", 1);
    }
  }
  if (rank.count < 0 && wanted > 0) rank.count = wanted;
  if (rank.count > 0 && rank.sizes.empty()) learn_last(call, *input, name);
}

void ScriptRun::learn_channels(const BoundCall& call, const std::string& result) {
  const Value* input = value_at(call, "input");
  if (!input) input = value_at(call, "self");
  if (!input || !input->is(ValueKind::tensor)) return;
  const std::string name = base_name(call.schema.target);
  const Value *other = value_at(call, "other"), *dims = value_at(call, "dims");
  std::optional<size_t> from;  // the operand's dimension that becomes the channels
  if (name == "permute" && dims && dims->items && dims->items->size() > 1 && (*dims->items)[1].integer >= 0)
    from = static_cast<size_t>((*dims->items)[1].integer);
  else if (!keeps_channels(name, call) ||
           (other && other->is(ValueKind::tensor) && !stored_.contains(other->text)))
    return;
  const auto before = channels_of_.find(input->text);
  if (before == channels_of_.end())
    channels_of_[result] = {input->text, from};
  else if (!before->second.second)
    channels_of_[result] = {before->second.first, from};
  else if (!from || *from == 1)
    channels_of_[result] = before->second;
}

// What weights say of the last dimension of a user's input.
void ScriptRun::learn_last(const BoundCall& call, const Value& input, const std::string& name) {
  const auto is_user = [&](const ScriptInput& one) { return one.name == input.text && one.target.empty(); };
  if (std::ranges::none_of(out_.inputs, is_user)) return;
  const Value* weight = value_at(call, "weight");
  const Value* params = value_at(call, "params");
  const bool recurrent = name == "lstm" || name == "gru" || name.starts_with("rnn_");
  if (recurrent && params && params->items && !params->items->empty())
    weight = &(*params->items)[0];
  else if (name != "linear")
    return;
  if (!weight) return;
  const Rank matrix = *type_of(*weight).rank;
  if (matrix.sizes.size() != 2) return;
  Shape& sizes = out_.input_sizes[input.text];
  sizes.assign(static_cast<size_t>(out_.types[input.text].rank->count), -1);
  sizes.back() = matrix.sizes[1];
}

size_t ScriptRun::results_of(const BoundCall& call) const {
  if (wanted_ > 0) return wanted_;
  const std::string name = base_name(call.schema.target);
  const int listed = std::max(length_at(call, "split_sizes"), length_at(call, "split_size"));
  if (name.starts_with("split") && listed > 0 && !value_at(call, "split_size"))
    return static_cast<size_t>(listed);
  if (name == "split" && value_at(call, "split_size") && value_at(call, "split_size")->items)
    return static_cast<size_t>(listed);
  if (name == "chunk")
    return static_cast<size_t>(std::clamp<int64_t>(integer_at(call, "chunks", 0), 0, 10'000));
  const Value* self = value_at(call, "self");
  if (name == "unbind" && self) {
    const Rank& rank = *type_of(*self).rank;
    const int64_t dim = integer_at(call, "dim", 0), axis = dim < 0 ? dim + rank.count : dim;
    if (axis >= 0 && static_cast<size_t>(axis) < rank.sizes.size() &&
        rank.sizes[static_cast<size_t>(axis)] > 0)
      return static_cast<size_t>(std::min<int64_t>(rank.sizes[static_cast<size_t>(axis)], 10'000));
  }
  return 0;
}

namespace {

// The number of dimensions of a result, from that of the first tensor; -1: not known, -2: the same.
int result_rank(const std::string& name, const BoundCall& call, int rank, int other) {
  static const std::set<std::string> by_size{"view", "reshape", "expand",       "zeros",       "ones",
                                             "full", "empty",   "new_zeros",    "new_ones",    "new_full",
                                             "rand", "randn",   "_unsafe_view", "broadcast_to"};
  static const std::set<std::string> reductions{
      "mean",  "sum", "prod", "amax",      "amin", "max",    "min",    "var",
      "std",   "all", "any",  "logsumexp", "norm", "argmax", "argmin", "linalg_vector_norm",
      "median"};
  const auto known = [&](int value) { return rank < 0 ? -1 : value; };
  const int fixed = fixed_rank(name);
  if (has(by_size, name)) return std::max(length_at(call, "size"), length_at(call, "shape"));
  if (name == "scalar_tensor" || name == "tensor") return 0;
  if (name == "arange" || name == "linspace") return 1;
  if (name == "unsqueeze" || name == "stack" || name == "one_hot") return known(rank + 1);
  if (name == "select" || name == "unbind") return known(rank - 1);
  if (name == "squeeze") {
    const int axes = length_at(call, "dim");
    return axes < 0 ? -1 : known(std::max(rank - axes, 0));
  }
  if (name == "flatten") {
    const int64_t start = integer_at(call, "start_dim", 0), end = integer_at(call, "end_dim", -1);
    const int64_t first = start < 0 ? start + rank : start, last = end < 0 ? end + rank : end;
    return known(static_cast<int>(std::max<int64_t>(rank - std::max<int64_t>(last - first, 0), 1)));
  }
  if (name == "unflatten") return known(rank - 1 + std::max(length_at(call, "sizes"), 1));
  if (name == "matmul") {
    if (rank < 0 || other < 0) return -1;
    return rank == 1 || other == 1 ? std::max(rank, other) - 1 : std::max(rank, other);
  }
  if (name == "mm" || name == "addmm" || name == "outer") return 2;
  if (name == "mv") return 1;
  if (name == "einsum" || name == "index" || name == "item") return -1;
  if (name == "repeat") return length_at(call, "repeats");
  if (name == "tile") return known(std::max(rank, length_at(call, "dims")));
  if (name.starts_with("new_") || fixed > 0) return fixed;
  const bool along =
      std::ranges::any_of(call.schema.arguments, [](const SchemaArgument& one) { return one.name == "dim"; });
  if (!has(reductions, name) || call.schema.target.ends_with(".other")) return -2;
  if (!along || !value_at(call, "dim")) return integer_at(call, "keepdim", 0) ? rank : 0;
  if (integer_at(call, "keepdim", 0)) return -2;
  const int axes = length_at(call, "dim");
  return axes == 0 ? 0 : known(std::max(rank - axes, 0));
}

bool gives_booleans(const std::string& name) {
  return has({"eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "logical_xor",
              "isnan", "isinf", "isfinite", "all", "any"},
             name);
}

DType made_type(const std::string& name, const BoundCall& call) {
  const Value* fill = value_at(call, "fill_value");
  for (const char* bound : {"end", "start", "step"}) {
    const Value* value = value_at(call, bound);
    if (name == "arange" && value && value->is(ValueKind::real)) return DType::float32;
  }
  if (name == "arange") return DType::int64;
  if (name == "full" && fill && fill->is(ValueKind::integer)) return DType::int64;
  if (name == "full" && fill && fill->is(ValueKind::boolean)) return DType::boolean;
  const Value* data = value_at(call, "t");
  if (name == "tensor" && data && data->is(ValueKind::integer)) return DType::int64;
  if (name == "tensor" && data && data->is(ValueKind::boolean)) return DType::boolean;
  return DType::float32;
}

bool divides(const std::string& name, const BoundCall& call) {
  return (name == "div" || name == "true_divide") && !value_at(call, "rounding_mode");
}

}  // namespace

std::vector<TensorType> ScriptRun::types_of(const BoundCall& call, size_t results) {
  const std::string name = base_name(call.schema.target);
  std::vector<const Value*> tensors;
  for (const Value* value : call.values) {
    if (!value) continue;
    if (value->is(ValueKind::tensor) || value->is_tensor) tensors.push_back(value);
    if (value->items)
      for (const Value& item : *value->items)
        if (item.is(ValueKind::tensor)) tensors.push_back(&item);
  }
  if (name == "embedding" && tensors.size() > 1) std::swap(tensors[0], tensors[1]);
  const TensorType none{DType::unknown, std::make_shared<Rank>()};
  const TensorType first = tensors.empty() ? none : type_of(*tensors[0]);
  const TensorType second = tensors.size() < 2 ? none : type_of(*tensors[1]);
  TensorType out = first;
  // Elementwise operators of several tensors have the most dimensions of them.
  static const std::set<std::string> broadcasting{
      "add",         "sub",         "mul",         "div",         "rsub",         "pow",       "maximum",
      "minimum",     "max",         "min",         "eq",          "ne",           "lt",        "le",
      "gt",          "ge",          "where",       "true_divide", "floor_divide", "remainder", "fmod",
      "logical_and", "logical_or",  "logical_xor", "masked_fill", "atan2",        "lerp",      "addcmul",
      "addcdiv",     "bitwise_and", "bitwise_or"};
  if (has(broadcasting, name)) {
    for (const Value* value : tensors) {
      const TensorType one = type_of(*value);
      if (out.rank->count >= 0 && (one.rank->count < 0 || one.rank->count > out.rank->count))
        out.rank = one.rank;
      const bool wider = is_floating(one.dtype) && !is_floating(out.dtype) && one.dtype != DType::unknown;
      if (wider || (name == "where" && out.dtype == DType::boolean)) out.dtype = one.dtype;
    }
    const bool real = std::ranges::any_of(call.values, [](const Value* value) {
      return value && value->is(ValueKind::real) && !value->is_tensor;
    });
    if ((real || divides(name, call)) && !is_floating(out.dtype)) out.dtype = DType::float32;
  }
  const int rank = result_rank(name, call, first.rank->count, second.rank->count);
  const bool same_sizes = out.rank->sizes.empty();
  if (rank != -2 || !same_sizes) {
    const int count =
        rank == -2 ? (name == "embedding" && out.rank->count >= 0 ? out.rank->count + 1 : out.rank->count)
                   : rank;
    out.rank = std::make_shared<Rank>(Rank{count, {}});
  } else if (name == "embedding") {
    const int count = out.rank->count;
    out.rank = std::make_shared<Rank>(Rank{count < 0 ? -1 : count + 1, {}});
  }
  if (name == "embedding") out.dtype = second.dtype;
  if (tensors.empty()) out.dtype = made_type(name, call);
  if (gives_booleans(name)) out.dtype = DType::boolean;
  if (name == "argmax" || name == "argmin") out.dtype = DType::int64;
  if (name == "type_as" || call.schema.target == "aten.to.other") out.dtype = second.dtype;
  if (const Value* dtype = value_at(call, "dtype"); dtype && dtype->is(ValueKind::integer))
    out.dtype = script_type(dtype->integer);
  std::vector<TensorType> all(results, out);
  const bool places = name == "topk" || name == "sort" || name == "max" || name == "min" ||
                      name.find("with_indices") != std::string::npos;
  if (places && results == 2) all[1].dtype = DType::int64;
  return all;
}

}  // namespace fetafix::formats::torch
