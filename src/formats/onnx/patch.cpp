// Writing edits into an ONNX file. An edit names operators by their index in the original file; the view
// of that file says which native value each address means, and the change is made on names in the proto.
#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "formats/onnx/edit_nested.h"
#include "formats/onnx/model.h"
#include "formats/onnx/names.h"
#include "formats/onnx/old_form.h"
#include "formats/onnx/upgrade.h"
#include "graph/edit_stored.h"

namespace fetafix::formats::onnx {
namespace {

using graph::Address;
using graph::Graph;
using graph::ValueId;

Error cannot(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

class Patcher {
 public:
  Patcher(onnx_wire::Model& model, const Graph& view)
      : graph_(*model.mutable_graph()), view_(view), opset_(default_opset(model)) {
    for (int i = 0; i < graph_.node_size(); ++i) nodes_.push_back({i, &graph_.node(i), nullptr});
    for (const auto& tensor : graph_.initializer()) taken_.insert(tensor.name());
    for (const auto& input : graph_.input()) taken_.insert(input.name());
    for (const auto& node : graph_.node()) taken_.insert(node.output().begin(), node.output().end());
  }

  Status run(const graph::Patch& patch) {
    find_common_changes(patch);
    for (const auto& group : patch.groups)
      for (const auto& edit : group.edits)
        if (auto status = std::visit([&](const auto& e) { return apply(e); }, edit); !status.ok())
          return in_context(graph::describe(edit), std::move(status).error());
    rebuild();
    return {};
  }

 private:
  // A node of the file: as it was, or our changed copy of it.
  struct Item {
    int original;  // index in the file; -1: made by this patch
    const onnx_wire::Node* before;
    std::shared_ptr<onnx_wire::Node> after;
    bool removed = false;
  };

  Result<std::list<Item>::iterator> item(const Address& at) {
    if (!at.op.graph.empty()) return cannot("nodes of nested graphs can't be edited");
    for (auto it = nodes_.begin(); it != nodes_.end(); ++it)
      if (it->original == at.op.index && !it->removed) return it;
    return cannot("there is no node " + std::to_string(at.op.index));
  }

  static onnx_wire::Node& writable(Item& item) {
    if (!item.after) item.after = std::make_shared<onnx_wire::Node>(*item.before);
    return *item.after;
  }

  static const onnx_wire::Node& current(const Item& item) { return item.after ? *item.after : *item.before; }

  std::string fresh() {
    std::string name;
    do name = "p" + std::to_string(++made_);
    while (!taken_.insert(name).second);
    return name;
  }

  std::string add_initializer(const Tensor& tensor) {
    auto* wire = graph_.add_initializer();
    wire->set_name(fresh());
    onnx_wire::write_tensor(tensor, *wire);
    made_initializers_.insert(wire->name());
    return wire->name();
  }

  // How many operands and outputs read a name.
  int uses(const std::string& name) const {
    int count = 0;
    for (const Item& item : nodes_)
      if (!item.removed) count += uses_of(current(item), name);
    for (const auto& output : graph_.output()) count += output.name() == name;
    return count;
  }

  // Finds constants of which every use gets the same new content: they need no copy.
  void find_common_changes(const graph::Patch& patch) {
    std::map<std::string, std::map<std::pair<int, int>, const Tensor*>> changes;
    for (const auto& group : patch.groups)
      for (const auto& edit : group.edits)
        if (const auto* set = std::get_if<graph::SetTensor>(&edit)) {
          const int op = set->at.op.index, slot = set->slot;
          if (!set->at.op.graph.empty() || op < 0 || op >= graph_.node_size() || slot < 0 ||
              slot >= graph_.node(op).input_size())
            continue;
          changes[graph_.node(op).input(slot)][{op, slot}] = &set->value;
        }
    for (const auto& [name, by_use] : changes) {
      const Tensor& first = *by_use.begin()->second;
      const bool same = std::all_of(by_use.begin(), by_use.end(),
                                    [&](const auto& use) { return use.second->identical(first); });
      if (same && static_cast<int>(by_use.size()) == uses(name)) changed_everywhere_.insert(name);
    }
  }

  Status set_in_nested(const graph::SetTensor& edit) {
    const auto step = first_step(edit.at.op.graph);
    if (!step) return cannot("there is no graph '" + edit.at.op.graph + "'");
    FETAFIX_TRY(auto it, item({{"", step->node}}));
    return set_nested(writable(*it), *step, edit);
  }

  Status apply(const graph::SetTensor& edit) {
    if (!edit.at.op.graph.empty()) return set_in_nested(edit);
    FETAFIX_TRY(auto it, item(edit.at));
    FETAFIX_TRY(graph::NodeId id, graph::resolve(view_, edit.at));
    const graph::Node& viewed = view_.node(id);
    for (size_t i = 0; i < viewed.slots.size(); ++i) {
      const ValueId operand = viewed.inputs[i];
      if (viewed.slots[i] != edit.slot || operand == graph::no_value) continue;
      const graph::Value& value = view_.value(operand);
      if (!value.is_constant())
        return cannot("operand " + std::to_string(edit.slot) + " is computed, not a constant");
      if (is_floating(edit.value.dtype()) != is_floating(value.dtype))
        return cannot("operand " + std::to_string(edit.slot) + " holds " +
                      std::string(dtype_name(value.dtype)));
      const bool from_attribute = value.lens && !value.lens->attribute.empty() && value.native_name.empty();
      if (from_attribute) return set_attribute_operand(*it, value, edit.value);
    }
    return set_operand_tensor(*it, edit.slot, edit.value);
  }

  // An operand of the view that older operator sets write as an attribute (Clip bounds, axes).
  Status set_attribute_operand(Item& item, const graph::Value& value, const Tensor& tensor) {
    graph::Attribute attribute = int64_t{0};
    if (is_floating(tensor.dtype())) {
      FETAFIX_TRY(const Tensor floats, cast(tensor, DType::float32));
      if (value.constant.rank() == 0)
        attribute = floats.as<float>()[0];
      else
        attribute = std::vector<float>(floats.as<float>().begin(), floats.as<float>().end());
    } else {
      FETAFIX_TRY(auto ints, to_int64s(tensor));
      attribute = ints;
      if (value.lens->attribute == "k") attribute = ints.at(0);
    }
    write_attribute(item, value.lens->attribute, attribute);
    return {};
  }

  Status set_operand_tensor(Item& item, int slot, const Tensor& tensor) {
    auto& node = writable(item);
    while (node.input_size() <= slot) node.add_input("");
    const std::string name = node.input(slot);
    for (auto& wire : *graph_.mutable_initializer()) {
      if (name.empty() || wire.name() != name) continue;
      if (uses(name) > 1 && !changed_everywhere_.contains(name)) break;  // the others keep theirs
      onnx_wire::write_tensor(tensor, wire);
      return {};
    }
    for (Item& other : nodes_) {
      const auto& constant = current(other);
      if (other.removed || constant.op_type() != "Constant" || name.empty() || constant.output(0) != name)
        continue;
      if (uses(name) > 1 && !changed_everywhere_.contains(name)) break;
      auto& changed = writable(other);
      changed.clear_attribute();
      onnx_wire::write_attribute("value", graph::Attribute(tensor), *changed.add_attribute());
      return {};
    }
    node.set_input(slot, add_initializer(tensor));
    return {};
  }

  static void write_attribute(Item& item, const std::string& name,
                              const std::optional<graph::Attribute>& value) {
    auto& attributes = *writable(item).mutable_attribute();
    for (int i = 0; i < attributes.size(); ++i) {
      if (attributes.Get(i).name() != name) continue;
      if (value)
        onnx_wire::write_attribute(name, *value, attributes[i]);
      else
        attributes.DeleteSubrange(i, 1);
      return;
    }
    if (value) onnx_wire::write_attribute(name, *value, *attributes.Add());
  }

  Status apply(const graph::SetAttribute& edit) {
    FETAFIX_TRY(auto it, item(edit.at));
    FETAFIX_TRY(graph::NodeId id, graph::resolve(view_, edit.at));
    if (edit.name == "training_mode" && opset_ < 14) {
      // There the mode is the number of outputs: KeepOutputs, in the same group, says it.
      if (view_.node(id).type == "BatchNormalization") return {};
    }
    if (edit.name == "cell_clip" && edit.value && graph::to_text(*edit.value) != graph::to_text(0.0f))
      return Error{ErrorKind::unsupported, "ONNX's LSTM can't clip its cell"};
    if (edit.name == "cell_clip") return {};
    // Explicit pads replace whatever auto_pad said.
    if (edit.name == "pads" && edit.value) write_attribute(*it, "auto_pad", std::nullopt);
    write_attribute(*it, edit.name, edit.value);
    return {};
  }

  Result<std::string> native_name(const graph::ValueAddress& address) {
    FETAFIX_TRY(ValueId id, graph::resolve(view_, address));
    const graph::Value& value = view_.value(id);
    if (value.native_name.empty()) return cannot("'" + value.name + "' does not exist in the file");
    auto moved = renamed_.find(value.native_name);
    return moved == renamed_.end() ? value.native_name : moved->second;
  }

  // Outputs of the model keep their names, so the values behind them may get others.
  void rename(const std::string& from, const std::string& to) {
    for (auto& [original, now] : renamed_)
      if (now == from) now = to;
    renamed_.try_emplace(from, to);
  }

  Status apply(const graph::SetOperand& edit) {
    FETAFIX_TRY(auto it, item(edit.at));
    FETAFIX_TRY(std::string name, native_name(edit.value));
    FETAFIX_TRY(const int slot, file_slot(edit.at, edit.input));
    writable(*it).set_input(slot, name);
    return {};
  }

  // Which operand in the file an operand of the view is.
  Result<int> file_slot(const Address& at, int input) const {
    FETAFIX_TRY(graph::NodeId id, graph::resolve(view_, at));
    const auto& slots = view_.node(id).slots;
    if (input < 0 || static_cast<size_t>(input) >= slots.size() || slots[static_cast<size_t>(input)] < 0)
      return cannot("operand " + std::to_string(input) + " does not exist in the file");
    return slots[static_cast<size_t>(input)];
  }

  // Constants of an inserted node have the floating type of the edge that it is put on.
  Result<std::string> add_operand(const Tensor& given, const graph::ValueAddress& edge) {
    FETAFIX_TRY(const ValueId id, graph::resolve(view_, edge));
    const DType wanted = view_.value(id).dtype;
    if (!is_floating(wanted) || !is_floating(given.dtype())) return add_initializer(given);
    FETAFIX_TRY(const Tensor typed, cast(given, wanted));
    return add_initializer(typed);
  }

  Status apply(const graph::ChangeType& edit) {
    FETAFIX_TRY(auto it, item(edit.at));
    FETAFIX_TRY(graph::NodeId id, graph::resolve(view_, edit.at));
    const graph::Node& viewed = view_.node(id);
    auto& node = writable(*it);
    if (opset_ < form_since(edit.type) && form_since(viewed.type) != form_since(edit.type))
      return written_otherwise(edit.type, opset_);
    node.set_op_type(edit.type);
    node.clear_domain();
    node.clear_attribute();
    for (const auto& [name, value] : edit.attributes)
      onnx_wire::write_attribute(name, value, *node.add_attribute());
    for (ValueId operand : viewed.inputs) {  // operands that this operator set writes as attributes stay
      if (operand == graph::no_value) continue;
      const graph::Value& value = view_.value(operand);
      if (value.is_constant() && value.lens && !value.lens->attribute.empty() && value.native_name.empty())
        FETAFIX_CHECK(set_attribute_operand(*it, value, value.constant));
    }
    return {};
  }

  void redirect(const std::string& from, const std::string& to) {
    for (Item& item : nodes_) {
      if (!item.removed && uses_of(current(item), from) > 0) rename_uses(writable(item), from, to);
    }
  }

  // A graph output keeps its name: what computed `name` under it gets another, and `node` takes the name
  // over.
  bool is_output(const std::string& name) const {
    return std::any_of(graph_.output().begin(), graph_.output().end(),
                       [&](const auto& o) { return o.name() == name; });
  }

  bool is_input(const std::string& name) const {
    return std::any_of(graph_.input().begin(), graph_.input().end(),
                       [&](const auto& i) { return i.name() == name; });
  }

  Status apply(const graph::InsertNode& wanted) {
    if (graph::counts_output(wanted)) return cannot("in ONNX an output counts by operators of its own");
    FETAFIX_TRY(const graph::InsertNode edit, in_old_form(wanted, opset_));
    FETAFIX_TRY(std::string edge, native_name(edit.edge));
    auto node = std::make_shared<onnx_wire::Node>();
    node->set_op_type(edit.type);
    for (const auto& [name, value] : edit.attributes) {
      onnx_wire::write_attribute(name, value, *node->add_attribute());
    }
    auto position = nodes_.begin();
    if (edit.edge.graph_input < 0) {
      FETAFIX_TRY(position, item(edit.edge.node));
      ++position;
    }
    const std::string made = fresh();
    std::string reads = edge, writes = made;
    if (edit.only_consumer) {
      FETAFIX_TRY(auto consumer, item(edit.only_consumer->first));
      FETAFIX_TRY(const int slot, file_slot(edit.only_consumer->first, edit.only_consumer->second));
      if (slot >= current(*consumer).input_size() || current(*consumer).input(slot) != edge)
        return cannot("the consumer does not read that edge");
      writable(*consumer).set_input(slot, made);
    } else if (is_output(edge) && edit.edge.graph_input < 0) {
      // Consumers keep reading `edge`, which the new node now writes; the old producer writes `made`.
      FETAFIX_TRY(auto producer, item(edit.edge.node));
      auto& outputs = *writable(*producer).mutable_output();
      for (auto& out : outputs)
        if (out == edge) out = made;
      rename(edge, made);
      std::swap(reads, writes);
    } else {
      redirect(edge, made);
    }
    for (size_t i = 0; i < edit.operands.size(); ++i) {
      const auto& operand = edit.operands[i];
      if (operand && operand->empty()) {
        node->add_input("");
      } else if (operand) {
        FETAFIX_TRY(const std::string constant, add_operand(*operand, edit.edge));
        node->add_input(constant);
      } else {
        node->add_input(reads);
      }
    }
    for (const auto& [operand, address] : edit.other_operands) {
      FETAFIX_TRY(const std::string other, native_name(address));
      if (operand < 0 || operand >= node->input_size())
        return cannot("the inserted node has no such operand");
      node->set_input(operand, other);
      if (address.graph_input >= 0) continue;
      FETAFIX_TRY(auto producer, item(address.node));  // behind the later of its producers
      if (std::distance(nodes_.begin(), producer) >= std::distance(nodes_.begin(), position))
        position = std::next(producer);
    }
    node->add_output(writes);
    node->set_name(made);
    nodes_.insert(position, Item{-1, nullptr, std::move(node)});
    return {};
  }

  Status apply(const graph::RemoveNode& edit) {
    FETAFIX_TRY(auto it, item(edit.at));
    const onnx_wire::Node node = current(*it);
    if (edit.through < 0 || edit.through >= node.input_size() || node.output_size() == 0)
      return cannot("there is no operand to pass through");
    const std::string from = node.output(0), to = node.input(edit.through);
    it->removed = true;
    if (!is_output(from)) {
      redirect(from, to);
      return {};
    }
    // The output's name must stay: let the producer of `to` write it, or keep an Identity.
    if (is_input(to) || is_output(to)) {
      it->removed = false;
      auto& kept = writable(*it);
      kept.Clear();
      kept.set_op_type("Identity");
      kept.add_input(to);
      kept.add_output(from);
      return {};
    }
    for (Item& item : nodes_) {
      if (item.removed) continue;
      const auto outputs = current(item).output();
      for (int i = 0; i < outputs.size(); ++i)
        if (outputs.Get(i) == to) writable(item).set_output(i, from);
    }
    redirect(to, from);
    rename(to, from);
    return {};
  }

  // Those that work on the file as it stands (sound.h) are done by now.
  template <class Other>
  Status apply(const Other&) {
    return cannot("it comes before all that need a view");
  }

  Status apply(const graph::KeepOutputs& edit) {
    FETAFIX_TRY(auto it, item(edit.at));
    auto& node = writable(*it);
    for (int i = edit.keep; i < node.output_size(); ++i)
      if (uses(node.output(i)) > 0) return cannot("output '" + node.output(i) + "' is used");
    if (node.output_size() > edit.keep)
      node.mutable_output()->DeleteSubrange(edit.keep, node.output_size() - edit.keep);
    return {};
  }

  // Type, attributes and operands of a node that was made; made constants by their content.
  std::string meaning_of(onnx_wire::Node node) const {
    node.clear_output();
    node.clear_name();
    std::string constants;
    for (auto& in : *node.mutable_input())
      for (const auto& wire : graph_.initializer())
        if (wire.name() == in && made_initializers_.contains(in)) {
          onnx_wire::Tensor bare = wire;
          bare.clear_name();
          constants += bare.SerializeAsString();
          in = "constant";
          break;
        }
    return node.SerializeAsString() + constants;
  }

  void drop_made_initializer(const std::string& name) {
    auto& all = *graph_.mutable_initializer();
    for (int i = 0; i < all.size(); ++i)
      if (all.Get(i).name() == name && made_initializers_.contains(name) && uses(name) == 0) {
        all.DeleteSubrange(i, 1);
        return;
      }
  }

  // A node that was put in front of each of several readers is needed once.
  void merge_twins() {
    std::map<std::string, std::string> made;  // meaning to output
    for (Item& item : nodes_) {
      if (item.original >= 0 || item.removed || is_output(current(item).output(0))) continue;
      const onnx_wire::Node node = current(item);
      const auto [first, fresh] = made.try_emplace(meaning_of(node), node.output(0));
      if (fresh) continue;
      item.removed = true;
      redirect(node.output(0), first->second);
      for (const auto& in : node.input()) drop_made_initializer(in);
    }
  }

  void rebuild() {
    merge_twins();
    google::protobuf::RepeatedPtrField<onnx_wire::Node> rebuilt;
    for (const Item& item : nodes_)
      if (!item.removed) *rebuilt.Add() = current(item);
    graph_.mutable_node()->Swap(&rebuilt);
  }

  onnx_wire::Graph& graph_;
  const Graph& view_;
  int opset_;
  std::list<Item> nodes_;
  std::set<std::string> taken_;
  std::set<std::string> changed_everywhere_, made_initializers_;
  std::map<std::string, std::string> renamed_;  // names of the file's values: what they are called now
  int made_ = 0;
};

}  // namespace

Status patch_model(onnx_wire::Model& model, const graph::Graph& view, const graph::Patch& patch) {
  return Patcher(model, view).run(patch);
}

}  // namespace fetafix::formats::onnx
