// The values of a pickle: how many there may be, and what is true of all of them once they are read.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "formats/torch/pickle_machine.h"

namespace fetafix::formats::torch {
namespace {

// A module of a network has some fifteen values for each weight.
constexpr size_t most_values = size_t{1} << 20;
constexpr uint64_t most_memory = uint64_t{128} << 20;  // of what is more than the file's own bytes
constexpr int most_depth = 200;
constexpr uint64_t largest_walk = uint64_t{1} << 24;  // values, each as often as it is reached; bytes in 16s

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// How deep a value goes and what a walk through it costs, when all below is known.
struct Extent {
  int depth = 1;
  uint64_t cost = 1;
};

class Check {
 public:
  // Each value once, what it holds before itself; no recursion, for depth is what is to be found out.
  Status run(const PickleValue& root) {
    FETAFIX_CHECK(enter(root));
    while (!open_.empty()) {
      auto& [value, next] = open_.back();
      const PickleValue* child = next < value->items.size()    ? value->items[next]
                                 : next == value->items.size() ? value->state
                                                               : nullptr;
      if (next++ > value->items.size()) {
        FETAFIX_CHECK(leave());
      } else if (child && !done_.contains(child)) {
        FETAFIX_CHECK(enter(*child));
      }
    }
    return {};
  }

 private:
  Status enter(const PickleValue& value) {
    if (!on_the_way_.insert(&value).second)
      return broken(std::string(kind_name(value.kind)) + " contains itself");
    if (open_.size() >= most_depth)
      return broken("containers lie more than " + std::to_string(most_depth) + " deep");
    open_.emplace_back(&value, 0);
    return {};
  }
  Status leave() {
    const PickleValue& value = *open_.back().first;
    open_.pop_back();
    on_the_way_.erase(&value);
    if (value.is(PickleKind::dict)) FETAFIX_CHECK(check_keys(value));
    Extent extent;
    extent.cost += (value.text.size() + value.type_tag.size()) / 16;
    const auto add = [&](const PickleValue* child) {
      const Extent& below = done_.at(child);
      extent.depth = std::max(extent.depth, below.depth + 1);
      extent.cost = std::min(extent.cost + below.cost, largest_walk + 1);
    };
    for (const PickleValue* item : value.items) add(item);
    if (value.state) add(value.state);
    if (extent.depth > most_depth)
      return broken("containers lie more than " + std::to_string(most_depth) + " deep");
    if (extent.cost > largest_walk)
      return broken("values are shared so often that written out they are more than " +
                    std::to_string(largest_walk));
    done_.emplace(&value, extent);
    return {};
  }
  static Status check_keys(const PickleValue& dict) {
    for (size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue& key = *dict.items[i];
      if (key.is(PickleKind::list) || key.is(PickleKind::dict) || key.is(PickleKind::set))
        return broken("a key of a dict is " + std::string(kind_name(key.kind)));
    }
    return {};
  }

  std::vector<std::pair<const PickleValue*, size_t>> open_;
  std::set<const PickleValue*> on_the_way_;
  std::unordered_map<const PickleValue*, Extent> done_;
};

// Of keys that are equal the first has the place and the last the value, as in Python.
void merge_keys(std::vector<const PickleValue*>& items) {
  std::map<std::string_view, size_t> texts;
  std::map<int64_t, size_t> integers;
  size_t end = 0;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleValue& key = *items[i];
    size_t place = end;
    if (key.is(PickleKind::text)) place = texts.emplace(key.text, end).first->second;
    if (key.is(PickleKind::integer)) place = integers.emplace(key.integer, end).first->second;
    if (place == end) {
      items[end] = items[i];
      end += 2;
    }
    items[place + 1] = items[i + 1];
  }
  items.resize(end);
}

}  // namespace

PickleValue::Item PickleValue::find(std::string_view key) const {
  if (!is(Kind::dict)) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i]->is(Kind::text) && items[i]->text == key) return items[i + 1];
  return nullptr;
}

std::string_view kind_name(PickleValue::Kind kind) {
  constexpr auto names = std::to_array<std::string_view>(
      {"none", "a boolean", "an integer", "a real number", "a text", "bytes", "a list", "a tuple", "a dict",
       "a set", "a storage", "a tensor", "a name", "an object"});
  return names.at(static_cast<size_t>(kind));
}

Result<PickleValue*> Pickle::Values::add(PickleValue::Kind kind) {
  if (values_.size() >= most_values) return broken("more than " + std::to_string(most_values) + " values");
  values_.emplace_back().kind = kind;
  return &values_.back();
}

Result<PickleValue*> Pickle::Values::add_text(PickleValue::Kind kind, std::string text) {
  FETAFIX_TRY(PickleValue * out, add(kind));
  out->text = std::move(text);
  return out;
}

Status Pickle::Values::charge(uint64_t bytes) {
  memory_ += std::min(bytes, most_memory);
  return memory_ <= most_memory ? Status() : broken("it asks for more memory than any honest file");
}

void Pickle::Values::merge_equal_keys() {
  for (PickleValue& value : values_)
    if (value.is(PickleKind::dict)) merge_keys(value.items);
}

Status check_pickle(const PickleValue& root) {
  return Check().run(root);
}

}  // namespace fetafix::formats::torch
