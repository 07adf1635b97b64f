// The machine that a pickle is a program of: a stack, a memo, and instructions of one byte (Python's
// pickletools.py names them). Instructions that make values of other files or of registered codes are not
// known here.
#include "formats/torch/pickle.h"

#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <unordered_map>

#include "formats/torch/pickle_machine.h"

namespace fetafix::formats::torch {
namespace {

constexpr int newest_protocol = 5;
constexpr size_t longest_name = 1000;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

class Machine {
 public:
  explicit Machine(BytesView bytes)
      : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
        values_(std::make_shared<Values>()) {}

  Result<Pickle> run() {
    while (!result_) {
      const size_t start = at_;
      if (auto status = step(); !status.ok())
        return in_context("byte " + std::to_string(start), std::move(status).error());
    }
    if (at_ != bytes_.size())
      return broken("the pickle ends at byte " + std::to_string(at_) + " of " +
                    std::to_string(bytes_.size()));
    values_->merge_equal_keys();
    FETAFIX_CHECK(check_pickle(*result_));
    return Pickle(values_, result_);
  }

 private:
  Status step();
  Status step_number(char code, bool& known);
  Status step_text(char code, bool& known);
  Status step_container(char code, bool& known);
  Status step_call(char code, bool& known);

  // --- what stands in the file ---

  Result<std::string_view> take(uint64_t count) {
    if (count > bytes_.size() - at_)
      return broken(std::to_string(count) + " bytes are to follow, the file has " +
                    std::to_string(bytes_.size() - at_));
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  // A number of so many bytes, the lowest first, without a sign.
  Result<uint64_t> number(size_t count) {
    FETAFIX_TRY(const std::string_view raw, take(count));
    uint64_t out = 0;
    for (size_t i = count; i-- > 0;) out = (out << 8) | static_cast<unsigned char>(raw[i]);
    return out;
  }
  Result<std::string_view> counted(size_t count_size) {
    FETAFIX_TRY(const uint64_t count, number(count_size));
    return take(count);
  }
  Result<std::string_view> line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) return broken("a line does not end");
    const auto out = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return out;
  }

  // --- the stack ---

  Status push(Result<PickleValue*> value) {
    if (!value.ok()) return std::move(value).error();
    stack_.push_back(*value);
    return {};
  }
  Result<PickleValue*> pop() {
    FETAFIX_TRY(PickleValue * out, top());
    stack_.pop_back();
    return out;
  }
  // Values above the last mark are what instructions reach.
  Result<PickleValue*> top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return broken("the stack is empty");
    return stack_.back();
  }
  Result<std::vector<const PickleValue*>> pop(size_t count) {
    std::vector<const PickleValue*> out(count);
    for (size_t i = count; i-- > 0;) {
      FETAFIX_TRY(out[i], pop());
    }
    return out;
  }
  Result<std::vector<const PickleValue*>> pop_to_mark() {
    if (marks_.empty()) return broken("no mark on the stack");
    std::vector<const PickleValue*> out(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                        stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return out;
  }
  Result<PickleValue*> top_of(PickleKind kind) {
    FETAFIX_TRY(PickleValue * out, top());
    if (!out->is(kind))
      return broken(std::string(kind_name(kind)) + " is expected on the stack, found " +
                    std::string(kind_name(out->kind)));
    return out;
  }

  Status push_integer(int64_t value, PickleKind kind = PickleKind::integer) {
    FETAFIX_TRY(PickleValue * out, values_->add(kind));
    out->integer = value;
    return push(out);
  }
  Status push_real(double value) {
    FETAFIX_TRY(PickleValue * out, values_->add(PickleKind::real));
    out->real = value;
    return push(out);
  }
  Status push_text(PickleKind kind, Result<std::string_view> text) {
    if (!text.ok()) return std::move(text).error();
    return push(values_->add_text(kind, std::string(*text)));
  }
  // A list, tuple, set or dict of values.
  Status push_items(PickleKind kind, std::vector<const PickleValue*> items) {
    if (kind == PickleKind::dict && items.size() % 2) return broken("a key without a value");
    FETAFIX_CHECK(values_->charge_places(items.size()));
    FETAFIX_TRY(PickleValue * out, values_->add(kind));
    out->items = std::move(items);
    return push(out);
  }
  Status push_tuple(size_t count) {
    FETAFIX_TRY(auto items, pop(count));
    return push_items(PickleKind::tuple, std::move(items));
  }
  // Into the container below the mark, or below `items`.
  Status extend(PickleKind kind, const std::vector<const PickleValue*>& items) {
    FETAFIX_TRY(PickleValue * into, top_of(kind));
    if (kind == PickleKind::dict && items.size() % 2) return broken("a key without a value");
    FETAFIX_CHECK(values_->charge_places(items.size()));
    into->items.insert(into->items.end(), items.begin(), items.end());
    return {};
  }
  Status extend_to_mark(PickleKind kind) {
    FETAFIX_TRY(const auto items, pop_to_mark());
    return extend(kind, items);
  }
  Status pop_one() {
    if (marks_.empty() || stack_.size() > marks_.back()) return pop().ok() ? Status() : top().error();
    marks_.pop_back();  // Python 0's POP takes a mark away as well
    return {};
  }

  // --- instructions that need some lines ---

  Status long_integer(std::string_view raw);
  Status decimal(std::string_view text);
  Status global(std::string_view module, std::string_view name) {
    if (module.size() + name.size() > longest_name) return broken("a global's name is too long");
    FETAFIX_CHECK(values_->charge(module.size() + name.size()));
    return push(pickle_global(*values_, std::string(module), std::string(name)));
  }
  Status remember(uint64_t place) {
    FETAFIX_TRY(PickleValue * value, top());
    FETAFIX_CHECK(values_->charge_places(4));
    memo_[place] = value;
    return {};
  }
  Status recall(uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) return broken("nothing was remembered as " + std::to_string(place));
    FETAFIX_CHECK(values_->charge_places(1));
    stack_.push_back(found->second);
    return {};
  }
  Result<uint64_t> place_in_line() {
    FETAFIX_TRY(const std::string_view text, line());
    uint64_t out = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (problem != std::errc() || end != text.data() + text.size())
      return broken("'" + std::string(text.substr(0, 40)) + "' is no number");
    return out;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  std::shared_ptr<Values> values_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
  const PickleValue* result_ = nullptr;
};

// Two's complement, the lowest byte first.
Status Machine::long_integer(std::string_view raw) {
  if (raw.size() > 8)
    return Error{ErrorKind::unsupported,
                 "an integer of " + std::to_string(raw.size()) + " bytes, expected at most 8"};
  uint64_t out = !raw.empty() && (raw.back() & 0x80) ? ~uint64_t{0} : 0;
  for (size_t i = raw.size(); i-- > 0;) out = (out << 8) | static_cast<unsigned char>(raw[i]);
  return push_integer(static_cast<int64_t>(out));
}

Status Machine::decimal(std::string_view text) {
  if (text == "00") return push_integer(0, PickleKind::boolean);
  if (text == "01") return push_integer(1, PickleKind::boolean);
  if (text.ends_with('L')) text.remove_suffix(1);
  int64_t out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem == std::errc::result_out_of_range)
    return Error{ErrorKind::unsupported, "an integer of more than 64 bits"};
  if (problem != std::errc() || end != text.data() + text.size())
    return broken("'" + std::string(text.substr(0, 40)) + "' is no integer");
  return push_integer(out);
}

Status Machine::step_number(char code, bool& known) {
  const auto of_size = [&](size_t size) -> Status {
    FETAFIX_TRY(const uint64_t value, number(size));
    return push_integer(static_cast<int64_t>(value));
  };
  switch (code) {
    case 'N':
      return push(values_->add(PickleKind::none));
    case '\x88':
      return push_integer(1, PickleKind::boolean);
    case '\x89':
      return push_integer(0, PickleKind::boolean);
    case 'K':
      return of_size(1);
    case 'M':
      return of_size(2);
    case 'J': {
      FETAFIX_TRY(const uint64_t value, number(4));
      return push_integer(static_cast<int32_t>(static_cast<uint32_t>(value)));
    }
    case '\x8a':
    case '\x8b': {
      FETAFIX_TRY(const std::string_view raw, counted(code == '\x8a' ? 1 : 4));
      return long_integer(raw);
    }
    case 'I':
    case 'L': {
      FETAFIX_TRY(const std::string_view text, line());
      return decimal(text);
    }
    case 'F': {
      FETAFIX_TRY(const std::string_view text, line());
      double value = 0;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (problem != std::errc() || end != text.data() + text.size())
        return broken("'" + std::string(text.substr(0, 40)) + "' is no number");
      return push_real(value);
    }
    case 'G': {  // the highest byte first
      FETAFIX_TRY(const std::string_view raw, take(8));
      uint64_t bits = 0;
      for (char byte : raw) bits = (bits << 8) | static_cast<unsigned char>(byte);
      return push_real(std::bit_cast<double>(bits));
    }
    default:
      known = false;
      return {};
  }
}

Status Machine::step_text(char code, bool& known) {
  switch (code) {
    case '\x8c':
    case 'U':
      return push_text(PickleKind::text, counted(1));
    case 'X':
    case 'T':
      return push_text(PickleKind::text, counted(4));
    case '\x8d':
      return push_text(PickleKind::text, counted(8));
    case 'B':
      return push_text(PickleKind::bytes, counted(4));
    case 'C':
      return push_text(PickleKind::bytes, counted(1));
    case '\x8e':
    case '\x96':
      return push_text(PickleKind::bytes, counted(8));
    case 'S':
    case 'V': {
      FETAFIX_TRY(const std::string_view text, line());
      FETAFIX_TRY(std::string plain, code == 'S' ? unquoted(text) : unescaped(text));
      return push(values_->add_text(PickleKind::text, std::move(plain)));
    }
    default:
      known = false;
      return {};
  }
}

Status Machine::step_container(char code, bool& known) {
  const auto from_mark = [&](PickleKind kind) -> Status {
    FETAFIX_TRY(auto items, pop_to_mark());
    return push_items(kind, std::move(items));
  };
  const auto add_popped = [&](PickleKind kind, size_t count) -> Status {
    FETAFIX_TRY(const auto items, pop(count));
    return extend(kind, items);
  };
  switch (code) {
    case ')':
      return push_items(PickleKind::tuple, {});
    case ']':
      return push_items(PickleKind::list, {});
    case '}':
      return push_items(PickleKind::dict, {});
    case '\x8f':
      return push_items(PickleKind::set, {});
    case 't':
      return from_mark(PickleKind::tuple);
    case 'l':
      return from_mark(PickleKind::list);
    case 'd':
      return from_mark(PickleKind::dict);
    case '\x91':
      return from_mark(PickleKind::set);
    case '\x85':
      return push_tuple(1);
    case '\x86':
      return push_tuple(2);
    case '\x87':
      return push_tuple(3);
    case 'a':
      return add_popped(PickleKind::list, 1);
    case 's':
      return add_popped(PickleKind::dict, 2);
    case 'e':
      return extend_to_mark(PickleKind::list);
    case 'u':
      return extend_to_mark(PickleKind::dict);
    case '\x90':
      return extend_to_mark(PickleKind::set);
    default:
      known = false;
      return {};
  }
}

Status Machine::step_call(char code, bool& known) {
  switch (code) {
    case 'c': {
      FETAFIX_TRY(const std::string_view module, line());
      FETAFIX_TRY(const std::string_view name, line());
      return global(module, name);
    }
    case '\x93': {
      FETAFIX_TRY(PickleValue * name, top_of(PickleKind::text));
      FETAFIX_CHECK(pop_one());
      FETAFIX_TRY(PickleValue * module, top_of(PickleKind::text));
      FETAFIX_CHECK(pop_one());
      return global(module->text, name->text);
    }
    case 'R':
    case '\x81': {
      FETAFIX_TRY(PickleValue * arguments, pop());
      FETAFIX_TRY(PickleValue * callee, pop());
      return push(pickle_call(*values_, *callee, *arguments));
    }
    case 'b': {
      FETAFIX_TRY(PickleValue * state, pop());
      FETAFIX_TRY(PickleValue * object, top());
      return pickle_build(*object, *state);
    }
    case 'Q': {
      FETAFIX_TRY(PickleValue * id, pop());
      return push(pickle_storage(*values_, *id));
    }
    default:
      known = false;
      return {};
  }
}

Status Machine::step() {
  FETAFIX_TRY(const std::string_view raw, take(1));
  const char code = raw[0];
  switch (code) {
    case '.': {
      FETAFIX_TRY(result_, pop());
      return stack_.empty() && marks_.empty() ? Status() : broken("values are left on the stack");
    }
    case '\x80': {
      FETAFIX_TRY(const uint64_t protocol, number(1));
      if (protocol <= newest_protocol) return {};
      return Error{ErrorKind::unsupported, "protocol " + std::to_string(protocol) + ", expected at most " +
                                               std::to_string(newest_protocol)};
    }
    case '\x95':  // a frame says only how much may be read at once
      return number(8).ok() ? Status() : broken("a frame does not say its length");
    case '(':
      FETAFIX_CHECK(values_->charge_places(1));
      marks_.push_back(stack_.size());
      return {};
    case '0':
      return pop_one();
    case '1':
      return pop_to_mark().ok() ? Status() : broken("no mark on the stack");
    case '2': {
      FETAFIX_TRY(PickleValue * value, top());
      FETAFIX_CHECK(values_->charge_places(1));
      return push(value);
    }
    case 'p':
    case 'g': {
      FETAFIX_TRY(const uint64_t place, place_in_line());
      return code == 'p' ? remember(place) : recall(place);
    }
    case 'q':
    case 'r': {
      FETAFIX_TRY(const uint64_t place, number(code == 'q' ? 1 : 4));
      return remember(place);
    }
    case '\x94':
      return remember(memo_.size());
    case 'h':
    case 'j': {
      FETAFIX_TRY(const uint64_t place, number(code == 'h' ? 1 : 4));
      return recall(place);
    }
    default:
      break;
  }
  for (const auto part :
       {&Machine::step_number, &Machine::step_text, &Machine::step_container, &Machine::step_call}) {
    bool known = true;
    auto status = (this->*part)(code, known);
    if (known) return status;
  }
  return Error{ErrorKind::unsupported,
               "instruction " + std::to_string(static_cast<unsigned char>(code)) + " is not known"};
}

}  // namespace

Result<Pickle> read_pickle(BytesView bytes) {
  constexpr size_t most_bytes = size_t{64} << 20;  // values alone; the elements of tensors lie elsewhere
  if (bytes.size() > most_bytes)
    return Error{ErrorKind::unsupported, "a pickle of " + std::to_string(bytes.size()) +
                                             " bytes, expected at most " + std::to_string(most_bytes)};
  auto pickle = Machine(bytes).run();
  if (!pickle.ok()) return in_context("pickle", std::move(pickle).error());
  return pickle;
}

}  // namespace fetafix::formats::torch
