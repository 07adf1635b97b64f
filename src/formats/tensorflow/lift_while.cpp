// Loops (While, StatelessWhile), and the lists of tensors that they fill: a list is a tensor with one more
// axis.
#include "formats/tensorflow/lift_families.h"
#include "graph/while_loop.h"

namespace fetafix::formats::tensorflow {
namespace {

constexpr int most_depth = 2;  // functions may loop over themselves

}  // namespace

Lifter::Lifter(const File& file, const Lifter& parent, std::vector<wire::Port> inputs,
               std::map<int, Source> inherited)
    : file_(file),
      inputs_(std::move(inputs)),
      parent_(&parent),
      depth_(parent.depth_ + 1),
      inherited_(std::move(inherited)),
      memory_(parent.memory_) {}

Result<graph::Graph> Lifter::lift_function(int function, const std::vector<ValueId>& operands,
                                           const std::map<int, Source>& inherited) {
  const auto& body = file_.graph().library().function(function);
  const std::string where = "function '" + body.signature().name() + "'";
  if (depth_ >= most_depth) return Operation::unsupported(where + " lies too deep");
  // Many loops may run one function: each is a program of its own.
  spend(memory_of_one * static_cast<uint64_t>(body.node_def_size()));
  FETAFIX_CHECK(check_memory());
  std::vector<wire::Port> inputs;
  for (size_t i = 0; i < operands.size(); ++i) {
    wire::Port port;
    port.key = body.signature().input_arg(static_cast<int>(i)).name();
    if (operands[i] != graph::no_value) {
      const graph::Value& value = out_.lifted.graph.value(operands[i]);
      port.dtype = value.dtype;
      port.shape = value.is_constant() ? value.constant.shape() : value.shape;
    }
    inputs.push_back(std::move(port));
  }
  Lifter nested(file_, *this, std::move(inputs), inherited);
  FETAFIX_TRY(nested.out_.program, program_of(file_, function));
  nested.out_.variables = out_.variables;
  auto lifted = nested.lift_program();
  memory_ = nested.memory_;  // many loops may run one function
  if (!lifted.ok()) return Operation::unsupported(where + ": " + lifted.error().message);
  graph::Graph& graph = lifted->lifted.graph;
  for (graph::Node& node : graph.nodes) {
    if (node.opaque) return Operation::unsupported(where + ": " + lifted->lifted.notes.front());
    node.native.graph = body.signature().name();
  }
  return std::move(graph);
}

Status Operation::loop(int condition, int body) {
  const auto& functions = lifter_.file_.graph().library();
  if (condition < 0 || body < 0) return unsupported("its functions are not in the file");
  if (functions.function(body).signature().input_arg_size() != operands() ||
      functions.function(condition).signature().input_arg_size() != operands() ||
      functions.function(body).signature().output_arg_size() != operands())
    return unsupported("its functions have other operands than it has");
  lifter_.spend(Lifter::memory_of_one * static_cast<uint64_t>(functions.function(body).node_def_size()));
  FETAFIX_CHECK(lifter_.check_memory());
  // What the body hands on as it is, and what is constant outside, is constant inside.
  FETAFIX_TRY(const Program steps, program_of(lifter_.file_, body));
  std::map<int, Source> inherited;
  std::vector<ValueId> values;
  std::vector<int> variables;
  for (int slot = 0; slot < operands(); ++slot) {
    FETAFIX_TRY(const Source from, source(slot));
    const bool handed_on =
        stored_origin(steps, steps.outputs[static_cast<size_t>(slot)]) == Source{slot, -1, 0};
    if (handed_on && lifter_.is_constant(from)) {
      inherited[slot] = from;
      values.push_back(graph::no_value);
      continue;
    }
    FETAFIX_TRY(const Operand operand, in(slot));
    values.push_back(operand.id);
    variables.push_back(slot);
  }
  FETAFIX_TRY(graph::Graph before, lifter_.lift_function(condition, values, inherited));
  FETAFIX_TRY(graph::Graph step, lifter_.lift_function(body, values, inherited));
  // The results of what is inherited are no variables.
  std::vector<ValueId> results;
  for (int slot : variables) results.push_back(step.outputs[static_cast<size_t>(slot)]);
  step.outputs = results;
  if (const auto why = graph::why_no_loop(before, step, variables.size()); !why.empty())
    return unsupported(why);

  std::vector<Operand> operands{{}, {}};
  std::vector<ValueId> first;
  for (int slot : variables) {
    operands.push_back({values[static_cast<size_t>(slot)], slot});
    first.push_back(values[static_cast<size_t>(slot)]);
  }
  step = graph::loop_body(before, std::move(step), index_);
  auto& graph = lifter_.out_.lifted.graph;
  for (graph::Value& value : before.values)
    value.name = lifter_.unique(lifter_.name_of({-1, index_, 0}) + "/" + value.name);
  operands[1].id = graph::append(graph, before, first, {"", index_}, Role::bridge)[0];
  const auto made =
      nodes("Loop", operands, {}, static_cast<int>(variables.size()), Role::core, DType::float32);
  graph.nodes.back().bodies["body"] = {std::make_shared<graph::Graph>(std::move(step)), {}};
  for (size_t i = 0; i < variables.size(); ++i) {
    graph::Value& result = graph.value(made[i].id);
    result.dtype = graph.value(first[i]).dtype;
    result.shape = graph.value(first[i]).is_constant() ? graph.value(first[i]).constant.shape()
                                                       : graph.value(first[i]).shape;
    FETAFIX_CHECK(out(variables[i], made[i]));
  }
  note(
      "is judged as a whole: of what lies inside, the parameters of an LSTM or GRU alone can be told apart "
      "and repaired");
  return {};
}

Status lift_while(Operation& op) {
  return op.loop(op.function("cond"), op.function("body"));
}

// A list that is there already is the tensor itself.
Status lift_list_of_tensor(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Identity", {x}));
}

// Zeros: what is read before it is written does not occur. Operands: shape of an element, number of elements.
Status lift_empty_list(Operation& op) {
  FETAFIX_TRY(auto shape, op.sizes(0));
  FETAFIX_TRY(const auto count, op.sizes(1));
  if (count.size() != 1) return Operation::unsupported("the number of its elements is not one number");
  shape.insert(shape.begin(), count[0]);
  if (std::ranges::count_if(shape, [](int64_t size) { return size < 0; }) > 0)
    return Operation::unsupported("the size of its elements is not known");
  auto zero = Tensor::zeros(op.element_type("element_dtype"), {1});
  if (!zero.ok()) return Operation::unsupported("its elements have a type without numbers");
  const DType dtype = zero->dtype();
  const Operand y = op.node("ConstantOfShape", {op.number("", Tensor::vector(shape))},
                            {{"value", std::move(zero).value()}}, Role::core, dtype);
  return op.out(y);
}

// Operands: list, index, element.
Status lift_list_set(Operation& op) {
  FETAFIX_TRY(const Operand list, op.in(0));
  FETAFIX_TRY(const Operand index, op.int64s(1, {1, 1}));
  FETAFIX_TRY(const Operand element, op.in(2));
  const Operand one =
      op.node("Unsqueeze", {element, op.number("", Tensor::vector<int64_t>({0}))}, {}, Role::bridge);
  return op.out(op.node("ScatterND", {list, index, one}));
}

Status lift_list_get(Operation& op) {
  FETAFIX_TRY(const Operand list, op.in(0));
  FETAFIX_TRY(const Operand index, op.in(1));
  return op.out(op.node("Gather", {list, index}, {{"axis", int64_t{0}}}));
}

}  // namespace fetafix::formats::tensorflow
