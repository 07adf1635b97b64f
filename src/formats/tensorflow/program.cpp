#include "formats/tensorflow/program.h"

#include <algorithm>
#include <unordered_map>

namespace fetafix::formats::tensorflow {
namespace {

constexpr int most_outputs = 4096;  // of an operator
constexpr size_t deepest = 64;      // calls in calls
// How many nodes calls may add up to, besides what the file holds: a small file can ask for any number.
constexpr size_t most_more_nodes = size_t{1} << 16, most_repeats = 16;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

}  // namespace

Result<Reference> parse_reference(const std::string& input) {
  const auto [name, number] = wire::split_tensor_name(input);
  if (number < 0) return broken("'" + input + "' names no output");
  const size_t colon = name.find(':');
  if (colon == std::string::npos) return Reference{name, "", number};
  return Reference{name.substr(0, colon), name.substr(colon + 1), number};
}

namespace {

enum class Seen : uint8_t { never, begun, done };

// A scope while its nodes are visited.
struct Visit {
  std::unordered_map<std::string, int> nodes;      // place by name
  std::unordered_map<std::string, int> arguments;  // number by name
  std::vector<Source> given;                       // the arguments
  std::vector<Seen> seen;
  std::vector<int> op;                       // by place, of what is no call
  std::vector<std::vector<Source>> results;  // by place, of calls
  std::vector<int> body;                     // by place: the scope of a call; -1: none yet
  size_t depth = 0;
};

class Inliner {
 public:
  explicit Inliner(const File& file) : file_(file), graph_(file.graph()) {
    const auto& functions = graph_.library().function();
    size_t nodes = static_cast<size_t>(graph_.node_size());
    for (int i = 0; i < functions.size(); ++i) {
      functions_[functions.Get(i).signature().name()] = i;
      nodes += static_cast<size_t>(functions.Get(i).node_def_size());
    }
    most_nodes_ = most_repeats * nodes + most_more_nodes;
    for (size_t i = 0; i < file.interface.inputs.size(); ++i)
      inputs_[wire::split_tensor_name(file.interface.inputs[i].tensor)] = static_cast<int>(i);
  }

  Result<Program> run() {
    FETAFIX_CHECK(open(-1, "", {}, 0));
    for (const wire::Port& port : file_.interface.outputs) {
      FETAFIX_TRY(const Source source, need(0, port.tensor));
      out_.outputs.push_back(source);
    }
    return done();
  }

  Result<Program> run(int function) {
    inputs_.clear();
    const auto& body = graph_.library().function(function);
    std::vector<Source> given;
    for (int i = 0; i < body.signature().input_arg_size(); ++i) given.push_back({i, -1, 0});
    FETAFIX_CHECK(open(function, "", std::move(given), 0));
    for (const auto& output : body.signature().output_arg()) {
      const std::string* returned = returned_as(body, output.name());
      if (!returned) return broken("function '" + body.signature().name() + "' does not say what it returns");
      FETAFIX_TRY(const Source source, need(0, *returned));
      out_.outputs.push_back(source);
    }
    return done();
  }

 private:
  struct Task {
    int scope, place;
  };

  static const std::string* returned_as(const wire::Function& function, const std::string& output) {
    for (const auto& entry : function.ret())
      if (entry.key() == output) return &entry.value();
    return nullptr;
  }

  Result<Program> done() {
    for (size_t i = 0; i < visits_.size(); ++i) out_.scopes[i].given = std::move(visits_[i].given);
    for (const Source& source : out_.outputs) count(source);
    for (const Op& op : out_.ops)
      for (const Source& source : op.inputs) count(source);
    return std::move(out_);
  }

  void count(const Source& source) {
    if (source.op < 0) return;
    int& outputs = out_.ops[static_cast<size_t>(source.op)].outputs;
    outputs = std::max(outputs, source.output + 1);
  }

  const wire::Node& node(const Task& task) const {
    return nodes_of(graph_, out_.scopes[static_cast<size_t>(task.scope)].function).Get(task.place);
  }

  Status open(int function, std::string prefix, std::vector<Source> given, size_t depth) {
    Visit visit;
    const auto& nodes = nodes_of(graph_, function);
    for (int i = 0; i < nodes.size(); ++i)
      if (!visit.nodes.emplace(nodes.Get(i).name(), i).second)
        return broken("two nodes are named '" + prefix + nodes.Get(i).name() + "'");
    if (function >= 0) {
      const auto& signature = graph_.library().function(function).signature();
      for (int i = 0; i < signature.input_arg_size(); ++i) visit.arguments[signature.input_arg(i).name()] = i;
      if (static_cast<size_t>(signature.input_arg_size()) != given.size())
        return broken("function '" + signature.name() + "' takes " +
                      std::to_string(signature.input_arg_size()) + " arguments, its call gives " +
                      std::to_string(given.size()));
    }
    const auto count = static_cast<size_t>(nodes.size());
    total_ += count;
    if (total_ > most_nodes_) return broken("its functions call each other more often than any model does");
    visit.given = std::move(given);
    visit.seen.assign(count, Seen::never);
    visit.op.assign(count, -1);
    visit.results.resize(count);
    visit.body.assign(count, -1);
    visit.depth = depth;
    out_.scopes.push_back({function, std::move(prefix), {}, {}});
    visits_.push_back(std::move(visit));
    return {};
  }

  Result<Source> need(int scope, const std::string& name) {
    std::vector<Task> tasks;
    for (;;) {
      FETAFIX_TRY(const auto source, look(scope, name, tasks));
      if (source) return *source;
      while (!tasks.empty()) {
        const size_t before = tasks.size();
        FETAFIX_CHECK(step(tasks));
        if (tasks.size() == before) tasks.pop_back();  // it waits for nothing: done
      }
    }
  }

  // The tensor that `name` means in a scope; nullopt: its node is not visited yet, and now a task.
  Result<std::optional<Source>> look(int scope, const std::string& name, std::vector<Task>& tasks) {
    Visit& visit = visits_[static_cast<size_t>(scope)];
    FETAFIX_TRY(const Reference wanted, parse_reference(name));
    if (const auto argument = visit.arguments.find(wanted.node); argument != visit.arguments.end())
      return std::optional(visit.given[static_cast<size_t>(argument->second)]);
    if (scope == 0)  // the main graph, unless a function is the root
      if (const auto input = inputs_.find({wanted.node, wanted.number}); input != inputs_.end())
        return std::optional(Source{input->second, -1, 0});
    const auto found = visit.nodes.find(wanted.node);
    if (found == visit.nodes.end()) return broken("'" + name + "' is read, and no node is named so");
    const auto place = static_cast<size_t>(found->second);
    if (visit.seen[place] == Seen::never) {
      tasks.push_back({scope, found->second});
      return std::optional<Source>();
    }
    if (visit.seen[place] == Seen::begun) return cycle_at(scope, found->second);
    const wire::Node& node =
        nodes_of(graph_, out_.scopes[static_cast<size_t>(scope)].function).Get(found->second);
    const int number =
        wanted.output.empty() ? wanted.number : output_number(node.op(), wanted.output, wanted.number);
    if (visit.body[place] < 0) {
      if (number >= most_outputs) return broken("'" + name + "' is read, which no operator gives");
      return std::optional(Source{-1, visit.op[place], number});
    }
    const auto& results = visit.results[place];
    if (number < 0 || static_cast<size_t>(number) >= results.size())
      return broken("'" + name + "' is read, and the call gives " + std::to_string(results.size()) +
                    " results");
    return std::optional(results[static_cast<size_t>(number)]);
  }

  Error cycle_at(int scope, int place) const {
    const wire::Node& at = node({scope, place});
    if (at.op() == "Merge" || at.op() == "NextIteration" || at.op() == "Enter" || at.op() == "Switch")
      return {ErrorKind::unsupported,
              "'" + at.name() + "' (" + at.op() +
                  ") is part of a loop as TensorFlow 1 writes it, which is not read here (freeze "
                  "the model with lower_control_flow=False)"};
    return broken("'" + at.name() + "' reads what follows from it");
  }

  // Brings the last task further: pushes what it waits for, or finishes it.
  Status step(std::vector<Task>& tasks) {
    const Task task = tasks.back();
    const size_t before = tasks.size();
    const auto place = static_cast<size_t>(task.place);
    const wire::Node& wire = node(task);
    visits_[static_cast<size_t>(task.scope)].seen[place] = Seen::begun;
    if (visits_[static_cast<size_t>(task.scope)].body[place] < 0) {
      std::vector<Source> inputs;
      for (const std::string& input : wire.input()) {
        if (input.starts_with("^")) continue;
        FETAFIX_TRY(const auto source, look(task.scope, input, tasks));
        if (tasks.size() > before) return {};
        inputs.push_back(*source);
      }
      if (!is_call(wire.op())) return add(task, wire, std::move(inputs));
      FETAFIX_CHECK(enter(task, wire, std::move(inputs)));
    }
    return leave(task, tasks);
  }

  Status add(const Task& task, const wire::Node& wire, std::vector<Source> inputs) {
    Visit& visit = visits_[static_cast<size_t>(task.scope)];
    visit.op[static_cast<size_t>(task.place)] = static_cast<int>(out_.ops.size());
    visit.seen[static_cast<size_t>(task.place)] = Seen::done;
    out_.ops.push_back({&wire, task.scope, task.place, std::move(inputs)});
    return {};
  }

  Status enter(const Task& task, const wire::Node& wire, std::vector<Source> inputs) {
    const wire::Attribute* called = wire::find_attribute(wire, "f");
    const auto function = called ? functions_.find(called->func().name()) : functions_.end();
    if (function == functions_.end())
      return broken("'" + wire.name() + "' calls function '" + (called ? called->func().name() : "") +
                    "', which is not in the file");
    const size_t depth = visits_[static_cast<size_t>(task.scope)].depth + 1;
    if (depth > deepest) return broken("function '" + called->func().name() + "' calls itself");
    visits_[static_cast<size_t>(task.scope)].body[static_cast<size_t>(task.place)] =
        static_cast<int>(visits_.size());
    return open(function->second, out_.scopes[static_cast<size_t>(task.scope)].prefix + wire.name() + "/",
                std::move(inputs), depth);
  }

  Status leave(const Task& task, std::vector<Task>& tasks) {
    const auto place = static_cast<size_t>(task.place);
    const int body = visits_[static_cast<size_t>(task.scope)].body[place];
    const auto& function = graph_.library().function(out_.scopes[static_cast<size_t>(body)].function);
    const size_t before = tasks.size();
    std::vector<Source> results;
    for (const auto& output : function.signature().output_arg()) {
      const std::string* returned = returned_as(function, output.name());
      if (!returned)
        return broken("function '" + function.signature().name() + "' does not say what it returns");
      FETAFIX_TRY(const auto source, look(body, *returned, tasks));
      if (tasks.size() > before) return {};
      results.push_back(*source);
    }
    Visit& visit = visits_[static_cast<size_t>(task.scope)];
    out_.scopes[static_cast<size_t>(task.scope)].results[task.place] = results;
    visit.results[place] = std::move(results);
    visit.seen[place] = Seen::done;
    return {};
  }

  const File& file_;
  const wire::Graph& graph_;
  std::unordered_map<std::string, int> functions_;
  std::map<std::pair<std::string, int>, int> inputs_;
  std::vector<Visit> visits_;  // by scope
  size_t total_ = 0, most_nodes_ = 0;
  Program out_;
};

}  // namespace

bool is_call(const std::string& op) {
  return op == "StatefulPartitionedCall" || op == "PartitionedCall";
}

const google::protobuf::RepeatedPtrField<wire::Node>& nodes_of(const wire::Graph& graph, int function) {
  return function < 0 ? graph.node() : graph.library().function(function).node_def();
}

Result<Program> program_of(const File& file) {
  return Inliner(file).run();
}

Result<Program> program_of(const File& file, int function) {
  return Inliner(file).run(function);
}

int function_named(const wire::Graph& graph, const std::string& name) {
  for (int i = 0; i < graph.library().function_size(); ++i)
    if (graph.library().function(i).signature().name() == name) return i;
  return -1;
}

int function_at(const wire::Graph& graph, const wire::Node& node, const std::string& attribute) {
  const wire::Attribute* called = wire::find_attribute(node, attribute);
  return called ? function_named(graph, called->func().name()) : -1;
}

}  // namespace fetafix::formats::tensorflow
