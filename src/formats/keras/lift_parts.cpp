// Functions that take tensors apart and put them together: slices, splits, stacks, gathers, pads.
#include <algorithm>
#include <limits>
#include <numeric>

#include "formats/keras/functions.h"

namespace fetafix::formats::keras {
namespace {

constexpr int64_t to_the_end = std::numeric_limits<int64_t>::max();
constexpr int64_t most_parts = 1000;

// What one axis of the result is: a range or one index of an axis of the operand, or new.
struct Pick {
  enum Kind { range, index, added, rest } kind = range;
  std::optional<int64_t> start, stop;  // nullopt: from or to the end
  int64_t step = 1;
};

struct Sliced {
  std::vector<int64_t> starts, ends, axes, steps, dropped, added;
};

// A whole number or null; false: something else.
bool read(const Json& value, std::optional<int64_t>& out) {
  if (value.is_null()) return true;
  if (!value.is_number_integer() || std::abs(value.get<int64_t>()) > int64_t{1} << 32) return false;
  out = value.get<int64_t>();
  return true;
}

// {"start", "stop", "step"} of Keras 2, {"class_name": "__slice__", "config": {...}} of Keras 3, a number,
// null for a new axis, "..." for all that is left.
std::optional<Pick> pick_of(const Json& entry) {
  Pick out;
  if (entry.is_null()) {
    out.kind = Pick::added;
    return out;
  }
  if (entry.is_number_integer()) {
    out.kind = Pick::index;
    return read(entry, out.start) ? std::optional(out) : std::nullopt;
  }
  if (text_of(entry, "class_name") == "__ellipsis__") {
    out.kind = Pick::rest;
    return out;
  }
  const Json& said = text_of(entry, "class_name") == "__slice__" ? member(entry, "config") : entry;
  if (!said.is_object() || !said.contains("start") || !said.contains("stop")) return std::nullopt;
  std::optional<int64_t> step;
  if (!read(said["start"], out.start) || !read(said["stop"], out.stop) ||
      (said.contains("step") && !read(said["step"], step)) || step == 0)
    return std::nullopt;
  out.step = step.value_or(1);
  return out;
}

// In the operand's axes; nullopt: its rank is needed and not known.
std::optional<Sliced> resolved(const std::vector<Pick>& picks, int rank) {
  Sliced out;
  const auto taken = std::ranges::count_if(
      picks, [](const Pick& p) { return p.kind == Pick::range || p.kind == Pick::index; });
  if (rank >= 0 && taken > rank) return std::nullopt;
  int64_t axis = 0, place = 0;
  for (const Pick& pick : picks) {
    if (pick.kind == Pick::rest) {
      if (rank < 0) return std::nullopt;
      axis += rank - taken;
      place += rank - taken;
    } else if (pick.kind == Pick::added) {
      out.added.push_back(place++);
    } else {
      const bool one = pick.kind == Pick::index;
      const bool all = !one && !pick.start && !pick.stop && pick.step == 1;
      if (!all) {
        const int64_t start = pick.start.value_or(pick.step > 0 ? 0 : to_the_end);
        const int64_t last = pick.step > 0 ? to_the_end : std::numeric_limits<int64_t>::min();
        out.starts.push_back(start);
        out.ends.push_back(one ? (start == -1 ? to_the_end : start + 1) : pick.stop.value_or(last));
        out.axes.push_back(axis);
        out.steps.push_back(pick.step);
      }
      if (one)
        out.dropped.push_back(axis);
      else
        ++place;
      ++axis;
    }
  }
  return out;
}

Status slice(Operation& op, const std::vector<Pick>& picks) {
  FETAFIX_TRY(Operand x, op.in(0));
  const auto rests = std::ranges::count_if(picks, [](const Pick& p) { return p.kind == Pick::rest; });
  const auto s = resolved(picks, op.rank(x));
  if (!s || rests > 1 || op.operands() != 1) return Operation::unsupported("its indices are not known");
  const auto numbers = [&](const char* name, const std::vector<int64_t>& values) {
    return op.constant(name, Tensor::vector(values));
  };
  if (s->axes.empty())
    x = op.node("Identity", {x});
  else
    x = op.node("Slice", {x, numbers("starts", s->starts), numbers("ends", s->ends), numbers("axes", s->axes),
                          numbers("steps", s->steps)});
  if (!s->dropped.empty()) x = op.node("Squeeze", {x, numbers("dropped", s->dropped)}, {}, Role::bridge);
  if (!s->added.empty()) x = op.node("Unsqueeze", {x, numbers("added", s->added)}, {}, Role::bridge);
  return op.out(x);
}

bool bit(int64_t mask, size_t place) {
  return place < 32 && (mask >> place & 1) != 0;
}

// Sizes of the parts along an axis; nullopt: not known.
std::optional<std::vector<int64_t>> part_sizes(const Operation& op, const std::string& parts, int64_t whole) {
  const Json& said = literal_of(op, 1, parts);
  auto sizes = integers_at(op, 1, parts);
  if (!sizes) return std::nullopt;
  if (said.is_number()) {
    const int64_t count = (*sizes)[0];
    if (count < 1 || count > most_parts || whole < 0 || whole % count != 0) return std::nullopt;
    return std::vector<int64_t>(static_cast<size_t>(count), whole / count);
  }
  if (parts == "indices_or_sections") {  // where numpy cuts
    if (whole < 0) return std::nullopt;
    sizes->push_back(whole);
    std::adjacent_difference(sizes->begin(), sizes->end(), sizes->begin());
  }
  const auto open = std::ranges::find(*sizes, -1);
  if (open != sizes->end())
    *open = whole < 0 ? -1 : whole - std::accumulate(sizes->begin(), sizes->end(), int64_t{1});
  const bool fit = std::ranges::all_of(*sizes, [](int64_t s) { return s >= 0; }) &&
                   static_cast<int64_t>(sizes->size()) <= most_parts &&
                   (whole < 0 || std::accumulate(sizes->begin(), sizes->end(), int64_t{0}) == whole);
  return fit ? sizes : std::nullopt;
}

// From the front; nullopt: the operand's rank is not known, or it has no such axis.
std::optional<int64_t> from_front(const Operation& op, const Operand& x, std::optional<int64_t> axis) {
  const int rank = op.rank(x);
  if (!axis || rank < 1) return std::nullopt;
  const int64_t out = *axis + (*axis < 0 ? rank : 0);
  return out >= 0 && out < rank ? std::optional(out) : std::nullopt;
}

std::vector<Operand> cut(Operation& op, const Operand& x, int64_t axis, const std::string& name,
                         const std::vector<int64_t>& sizes) {
  const auto parts = op.nodes("Split", {x, op.constant(name, Tensor::vector(sizes))}, {{"axis", axis}},
                              static_cast<int>(sizes.size()));
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape shape = *op.shape(x);
    shape[static_cast<size_t>(axis)] = sizes[i];
    op.know_shape(parts[i], shape);
  }
  return parts;
}

Status give_all(Operation& op, const std::vector<Operand>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) FETAFIX_CHECK(op.out(i, parts[i]));
  return {};
}

}  // namespace

Status lift_indexing(Operation& op, size_t position, const std::string& indices) {
  const Json& said = literal_of(op, position, indices);
  const Json& items =
      text_of(said, "class_name") == "__tuple__" ? member(member(said, "config"), "items") : said;
  std::vector<Pick> picks;
  for (const Json& item : items.is_array() ? items : Json::array({items})) {
    const auto pick = pick_of(item);
    if (!pick) return Operation::unsupported("its indices are not made of numbers");
    picks.push_back(*pick);
  }
  return slice(op, picks);
}

Status lift_strided_slice(Operation& op) {
  const auto begin = integers_at(op, 1, "begin"), end = integers_at(op, 2, "end");
  if (!begin || !end || begin->size() != end->size()) return Operation::unsupported("its ends are not known");
  auto strides = integers_at(op, 3, "strides");
  if (is_default(op, 3, "strides", Json())) strides = std::vector<int64_t>(begin->size(), 1);
  const auto mask = [&](const char* name) { return integer_at(op, 4, name, 0).value_or(0); };
  if (!strides || strides->size() != begin->size() || std::ranges::count(*strides, 0) > 0)
    return Operation::unsupported("its steps are not known");
  std::vector<Pick> picks(begin->size());
  for (size_t i = 0; i < picks.size(); ++i) {
    Pick& pick = picks[i];
    pick.step = (*strides)[i];
    if (!bit(mask("begin_mask"), i)) pick.start = (*begin)[i];
    if (!bit(mask("end_mask"), i)) pick.stop = (*end)[i];
    if (bit(mask("ellipsis_mask"), i))
      pick.kind = Pick::rest;
    else if (bit(mask("new_axis_mask"), i))
      pick.kind = Pick::added;
    else if (bit(mask("shrink_axis_mask"), i))
      pick = {Pick::index, (*begin)[i], {}, 1};
  }
  return slice(op, picks);
}

Status lift_slice_function(Operation& op) {
  const auto begin = integers_at(op, 1, "begin"), size = integers_at(op, 2, "size");
  if (!begin || !size || begin->size() != size->size())
    return Operation::unsupported("its ends are not known");
  std::vector<Pick> picks(begin->size());
  for (size_t i = 0; i < picks.size(); ++i) {
    if ((*begin)[i] != 0) picks[i].start = (*begin)[i];
    if ((*size)[i] >= 0) picks[i].stop = (*begin)[i] + (*size)[i];
  }
  return slice(op, picks);
}

Status lift_reverse(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axes = integers_at(op, 1, "axis");
  if (!axes || op.rank(x) < 0) return Operation::unsupported("its axes are not known");
  std::vector<Pick> picks(static_cast<size_t>(op.rank(x)));
  for (int64_t axis : *axes) {
    const auto front = from_front(op, x, axis);
    if (!front) return Operation::unsupported("it has no axis " + std::to_string(axis));
    picks[static_cast<size_t>(*front)].step = -1;
  }
  return slice(op, picks);
}

Status lift_split_function(Operation& op, const std::string& parts) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = from_front(op, x, integer_at(op, 2, "axis", 0));
  if (!axis || op.operands() != 1) return Operation::unsupported("its axis is not known");
  const auto sizes = part_sizes(op, parts, (*op.shape(x))[static_cast<size_t>(*axis)]);
  if (!sizes) return Operation::unsupported("the sizes of its parts are not known");
  return give_all(op, cut(op, x, *axis, parts, *sizes));
}

Status lift_stack(Operation& op, const std::string& values) {
  FETAFIX_TRY(auto operands, operands_at(op, 0, values));
  const auto axis = integer_at(op, 1, "axis", 0);
  if (!axis) return Operation::unsupported("its axis is not known");
  const Operand at = op.constant("axis", Tensor::vector(std::vector<int64_t>{*axis}));
  for (Operand& one : operands) one = op.node("Unsqueeze", {one, at}, {}, Role::bridge);
  return op.out(op.node("Concat", operands, {{"axis", *axis}}));
}

Status lift_unstack(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = from_front(op, x, integer_at(op, 2, "axis", 0));
  const int64_t count = axis ? (*op.shape(x))[static_cast<size_t>(*axis)] : -1;
  if (count < 1 || count > most_parts) return Operation::unsupported("its axis or size is not known");
  auto parts = cut(op, x, *axis, "num", std::vector<int64_t>(static_cast<size_t>(count), 1));
  const Operand at = op.constant("axis", Tensor::vector(std::vector<int64_t>{*axis}));
  for (Operand& part : parts) part = op.node("Squeeze", {part, at}, {}, Role::bridge);
  return give_all(op, parts);
}

Status lift_new_axis(Operation& op, const std::string& axis) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto at = integers_at(op, 1, axis);
  if (!at || at->size() != 1) return Operation::unsupported("its axis is not known");
  return op.out(op.node("Unsqueeze", {x, op.constant(axis, Tensor::vector(*at))}));
}

// Without axes, all that are of size 1.
Status lift_squeeze(Operation& op, const std::string& axis) {
  FETAFIX_TRY(const Operand x, op.in(0));
  auto axes = integers_at(op, 1, axis);
  const Json& said = literal_of(op, 1, axis);
  if (said.is_null() || said == Json::array()) {
    const auto shape = op.shape(x);
    if (!shape || std::ranges::count(*shape, -1) > 0)
      return Operation::unsupported("its sizes are not known");
    axes.emplace();
    for (size_t i = 0; i < shape->size(); ++i)
      if ((*shape)[i] == 1) axes->push_back(static_cast<int64_t>(i));
    if (axes->empty()) return op.out(op.node("Identity", {x}));
  }
  if (!axes) return Operation::unsupported("its axes are not known");
  return op.out(op.node("Squeeze", {x, op.constant(axis, Tensor::vector(*axes))}));
}

Status lift_tile(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto times = integers_at(op, 1, "multiples");
  if (!times || op.operands() != 1) return Operation::unsupported("how often is not known");
  return op.out(op.node("Tile", {x, op.constant("multiples", Tensor::vector(*times))}));
}

Status lift_broadcast(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  auto shape = integers_at(op, 1, "shape");
  if (!shape || op.operands() != 1) return Operation::unsupported("its shape is not known");
  for (int64_t& size : *shape) size = size == -1 ? 1 : size;  // -1: as it is
  return op.out(op.node("Expand", {x, op.constant("shape", Tensor::vector(*shape))}));
}

Status lift_gather(Operation& op) {
  if (integer_at(op, 4, "batch_dims", 0) != 0) return Operation::unsupported("it gathers within batches");
  const auto axis = integer_at(op, 3, "axis", 0);
  FETAFIX_TRY(const Operand x, operand_at(op, 0, "params"));
  if (!axis || op.rank(x) < 0) return Operation::unsupported("its axis is not known");
  if (const auto indices = op.tensor(1, "indices"))
    return op.out(op.node("Gather", {x, *indices}, {{"axis", *axis}}));
  const auto indices = literal_tensor(literal_of(op, 1, "indices"));
  if (!indices || indices->dtype() != DType::int64)
    return Operation::unsupported("its indices are not known");
  return op.out(op.node("Gather", {x, op.constant("indices", *indices)}, {{"axis", *axis}}));
}

// [[before, after], ...] for every axis; ONNX has all befores first.
Status lift_pad_function(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto pairs = literal_tensor(literal_of(op, 1, "paddings"));
  const std::string mode = lower_case(text_at(op, 2, "mode", "CONSTANT"));
  const auto value = number_at(op, 3, "constant_values", 0.f);
  if (!pairs || pairs->dtype() != DType::int64 || pairs->rank() != 2 || pairs->shape()[1] != 2)
    return Operation::unsupported("its pads are not known");
  if (!value || (mode != "constant" && mode != "reflect") || op.operands() != 1)
    return Operation::unsupported("it pads in mode '" + mode + "'");
  const Operand pads = op.constant("paddings", *pairs, {1, 0}, {pairs->size()});
  std::vector<Operand> operands{x, pads};
  if (*value != 0.f) operands.push_back(op.constant("constant_values", *value));
  return op.out(op.node("Pad", operands, mode == "constant" ? Attributes{} : Attributes{{"mode", mode}}));
}

}  // namespace fetafix::formats::keras
