// Finding the operators of a patch again in another file.
//
// 1. Each native operator (and model input) gets a digest of what it is by itself.
// 2. Where several have the same, digests of growing neighborhoods tell them apart: in round k + 1 an
// operator
//    is its own digest of round k with those of all whom it reads and who read it (Weisfeiler and Leman).
// 3. A patch records only as many rounds as it takes: each further one would tie it to more of the file.
#include <algorithm>

#include "base/files.h"
#include "graph/edit.h"

namespace fetafix::graph {
namespace {

constexpr size_t most_rounds = 8;  // twins that are still alike then are alike for any purpose here

std::string digest(const std::string& text) {
  return sha256(as_bytes(text)).substr(0, 24);
}

std::string shape_text(const Value& value) {
  return std::string(dtype_name(value.dtype)) + (value.shape ? to_string(*value.shape) : "?");
}

std::string constant_digest(const Tensor& tensor) {
  return std::string(dtype_name(tensor.dtype())) + to_string(tensor.shape()) + sha256(tensor.bytes());
}

// to_text() shortens tensors.
std::string attribute_text(const Attribute& attribute) {
  const auto* tensor = std::get_if<Tensor>(&attribute);
  return tensor ? constant_digest(*tensor) : to_text(attribute);
}

// All operators and inputs of a view, as one list, with their digests round by round.
class Entities {
 public:
  explicit Entities(const Graph& graph) : graph_(graph), uses_(graph) {
    collect();
    rounds_.emplace_back();
    for (size_t i = 0; i < inputs_; ++i)
      rounds_[0].push_back(digest("input " + shape_text(graph.value(graph.inputs[i]))));
    for (const auto& nodes : nodes_) rounds_[0].push_back(own_digest(nodes));
    find_edges();
    for (size_t k = 0; k < most_rounds; ++k) rounds_.push_back(next_round());
  }

  std::optional<size_t> of(const NativeOperator& op) const {
    const auto found = operators_.find(op);
    return found == operators_.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<size_t> of_input(int input) const {
    const bool known = input >= 0 && static_cast<size_t>(input) < inputs_;
    return known ? std::optional(static_cast<size_t>(input)) : std::nullopt;
  }
  bool is_input(size_t entity) const { return entity < inputs_; }
  const NativeOperator& operator_of(size_t entity) const {
    return graph_.node(nodes_[entity - inputs_].front()).native;
  }

  Fingerprint fingerprint(size_t entity) const {
    Fingerprint out{rounds_[0][entity], {}};
    for (size_t k = 1; k <= most_rounds && matches(out).size() > 1; ++k)
      out.around.push_back(rounds_[k][entity]);
    return out;
  }

  std::vector<size_t> matches(const Fingerprint& wanted) const {
    std::vector<size_t> out;
    for (size_t e = 0; e < rounds_[0].size(); ++e) {
      bool same = rounds_[0][e] == wanted.own && wanted.around.size() <= most_rounds;
      for (size_t k = 0; same && k < wanted.around.size(); ++k) same = rounds_[k + 1][e] == wanted.around[k];
      if (same) out.push_back(e);
    }
    return out;
  }

 private:
  struct Edge {
    size_t other;
    std::string label;  // which output of the one goes into which operand of the other
  };

  void collect() {
    inputs_ = graph_.inputs.size();
    entity_.assign(graph_.nodes.size(), 0);
    for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) {
      const auto [at, fresh] = operators_.try_emplace(graph_.node(n).native, inputs_ + nodes_.size());
      if (fresh) nodes_.emplace_back();
      nodes_[at->second - inputs_].push_back(n);
      entity_[static_cast<size_t>(n)] = at->second;
    }
  }

  // "2.0": output 0 of the third node of its operator.
  std::string place(NodeId node, size_t output) const {
    const auto& nodes = nodes_[entity_[static_cast<size_t>(node)] - inputs_];
    return std::to_string(std::find(nodes.begin(), nodes.end(), node) - nodes.begin()) + "." +
           std::to_string(output);
  }

  std::string output_place(ValueId value) const {
    const NodeId producer = uses_.producer[static_cast<size_t>(value)];
    if (producer < 0) return "";
    const auto& outputs = graph_.node(producer).outputs;
    return place(producer,
                 static_cast<size_t>(std::find(outputs.begin(), outputs.end(), value) - outputs.begin()));
  }

  std::string own_digest(const std::vector<NodeId>& nodes) {
    std::string text;
    for (NodeId id : nodes) {
      const Node& node = graph_.node(id);
      text += node.domain + ":" + node.type + " " + std::string(role_name(node.role)) + "\n";
      for (const auto& [name, value] : node.attributes) text += name + "=" + attribute_text(value) + "\n";
      for (ValueId in : node.inputs) text += operand_text(in, entity_[static_cast<size_t>(id)]) + "\n";
      for (ValueId out : node.outputs) text += out == no_value ? "-" : "+";
      text += "\n";
    }
    return digest(text);
  }

  std::string operand_text(ValueId in, size_t reader) {
    if (in == no_value) return "-";
    if (graph_.value(in).is_constant()) {
      std::string& known = constants_[in];
      if (known.empty()) known = constant_digest(graph_.value(in).constant);
      return known;
    }
    const NodeId producer = uses_.producer[static_cast<size_t>(in)];
    const bool inside = producer >= 0 && entity_[static_cast<size_t>(producer)] == reader;
    return inside ? output_place(in) : "computed";
  }

  void find_edges() {
    reads_.resize(rounds_[0].size());
    read_by_.resize(rounds_[0].size());
    std::map<ValueId, size_t> input_of;
    for (size_t i = 0; i < inputs_; ++i) input_of[graph_.inputs[i]] = i;
    for (NodeId n = 0; n < static_cast<NodeId>(graph_.nodes.size()); ++n) {
      const size_t reader = entity_[static_cast<size_t>(n)];
      for (size_t slot = 0; slot < graph_.node(n).inputs.size(); ++slot) {
        const ValueId in = graph_.node(n).inputs[slot];
        if (in == no_value) continue;
        const NodeId producer = uses_.producer[static_cast<size_t>(in)];
        const auto input = input_of.find(in);
        if (producer < 0 && input == input_of.end()) continue;
        const size_t other = producer >= 0 ? entity_[static_cast<size_t>(producer)] : input->second;
        if (other == reader) continue;
        const std::string label = output_place(in) + ">" + place(n, slot);
        reads_[reader].push_back({other, label});
        read_by_[other].push_back({reader, label});
      }
    }
  }

  std::vector<std::string> next_round() const {
    const std::vector<std::string>& now = rounds_.back();
    std::vector<std::string> out;
    for (size_t e = 0; e < now.size(); ++e) {
      std::string text = now[e];
      for (const Edge& edge : reads_[e]) text += "\n<" + edge.label + now[edge.other];
      std::vector<std::string> readers;  // their order in the file means nothing
      for (const Edge& edge : read_by_[e]) readers.push_back("\n>" + edge.label + now[edge.other]);
      std::sort(readers.begin(), readers.end());
      for (const std::string& reader : readers) text += reader;
      text += outputs_of(e);
      out.push_back(digest(text));
    }
    return out;
  }

  // Which outputs of the model it computes.
  std::string outputs_of(size_t entity) const {
    std::string text;
    for (size_t o = 0; o < graph_.outputs.size(); ++o) {
      const NodeId producer = uses_.producer[static_cast<size_t>(graph_.outputs[o])];
      if (producer >= 0 && entity_[static_cast<size_t>(producer)] == entity)
        text += "\nout " + std::to_string(o) + " " + output_place(graph_.outputs[o]);
    }
    return text;
  }

  const Graph& graph_;
  const Uses uses_;
  size_t inputs_ = 0;
  std::map<NativeOperator, size_t> operators_;
  std::vector<std::vector<NodeId>> nodes_;  // of each operator
  std::vector<size_t> entity_;              // of each node
  std::map<ValueId, std::string> constants_;
  std::vector<std::vector<Edge>> reads_, read_by_;
  std::vector<std::vector<std::string>> rounds_;
};

// Calls `on_operator` and `on_input` with each address in an edit; what earlier edits made has none.
template <class Operator, class Input>
struct EachAddress {
  Operator on_operator;
  Input on_input;

  void visit(Address& at) const {
    if (at.op.index >= 0) on_operator(at.op);
  }
  void visit(ValueAddress& value) const {
    if (value.graph_input >= 0)
      on_input(value.graph_input);
    else
      visit(value.node);
  }
  void operator()(SetOperand& e) const { visit(e.at), visit(e.value); }
  void operator()(InsertNode& e) const {
    visit(e.edge);
    if (e.only_consumer) visit(e.only_consumer->first);
    for (auto& [operand, value] : e.other_operands) visit(value);
  }
  void operator()(Redeclare& e) const { visit(e.value); }
  void operator()(SetOutput& e) const { visit(e.value); }
  void operator()(SortOperators&) const {}
  template <class Other>
  void operator()(Other& e) const {
    visit(e.at);
  }
};

template <class Operator, class Input>
void each_address(Patch& patch, Operator on_operator, Input on_input) {
  const EachAddress<Operator, Input> each{on_operator, on_input};
  for (EditGroup& group : patch.groups)
    for (Edit& edit : group.edits) std::visit(each, edit);
}

// Where the fingerprints of a patch are in another file; complains about all that are not there once.
class Finder {
 public:
  Finder(const Patch& patch, const Graph& graph) : patch_(patch), entities_(graph) {}

  void find(NativeOperator& op) {
    const auto known = patch_.operators.find(op);
    const std::string name =
        "operator " + std::to_string(op.index) + (op.graph.empty() ? "" : " of graph '" + op.graph + "'");
    if (const auto found = once(name, known == patch_.operators.end() ? nullptr : &known->second, false))
      op = entities_.operator_of(*found);
  }
  void find(int& input) {
    const auto known = patch_.inputs.find(input);
    const std::string name = "model input " + std::to_string(input);
    if (const auto found = once(name, known == patch_.inputs.end() ? nullptr : &known->second, true))
      input = static_cast<int>(*found);
  }
  const std::map<std::string, std::string>& missed() const { return missed_; }

 private:
  std::optional<size_t> once(const std::string& name, const Fingerprint* wanted, bool input) {
    if (!wanted) {
      missed_[name] = "has no fingerprint in the patch";
      return std::nullopt;
    }
    std::vector<size_t> found = entities_.matches(*wanted);
    std::erase_if(found, [&](size_t e) { return entities_.is_input(e) != input; });
    if (found.size() == 1) return found[0];
    missed_[name] = "found " + std::to_string(found.size()) + " times";
    return std::nullopt;
  }

  const Patch& patch_;
  const Entities entities_;
  std::map<std::string, std::string> missed_;
};

}  // namespace

void add_fingerprints(Patch& patch, const Graph& graph) {
  const Entities entities(graph);
  patch.operators.clear();
  patch.inputs.clear();
  each_address(
      patch,
      [&](const NativeOperator& op) {
        if (const auto entity = entities.of(op)) patch.operators[op] = entities.fingerprint(*entity);
      },
      [&](int input) {
        if (const auto entity = entities.of_input(input)) patch.inputs[input] = entities.fingerprint(*entity);
      });
}

Result<Patch> rebase(const Patch& patch, const Graph& graph) {
  Finder finder(patch, graph);
  Patch out = patch;
  each_address(
      out, [&](NativeOperator& op) { finder.find(op); }, [&](int& input) { finder.find(input); });
  if (!finder.missed().empty()) {
    std::string text;
    for (const auto& [name, what] : finder.missed()) text += (text.empty() ? "" : ", ") + name + " " + what;
    return Error{ErrorKind::usage, "the patch can't be rebased: " + text + "; expected each exactly once"};
  }
  out.operators.clear();
  out.inputs.clear();
  out.reverse.reset();
  return out;
}

}  // namespace fetafix::graph
