// A TorchScript program laid out: from the top module's forward on, each method in place of its call, to one
// list of operators. What depends on constants alone (numbers, attributes, `training`, which is False) is
// worked out; a branch that only raises an error is taken not to be run.
//
// Bounded: statements, calls in calls, operators.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "base/json.h"
#include "formats/torch/script.h"
#include "formats/torch/script_schema.h"

namespace fetafix::formats::torch {

struct ScriptNode {
  std::string name, target, path;
  std::vector<std::pair<std::string, Json>> arguments;  // name and content: {"as_int": 3}
  Json outputs;
  CallSite site;
};

struct TensorType {
  DType dtype = DType::unknown;
  std::shared_ptr<Rank> rank;
};

struct ScriptInput {
  std::string name;
  std::string target;  // of a weight or constant; empty: the user's
  const PickleTensor* stored = nullptr;
  bool constant = false;  // of CONSTANTS
};

struct LaidOut {
  std::vector<ScriptInput> inputs;
  std::vector<ScriptNode> nodes;
  std::vector<Json> outputs;
  std::map<std::string, TensorType> types;
  std::map<std::string, Shape> input_sizes;  // what operators that read them say of inputs
  std::vector<Activation> activations;
  std::map<std::string, int> constant_of;
  std::set<std::string> read_by_operand;
  std::vector<std::string> notes;
};

// What is taken to be true of the inputs where the file does not say it.
struct Assumed {
  std::vector<int> ranks;          // -1: nothing
  std::set<std::string> integers;  // of these the elements are int64
};

class ScriptRun {
 public:
  // `read`: the one number that a stored tensor without dimensions holds.
  using ReadNumber = std::function<std::optional<ScriptValue>(const PickleTensor&, bool constant)>;
  ScriptRun(const Script& script, Assumed assumed, ReadNumber read);
  Result<LaidOut> run();
  // After a failed run: whether other ranks of the inputs may help.
  bool rank_would_tell() const { return rank_would_tell_; }
  // Inputs that turned out to hold integers.
  const std::set<std::string>& integers() const { return integers_; }

 private:
  using Value = ScriptValue;
  struct Frame {
    std::map<std::string, Value> variables;
    int activation = -1;
    int code = -1;
    std::string path;
    size_t place = 0;  // of the statement at work
    const std::vector<Stmt>* block = nullptr;
  };

  // --- statements (script_run.cpp); nullopt: nothing is returned yet ---
  Result<Value> run_function(const Place& place, const std::string& path, const PickleValue* module,
                             std::vector<Value> arguments, const std::vector<std::string>& keywords,
                             const Expr* call, Frame* caller);
  Result<std::optional<Value>> run_block(Frame& frame, const std::vector<Stmt>& block);
  Result<std::optional<Value>> run_statement(Frame& frame, const Stmt& stmt);
  Result<std::optional<Value>> run_branch(Frame& frame, const Stmt& stmt);
  Result<std::optional<Value>> run_loop(Frame& frame, const Stmt& stmt);
  Status assign(Frame& frame, const Stmt& stmt);
  Status bind(Frame& frame, const Expr& target, const Value& value);
  size_t parts_wanted(const Frame& frame, const Stmt& stmt) const;

  // --- expressions (script_eval.cpp) ---
  Result<Value> eval(Frame& frame, const Expr& expr);
  Result<Value> eval_kind(Frame& frame, const Expr& expr);
  Result<Value> eval_attribute(Frame& frame, const Expr& expr);
  Result<Value> eval_index(Frame& frame, const Expr& expr);
  Result<Value> eval_call(Frame& frame, const Expr& expr);
  Result<Value> eval_builtin(Frame& frame, const Expr& expr);
  Result<Value> eval_operator(Frame& frame, const Expr& expr, const std::string& space,
                              const std::string& name);
  Result<std::vector<Value>> eval_arguments(Frame& frame, const Expr& call, size_t first = 1);
  Result<std::vector<Value>> parts_of(Frame& frame, const Expr& expr, const Value& value);
  std::optional<Value> without_run(const std::string& space, const std::string& name,
                                   const std::vector<Value>& values);
  Value attribute_of(const Value& module, const std::string& name);
  Value from_pickle(const PickleValue& value, const std::string& path);
  void name_parameters(const PickleValue& module, const std::string& path);
  Value weight(const PickleTensor& tensor, const std::string& path, bool constant);
  Value size_of(const std::string& tensor, int64_t dim) const;

  // --- operators as nodes (script_emit.cpp) ---
  Result<Value> emit(Frame& frame, const Expr& expr, const std::string& space, const std::string& name,
                     const std::vector<Value>& values);
  Result<Value> emit_unknown(Frame& frame, const Expr& expr, const std::string& target,
                             const std::vector<Value>& values);
  Result<Json> content(const Value& value, std::string_view type);
  Result<Json> list_content(const Value& value, char type);
  Result<std::string> size_name(const SizePtr& size);
  Result<std::string> new_size(const Size& size);
  Result<std::string> tensor_name(const Value& value);
  Status add_node(ScriptNode node);
  std::string meant(const std::string& name);
  std::string unique(const std::string& base);

  // --- what is known of results (script_types.cpp) ---
  void learn(const BoundCall& call);
  void learn_channels(const BoundCall& call, const std::string& result);
  void learn_last(const BoundCall& call, const Value& input, const std::string& name);
  std::vector<TensorType> types_of(const BoundCall& call, size_t results);
  size_t results_of(const BoundCall& call) const;
  TensorType type_of(const Value& value) const;

  Error fault(const Frame& frame, const Span& span, const std::string& what,
              ErrorKind kind = ErrorKind::unsupported) const;
  Status spend(const Frame& frame, const Span& span);

  const Script& script_;
  Assumed assumed_;
  ReadNumber read_;
  LaidOut out_;
  std::set<std::string> names_;
  std::map<std::string, int> next_;
  std::map<std::string, std::string> sizes_;    // names of sizes by what they are
  std::map<std::string, std::string> weights_;  // names by where they lie
  std::map<std::string, std::string> paths_;    // of modules' attributes by where they lie
  std::set<const PickleValue*> walked_;
  std::set<std::string> targets_;
  std::map<std::string, const PickleTensor*> stored_;
  std::map<std::string, std::string> written_over_;  // tensors, and the result of what wrote into them
  // Results, and which dimension of what comes first are their channels; nullopt: each is in its place.
  std::map<std::string, std::pair<std::string, std::optional<size_t>>> channels_of_;
  std::set<std::string> integers_;
  size_t steps_ = 0, wanted_ = 0;
  std::map<SizePtr, std::string> size_names_;
  int depth_ = 0, nesting_ = 0;
  bool rank_would_tell_ = false;
};

}  // namespace fetafix::formats::torch
