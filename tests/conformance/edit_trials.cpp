#include "tests/conformance/edit_trials.h"

#include <algorithm>
#include <set>

#include "tests/conformance/natives.h"
#include "tests/conformance/values.h"

namespace fetafix::conformance {
namespace {

using graph::Address;
using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::Role;
using graph::ValueId;

// Collects trials of all kinds at one node after another.
class Finder {
 public:
  Finder(const Graph& view, const std::map<ValueId, Shape>& shapes)
      : view_(view), shapes_(shapes), uses_(view) {}

  std::vector<Trial> run() {
    for (NodeId id = 0; id < static_cast<NodeId>(view_.nodes.size()); ++id) {
      const Node& node = view_.node(id);
      if (node.native.index < 0 || node.opaque) continue;
      if (node.role != Role::core && node.role != Role::activation && node.role != Role::bias) continue;
      const Address at = graph::address_of(view_, id);
      tensors(node, at);
      attributes(node, at);
      operands(node, at);
      types(node, at);
      insertions(node);
      removals(node, at);
      outputs(node, at);
    }
    of_the_model();
    return std::move(out_);
  }

 private:
  void add(const char* kind, const std::string& what, std::vector<graph::Edit> edits, int64_t batch = 1) {
    out_.push_back({kind, what, std::move(edits), batch});
  }
  bool is_real(ValueId id) const { return shapes_.contains(id); }
  bool same_shape(ValueId a, ValueId b) const {
    const auto first = shapes_.find(a), second = shapes_.find(b);
    return first != shapes_.end() && second != shapes_.end() && first->second == second->second;
  }

  void tensors(const Node& node, const Address& at) {
    for (size_t i = 0; i < node.inputs.size() && i < node.slots.size(); ++i) {
      if (node.inputs[i] == graph::no_value || node.slots[i] < 0) continue;
      Tensor value = view_.value(node.inputs[i]).constant;
      if (value.dtype() != DType::float32) continue;
      for (float& v : value.mutable_as<float>()) v = 0.75f * v + 0.25f;
      add("set tensor", node.type + " slot " + std::to_string(node.slots[i]),
          {graph::SetTensor{at, node.slots[i], value}});
    }
  }

  void attributes(const Node& node, const Address& at) {
    for (const auto& [name, value] : node.attributes) {
      graph::Attribute other = value;
      if (auto* real = std::get_if<float>(&other)) {
        *real = 2 * *real + 0.25f;
      } else if (auto* pads = std::get_if<std::vector<int64_t>>(&other); pads && name == "pads") {
        const size_t axes = pads->size() / 2;
        for (size_t k = 0; k < axes; ++k) {  // the same in sum
          const int64_t moved = (*pads)[axes + k] > 0 ? 1 : (*pads)[k] > 0 ? -1 : 0;
          (*pads)[k] += moved;
          (*pads)[axes + k] -= moved;
        }
      } else {
        continue;
      }
      add("set attribute", node.type + " " + name, {graph::SetAttribute{at, name, other}});
    }
  }

  void operands(const Node& node, const Address& at) {
    for (size_t i = 0; i < node.inputs.size(); ++i)
      for (size_t j = 0; j < node.inputs.size(); ++j) {
        if (i == j || !is_real(node.inputs[i]) || !is_real(node.inputs[j])) continue;
        const auto other = graph::address_of(view_, uses_, node.inputs[j]);
        if (other.ok() && same_shape(node.inputs[i], node.inputs[j]))
          add("set operand", node.type + " " + std::to_string(i),
              {graph::SetOperand{at, static_cast<int>(i), *other}});
      }
  }

  void types(const Node& node, const Address& at) {
    static const std::map<std::string, std::string> others{
        {"Relu", "Tanh"}, {"Sigmoid", "Tanh"},        {"Tanh", "Sigmoid"},
        {"Add", "Mul"},   {"MaxPool", "AveragePool"}, {"AveragePool", "MaxPool"}};
    const auto other = others.find(node.type);
    if (other == others.end()) return;
    graph::Attributes attributes = node.attributes;
    if (other->second == "AveragePool") attributes["count_include_pad"] = int64_t{0};
    if (other->second == "MaxPool") attributes.erase("count_include_pad");
    add("change type", node.type + " to " + other->second,
        {graph::ChangeType{at, other->second, attributes}});
  }

  void insertions(const Node& node) {
    if (node.outputs.empty() || !is_real(node.outputs[0])) return;
    const auto edge = graph::address_of(view_, uses_, node.outputs[0]);
    if (!edge.ok()) return;
    add("insert node", "Sigmoid behind " + node.type,
        {graph::InsertNode{*edge, {}, "Sigmoid", {}, {std::nullopt}, {}}});
    add("insert node", "Mul behind " + node.type,
        {graph::InsertNode{*edge, {}, "Mul", {}, {std::nullopt, Tensor::scalar(0.5f)}, {}}});
  }

  void removals(const Node& node, const Address& at) {
    if (node.outputs.size() != 1) return;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (is_real(node.inputs[i]) && same_shape(node.inputs[i], node.outputs[0]))
        add("remove node", node.type + " through " + std::to_string(i),
            {graph::RemoveNode{at, static_cast<int>(i)}});
  }

  // A normalization in training mode gives more outputs than one.
  void outputs(const Node& node, const Address& at) {
    if (node.type == "BatchNormalization" && node.outputs.size() > 1)
      add("keep outputs", node.type,
          {graph::KeepOutputs{at, 1}, graph::SetAttribute{at, "training_mode", int64_t{0}}});
  }

  void of_the_model() {
    for (size_t id = 0; id < view_.values.size() && !view_.outputs.empty(); ++id) {
      const auto value = static_cast<ValueId>(id);
      if (!is_real(value) || uses_.producer[id] < 0 || view_.value(value).native_tensor < 0) continue;
      if (const auto address = graph::address_of(view_, uses_, value); address.ok())
        add("set output", view_.value(value).name, {graph::SetOutput{0, *address}});
    }
    std::vector<graph::Edit> wider;
    for (size_t i = 0; i < view_.inputs.size(); ++i) {
      const graph::Value& input = view_.value(view_.inputs[i]);
      Shape shape = input.shape.value_or(Shape{});
      if (shape.empty() || shape[0] != 1) return;
      shape[0] = 2;
      graph::Redeclare redeclare;
      redeclare.value.graph_input = static_cast<int>(i);
      redeclare.dtype = input.dtype;
      redeclare.shape = shape;
      wider.push_back(std::move(redeclare));
    }
    if (!wider.empty()) add("redeclare", "a batch of two", std::move(wider), 2);
  }

  const Graph& view_;
  const std::map<ValueId, Shape>& shapes_;
  const graph::Uses uses_;
  std::vector<Trial> out_;
};

// At most `most` of a kind for each model, of as many operators as there are.
std::vector<Trial> spread_out(std::vector<Trial> all) {
  std::set<std::string> met;
  std::vector<Trial> first, rest;
  for (Trial& trial : all)
    (met.insert(trial.kind + trial.what).second ? first : rest).push_back(std::move(trial));
  std::ranges::move(rest, std::back_inserter(first));
  return first;
}

// What the edited view computes; nullopt: the view can't take the edit, or nothing shows.
struct Expected {
  std::vector<Tensor> inputs, outputs;
};
std::optional<Expected> expectation(const Opened& opened, const Trial& trial, const graph::Patch& patch) {
  Graph edited = opened.view;
  if (!graph::apply(edited, patch).ok()) return std::nullopt;
  const auto inputs =
      trial.batch == 1 ? Result<std::vector<Tensor>>(opened.inputs) : noise_for(edited, 1, trial.batch);
  if (!inputs.ok()) return std::nullopt;
  const auto outputs = run_view(edited, *inputs);
  if (!outputs.ok() || spread(opened.outputs, *outputs) <= 4 * opened.limit()) return std::nullopt;
  return Expected{*inputs, *outputs};
}

Status hold(const Opened& opened, const Expected& expected, const formats::NativeModel& patched,
            const std::filesystem::path& file) {
  FETAFIX_CHECK(patched.write(file));
  FETAFIX_TRY(const auto again, formats::read_model(file));
  if (again->format() != patched.format()) return wrong("is read as " + std::string(again->format()));
  if (again->sha256() == opened.model->sha256()) return wrong("the file is the same");
  FETAFIX_TRY(const auto lifted, again->lift());
  FETAFIX_TRY(const auto viewed, run_view(lifted.graph, expected.inputs));
  if (const double apart = spread(expected.outputs, viewed); apart > opened.limit())
    return wrong("the file, lifted again, is " + number(apart) + " from the edited view");
  auto outputs = run_natively(std::string(patched.format()), file, expected.inputs);
  if (!outputs.ok()) return wrong("its runtime says: " + outputs.error().message);
  if (const double apart = spread(expected.outputs, *outputs); apart > opened.limit())
    return wrong("in its runtime the file is " + number(apart) + " from the edited view");
  return {};
}

// Of the real values; not every file says them.
Result<std::map<ValueId, Shape>> shapes_of(const Opened& opened) {
  std::vector<ValueId> wanted;
  for (const Node& node : opened.view.nodes)
    for (ValueId id : node.outputs)
      if (id != graph::no_value) wanted.push_back(id);
  FETAFIX_TRY(const auto values, run_view(opened.view, opened.inputs, wanted));
  std::map<ValueId, Shape> out;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (values[i].dtype() == DType::float32) out[wanted[i]] = values[i].shape();
  for (size_t i = 0; i < opened.inputs.size(); ++i)
    if (opened.inputs[i].dtype() == DType::float32) out[opened.view.inputs[i]] = opened.inputs[i].shape();
  return out;
}

}  // namespace

std::vector<Trial> trials(const Graph& view, const std::map<ValueId, Shape>& shapes) {
  return spread_out(Finder(view, shapes).run());
}

Status try_edits(const Opened& opened, int most, std::map<std::string, Tally>& tallies) {
  // Between quantized tensors an edit moves roundings, by more than what is right differs: formats have tests
  // of their own for that.
  if (is_quantized(opened.view)) return {};
  auto folder = TemporaryFolder::make();
  if (!folder.ok()) return folder.error();
  const auto file = folder->path() / ("edited" + opened.path.extension().string());
  std::map<std::string, int> tried;
  FETAFIX_TRY(const auto shapes, shapes_of(opened));
  for (const Trial& trial : trials(opened.view, shapes)) {
    if (tried[trial.kind] == most) continue;
    const graph::Patch patch{
        std::string(opened.model->format()), opened.model->sha256(), {{trial.edits, "a test"}}};
    const auto expected = expectation(opened, trial, patch);
    if (!expected) continue;
    const auto patched = opened.model->patched(patch);
    if (!patched.ok()) {
      auto& list = patched.error().kind == ErrorKind::unsupported ? tallies[trial.kind].refused
                                                                  : tallies[trial.kind].wrong;
      list.push_back(trial.what + ": " + patched.error().message);
      continue;
    }
    ++tried[trial.kind];
    const auto held = hold(opened, *expected, **patched, file);
    if (held.ok())
      ++tallies[trial.kind].seen;
    else
      tallies[trial.kind].wrong.push_back(trial.what + ": " + held.error().message);
  }
  return {};
}

}  // namespace fetafix::conformance
