#include "formats/torch/script_run.h"

#include <algorithm>

namespace fetafix::formats::torch {
namespace {

constexpr size_t most_steps = 1'000'000;
constexpr size_t most_runs = 100'000;  // of functions
constexpr int most_calls_in_calls = 100;
constexpr size_t most_results = 10'000;

bool is_raise(const Stmt& stmt) {
  const Expr& call = stmt.value;
  return stmt.kind == Stmt::Kind::expression && call.kind == Expr::Kind::call &&
         call.items[0].kind == Expr::Kind::attribute && call.items[0].text == "RaiseException";
}

// Whether it ends in an error whatever happens.
bool raises(const std::vector<Stmt>& block) {
  return std::ranges::any_of(block, [](const Stmt& stmt) {
    return is_raise(stmt) || (stmt.kind == Stmt::Kind::branch && raises(stmt.body) && raises(stmt.otherwise));
  });
}

// Tensor, Optional[Tensor].
bool is_tensor_type(const Expr& type) {
  const Expr* inner = &type;
  if (type.kind == Expr::Kind::index && type.items.size() == 2 && type.items[0].text == "Optional")
    inner = &type.items[1];
  return inner->kind == Expr::Kind::none || inner->text == "Tensor";
}

}  // namespace

ScriptRun::ScriptRun(const Script& script, Assumed assumed, ReadNumber read)
    : script_(script), assumed_(std::move(assumed)), read_(std::move(read)) {}

Error ScriptRun::fault(const Frame& frame, const Span& span, const std::string& what, ErrorKind kind) const {
  const Code& code = script_.codes[static_cast<size_t>(frame.code)];
  return {kind, "'" + code.entry + "' line " + std::to_string(line_of(code.text, span.begin)) + ": " + what};
}

Status ScriptRun::spend(const Frame& frame, const Span& span) {
  if (++steps_ < most_steps) return {};
  return fault(frame, span, "the program runs too long", ErrorKind::file);
}

std::string ScriptRun::unique(const std::string& base) {
  std::string name = base.empty() ? "value" : base;
  int& next = next_[base];
  while (!names_.insert(name).second) name = base + "_" + std::to_string(++next);
  return name;
}

Result<LaidOut> ScriptRun::run() {
  const PickleValue& root = script_.modules->root();
  const auto found = script_.functions.find(root.text + ".forward");
  if (!root.is(PickleValue::Kind::object) || found == script_.functions.end())
    return Error{ErrorKind::unsupported, "its module has no method 'forward'"};
  name_parameters(root, "");
  const Place& forward = found->second;
  std::vector<Value> arguments;
  Frame top;
  top.code = forward.code;
  const auto& parameters = forward.function->parameters;
  for (size_t i = 1; i < parameters.size(); ++i) {
    const Parameter& one = parameters[i];
    if (one.otherwise) break;
    if (!is_tensor_type(one.type)) return fault(top, one.type.span, "input '" + one.name + "' is no tensor");
    const std::string name = unique(one.name);
    out_.inputs.push_back({name, "", nullptr, false});
    TensorType type;
    type.rank = std::make_shared<Rank>();
    type.dtype = assumed_.integers.contains(one.name) ? DType::int64 : DType::float32;
    if (i - 1 < script_.traced.size()) {
      const auto& [dtype, shape] = script_.traced[i - 1];
      type.dtype = dtype;
      *type.rank = {static_cast<int>(shape.size()), shape};
    } else if (i - 1 < assumed_.ranks.size()) {
      type.rank->count = assumed_.ranks[i - 1];
    }
    out_.types[name] = type;
    arguments.push_back(script_tensor(name));
  }
  const std::vector<std::string> keywords(arguments.size());
  FETAFIX_TRY(const Value result,
              run_function(forward, "", &root, std::move(arguments), keywords, nullptr, nullptr));
  std::vector<Value> waiting{result};
  while (!waiting.empty()) {
    const Value one = waiting.back();
    waiting.pop_back();
    if (one.items) {
      waiting.insert(waiting.end(), one.items->rbegin(), one.items->rend());
    } else if (one.is(ValueKind::none)) {
      out_.outputs.push_back({{"as_none", true}});
    } else if (one.is(ValueKind::tensor) || one.is_tensor) {
      FETAFIX_TRY(const std::string name, tensor_name(one));
      out_.outputs.push_back({{"as_tensor", {{"name", name}}}});
    } else if (one.is(ValueKind::unknown)) {
      rank_would_tell_ = rank_would_tell_ || one.rank_would_tell;
      return fault(top, forward.function->span, "a result of the program is not known: " + one.text);
    } else {
      return fault(top, forward.function->span, "a result of the program is no tensor");
    }
    if (out_.outputs.size() + waiting.size() > most_results)
      return fault(top, forward.function->span, "the program has too many results", ErrorKind::file);
  }
  return std::move(out_);
}

Result<ScriptValue> ScriptRun::run_function(const Place& place, const std::string& path,
                                            const PickleValue* module, std::vector<Value> arguments,
                                            const std::vector<std::string>& keywords, const Expr* call,
                                            Frame* caller) {
  Frame frame;
  frame.code = place.code;
  frame.path = path;
  frame.activation = static_cast<int>(out_.activations.size());
  const Span where = place.function->name_span;
  if (depth_ >= most_calls_in_calls)
    return fault(frame, where, "calls in calls without an end", ErrorKind::file);
  FETAFIX_CHECK(spend(frame, where));
  if (out_.activations.size() >= most_runs)
    return fault(frame, where, "the program runs too long", ErrorKind::file);
  out_.activations.push_back({caller ? caller->activation : -1, place, call, path, module, {}});
  const auto& parameters = place.function->parameters;
  const size_t first = module ? 1 : 0;  // self
  if (module) {
    if (parameters.empty()) return fault(frame, where, "a method without 'self'", ErrorKind::file);
    Value self;
    self.kind = ValueKind::module;
    self.object = module;
    self.text = path;
    frame.variables[parameters[0].name] = self;
  }
  const auto set = [&](const std::string& name, const Value& value) {
    frame.variables[name] = value;
    if (value.is(ValueKind::tensor))
      out_.activations[static_cast<size_t>(frame.activation)].bindings.push_back({0, name, value.text});
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool named = !keywords[i].empty();
    if (!named && first + i >= parameters.size())
      return fault(frame, where, "a call with too many arguments", ErrorKind::file);
    set(named ? keywords[i] : parameters[first + i].name, arguments[i]);
  }
  for (size_t i = first; i < parameters.size(); ++i) {
    if (frame.variables.contains(parameters[i].name)) continue;
    if (!parameters[i].otherwise)
      return fault(frame, where, "a call without argument '" + parameters[i].name + "'", ErrorKind::file);
    FETAFIX_TRY(const Value value, eval(frame, *parameters[i].otherwise));
    set(parameters[i].name, value);
  }
  ++depth_;
  FETAFIX_TRY(std::optional<Value> result, run_block(frame, place.function->body));
  --depth_;
  return result ? std::move(*result) : script_none();
}

Result<std::optional<ScriptValue>> ScriptRun::run_block(Frame& frame, const std::vector<Stmt>& block) {
  const auto* outer = frame.block;
  for (const Stmt& stmt : block) {
    frame.block = &block;
    FETAFIX_TRY(std::optional<Value> result, run_statement(frame, stmt));
    if (result) return result;
  }
  frame.block = outer;
  return std::optional<Value>();
}

Result<std::optional<ScriptValue>> ScriptRun::run_statement(Frame& frame, const Stmt& stmt) {
  FETAFIX_CHECK(spend(frame, stmt.span));
  frame.place = stmt.span.end;
  switch (stmt.kind) {
    case Stmt::Kind::assign:
      FETAFIX_CHECK(assign(frame, stmt));
      return std::optional<Value>();
    case Stmt::Kind::expression:
      if (is_raise(stmt)) {
        rank_would_tell_ = true;
        return fault(frame, stmt.span, "the program raises an error for what is known of its inputs");
      }
      FETAFIX_CHECK(eval(frame, stmt.value));
      return std::optional<Value>();
    case Stmt::Kind::give: {
      FETAFIX_TRY(Value value, eval(frame, stmt.value));
      return std::optional<Value>(std::move(value));
    }
    case Stmt::Kind::branch:
      return run_branch(frame, stmt);
    case Stmt::Kind::loop_while:
    case Stmt::Kind::loop_for:
      return run_loop(frame, stmt);
    case Stmt::Kind::with:
      return fault(frame, stmt.span, "a 'with' block, which is not read here");
    case Stmt::Kind::pass:
      break;
  }
  return std::optional<Value>();
}

Result<std::optional<ScriptValue>> ScriptRun::run_branch(Frame& frame, const Stmt& stmt) {
  FETAFIX_TRY(const Value asked, eval(frame, stmt.value));
  const bool known = asked.is(ValueKind::boolean) || asked.is(ValueKind::integer);
  if (known) return run_block(frame, asked.integer ? stmt.body : stmt.otherwise);
  if (raises(stmt.body)) return run_block(frame, stmt.otherwise);
  if (raises(stmt.otherwise)) return run_block(frame, stmt.body);
  rank_would_tell_ = rank_would_tell_ || asked.rank_would_tell;
  return fault(frame, stmt.span,
               "a branch that depends on the run" + (asked.text.empty() ? "" : " (" + asked.text + ")"));
}

Result<std::optional<ScriptValue>> ScriptRun::run_loop(Frame& frame, const Stmt& stmt) {
  const bool counted = stmt.kind == Stmt::Kind::loop_for;
  std::vector<Value> items;
  if (counted) {
    FETAFIX_TRY(const Value over, eval(frame, stmt.value));
    FETAFIX_TRY(items, parts_of(frame, stmt.value, over));
  }
  for (size_t i = 0;; ++i) {
    FETAFIX_CHECK(spend(frame, stmt.span));
    if (counted) {
      if (i == items.size()) break;
      FETAFIX_CHECK(bind(frame, stmt.targets[0], items[i]));
    } else {
      FETAFIX_TRY(const Value asked, eval(frame, stmt.value));
      if (!asked.is(ValueKind::boolean)) {
        rank_would_tell_ = rank_would_tell_ || asked.rank_would_tell;
        return fault(frame, stmt.span, "a loop that depends on the run");
      }
      if (!asked.integer) break;
    }
    FETAFIX_TRY(std::optional<Value> result, run_block(frame, stmt.body));
    if (result) return result;
  }
  return std::optional<Value>();
}

// Of an operator that gives a list: how many parts the text takes it into, here or in a later line.
size_t ScriptRun::parts_wanted(const Frame& frame, const Stmt& stmt) const {
  if (stmt.unpacks) return stmt.targets.size();
  if (!frame.block || stmt.targets.size() != 1) return 0;
  for (const Stmt& other : *frame.block)
    if (other.kind == Stmt::Kind::assign && other.unpacks && other.value.kind == Expr::Kind::name &&
        other.value.text == stmt.targets[0].text)
      return other.targets.size();
  return 0;
}

Status ScriptRun::assign(Frame& frame, const Stmt& stmt) {
  if (stmt.value.span.end == 0) return {};  // its type alone
  wanted_ = parts_wanted(frame, stmt);
  FETAFIX_TRY(const Value value, eval(frame, stmt.value));
  wanted_ = 0;
  if (!stmt.unpacks) return bind(frame, stmt.targets[0], value);
  FETAFIX_TRY(const std::vector<Value> parts, parts_of(frame, stmt.value, value));
  if (parts.size() != stmt.targets.size())
    return fault(
        frame, stmt.span,
        std::to_string(parts.size()) + " values for " + std::to_string(stmt.targets.size()) + " names");
  for (size_t i = 0; i < parts.size(); ++i) FETAFIX_CHECK(bind(frame, stmt.targets[i], parts[i]));
  return {};
}

Status ScriptRun::bind(Frame& frame, const Expr& target, const Value& value) {
  if (target.kind != Expr::Kind::name) return fault(frame, target.span, "the program changes what it stores");
  frame.variables[target.text] = value;
  if (value.is(ValueKind::tensor))
    out_.activations[static_cast<size_t>(frame.activation)].bindings.push_back(
        {frame.place, target.text, value.text});
  return {};
}

}  // namespace fetafix::formats::torch
