#include "formats/onnx/sound.h"

#include <algorithm>
#include <array>
#include <limits>

#include "formats/input_shape.h"
#include "formats/onnx/names.h"
#include "formats/onnx/operands.h"
#include "formats/onnx/order.h"
#include "graph/label.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::onnx {
namespace {

constexpr int oldest_opset = 7, newest_opset = 25;
constexpr size_t most_defects = 64;  // of a file that has more, the rest is not a model

// Source: the versions table of the ONNX specification (docs/Versioning.md): the IR version that came with
// each operator set.
int ir_version_of(int opset) {
  static constexpr std::array<std::pair<int, int>, 11> table{
      {{8, 3}, {9, 4}, {10, 5}, {11, 6}, {14, 7}, {18, 8}, {20, 9}, {22, 10}, {23, 11}, {24, 12}, {25, 13}}};
  for (const auto& [last, ir] : table)
    if (opset <= last) return ir;
  return table.back().second;
}

std::string place_of(const onnx_wire::Graph& graph, int index) {
  const auto& node = graph.node(index);
  std::string name = node.name();
  for (const std::string& output : node.output())
    if (name.empty()) name = output;
  return graph::operator_label(node.op_type(), index, name);
}

std::vector<graph::Edit> redeclared(int input, DType dtype) {
  graph::Redeclare edit;
  edit.value.graph_input = input;
  edit.dtype = dtype;
  std::vector<graph::Edit> out;
  out.emplace_back(std::move(edit));
  return out;
}

graph::Address at(int index) {
  return {{"", index}};
}

// Operands that hold trained or fixed numbers as a rule, by operator: from this slot on.
int first_constant_slot(const std::string& type) {
  static const std::map<std::string, int> slots{{"Conv", 1},
                                                {"ConvTranspose", 1},
                                                {"Gemm", 1},
                                                {"BatchNormalization", 1},
                                                {"InstanceNormalization", 1},
                                                {"PRelu", 1},
                                                {"LayerNormalization", 1},
                                                {"LSTM", 1},
                                                {"GRU", 1},
                                                {"RNN", 1},
                                                {"MatMul", 1},
                                                {"Reshape", 1},
                                                {"Clip", 1},
                                                {"Pad", 1},
                                                {"Slice", 1},
                                                {"Squeeze", 1},
                                                {"Unsqueeze", 1},
                                                {"Tile", 1},
                                                {"Expand", 1},
                                                {"Resize", 1}};
  const auto found = slots.find(type);
  return found == slots.end() ? 1 << 20 : found->second;
}

// Something of the right rank: what belongs there the source says.
Tensor some_numbers(const onnx_wire::Node& node, int slot) {
  static const std::set<std::string> shapes{"Reshape", "Squeeze", "Unsqueeze", "Tile", "Expand", "Slice"};
  if (shapes.contains(node.op_type())) return Tensor::vector(std::vector<int64_t>{1});
  int64_t rank = slot == 1 ? 2 : 1;
  if (node.op_type() == "Conv" || node.op_type() == "ConvTranspose") {
    rank = slot == 1 ? 4 : 1;
    for (const auto& attribute : node.attribute())
      if (slot == 1 && attribute.name() == "kernel_shape") rank = 2 + attribute.ints_size();
  }
  if (node.op_type() == "BatchNormalization" || node.op_type() == "InstanceNormalization") rank = 1;
  return *Tensor::zeros(DType::float32, Shape(static_cast<size_t>(rank), 1));
}

// Operators whose floating operands and results all have one type. Source: the type constraints of the ONNX
// operator specification.
bool has_one_type(const std::string& type) {
  static const std::set<std::string> types{"Conv",
                                           "ConvTranspose",
                                           "Gemm",
                                           "MatMul",
                                           "Add",
                                           "Sub",
                                           "Mul",
                                           "Div",
                                           "Pow",
                                           "PRelu",
                                           "Clip",
                                           "Max",
                                           "Min",
                                           "Sum",
                                           "Mean",
                                           "Concat",
                                           "BatchNormalization",
                                           "InstanceNormalization",
                                           "LSTM",
                                           "GRU",
                                           "RNN",
                                           "Pad"};
  return types.contains(type);
}

// From which operand on the stored numbers of an operator are real ones; sums and products of integers
// compute shapes.
int real_from(const std::string& type) {
  static const std::map<std::string, int> table{{"Conv", 1},
                                                {"ConvTranspose", 1},
                                                {"BatchNormalization", 1},
                                                {"InstanceNormalization", 1},
                                                {"Gemm", 2}};
  const auto found = table.find(type);
  return found == table.end() ? std::numeric_limits<int>::max() : found->second;
}

class Finder {
 public:
  Finder(const onnx_wire::Model& model, const std::filesystem::path& folder, const graph::Graph& source)
      : file_(model), folder_(folder), source_(source) {
    // Names, types and sizes tell all; the numbers would only be copied about.
    const onnx_wire::Graph& whole = model.graph();
    onnx_wire::Graph& bare = *now_.mutable_graph();
    *bare.mutable_node() = whole.node();
    *bare.mutable_input() = whole.input();
    *bare.mutable_output() = whole.output();
    *bare.mutable_value_info() = whole.value_info();
    for (const auto& tensor : whole.initializer()) {
      auto& named = *bare.add_initializer();
      named.set_name(tensor.name());
      named.set_data_type(tensor.data_type());
      *named.mutable_dims() = tensor.dims();
    }
    *now_.mutable_opset_import() = model.opset_import();
    now_.set_ir_version(model.ir_version());
  }

  std::vector<Defect> run() {
    check_versions();
    check_numbers();
    for (bool found = true; found && out_.size() < most_defects;)
      found = check_writers() || check_operands() || check_order() || check_outputs();
    check_types();
    check_interface();
    return std::move(out_);
  }

 private:
  const onnx_wire::Graph& graph() const { return now_.graph(); }

  // Notes it, and goes on with a file in which it is mended. False: it can't be.
  bool add(Defect defect) {
    graph::Patch patch;
    patch.groups.push_back({defect.ways[0], ""});
    const bool mended = apply_to_file(now_, patch).ok();
    out_.push_back(std::move(defect));
    return mended;
  }

  void check_versions() {
    const int opset = default_opset(now_);
    Defect defect{"", "unsupported", "opset", "", "convert to an operator set that the runtime knows", {}};
    defect.explanation = opset == 0 ? "the file does not say which operator set it uses"
                                    : "the file states operator set " + std::to_string(opset);
    // It may be a right one that the operators were not written for: what loads is right.
    defect.only_if_it_loads = opset >= oldest_opset && opset <= newest_opset;
    for (int version : {17, 13, 15, 18, 20, 21, 11, 12, 10, 9, 8, 7, 14, 16, 19, 22, 23})
      if (version != opset) defect.ways.push_back({graph::SetMetadata{"opset", version}});
    int right = opset;
    if (!defect.only_if_it_loads) {
      right = 17;
      add(defect);
    } else {
      last_.push_back(std::move(defect));
    }
    const int64_t ir = now_.ir_version();
    if (ir >= 3 && ir <= ir_version_of(newest_opset)) return;
    add({"",
         "unsupported",
         "ir-version",
         "the file states version " + std::to_string(ir) + " of the ONNX format, which no runtime reads",
         "convert with an exporter that the runtime's version keeps up with",
         {{graph::SetMetadata{"ir_version", ir_version_of(right)}}}});
  }

  // Numbers that do not fill the shape that is stated for them.
  void check_numbers() {
    for (const auto& wire : file_.graph().initializer()) {
      if (onnx_wire::fills_its_shape(wire) || out_.size() >= most_defects) continue;
      const Shape shape(wire.dims().begin(), wire.dims().end());
      auto zeros = Tensor::zeros(graph::dtype_of_onnx_type(wire.data_type()), shape);
      if (zeros.ok()) add_lost_numbers(wire, std::move(zeros).value());
    }
  }

  void add_lost_numbers(const onnx_wire::Tensor& wire, const Tensor& zeros) {
    for (int i = 0; i < graph().node_size(); ++i)
      for (int k = 0; k < graph().node(i).input_size(); ++k) {
        if (graph().node(i).input(k) != wire.name()) continue;
        Defect defect{place_of(graph(), i),
                      "parameters",
                      "missing-tensor",
                      "its operand '" + wire.name() + "' needs " + std::to_string(zeros.byte_size()) +
                          " bytes, and the file holds " + std::to_string(wire.raw_data().size()),
                      "check that the file was written and copied whole",
                      {{graph::SetTensor{at(i), k, zeros, true}}}};
        defect.stopgap = true;
        add(std::move(defect));
        return;
      }
  }

  bool check_writers() {
    const Names names(graph());
    for (int i = 0; i < graph().node_size(); ++i)
      for (int k = 0; k < graph().node(i).output_size(); ++k) {
        const std::string& name = graph().node(i).output(k);
        if (name.empty()) continue;
        const auto writers = names.writers(name);
        const bool again = names.is_given(name) || writers.front() != i;
        if (!again) continue;
        return add({place_of(graph(), i),
                    "graph",
                    "duplicate-name",
                    "it writes '" + name + "', which exists already",
                    "check how the converter names values",
                    {{graph::SeparateOutput{at(i), k}}}});
      }
    return false;
  }

  // The value that stands nearest before a node.
  graph::ValueAddress value_before(int index) const {
    for (int i = index - 1; i >= 0; --i) {
      const auto& node = graph().node(i);
      if (node.op_type() != "Constant" && node.output_size() > 0 && !node.output(0).empty())
        return {-1, at(i), 0};
    }
    return {0, {}, 0};
  }

  bool check_operands() {
    const Names names(graph());
    for (int i = 0; i < graph().node_size(); ++i) {
      const auto& node = graph().node(i);
      const int needed = node.domain().empty() ? fewest_operands(node.op_type()) : 0;
      for (int k = 0; k < std::max(node.input_size(), needed); ++k) {
        const std::string name = k < node.input_size() ? node.input(k) : "";
        if (name.empty() ? k >= needed : names.exists(name)) continue;
        const bool constant = k >= first_constant_slot(node.op_type());
        Defect defect{place_of(graph(), i),
                      constant ? "parameters" : "graph",
                      constant ? "missing-tensor" : "dangling-operand",
                      name.empty()
                          ? "its operand " + std::to_string(k) + " is absent"
                          : "it reads '" + name + "', which nothing computes and the file does not hold",
                      "check that the converter writes every value that it names",
                      {}};
        if (constant)
          defect.ways = {{graph::SetTensor{at(i), k, some_numbers(node, k), true}}};
        else
          defect.ways = {{graph::SetOperand{at(i), k, value_before(i)}}};
        defect.stopgap = true;
        return add(std::move(defect));
      }
    }
    return false;
  }

  bool check_order() {
    const Names names(graph());
    const auto waiting = names.unordered();
    for (size_t index : waiting) {
      const auto i = static_cast<int>(index);
      const auto& node = graph().node(i);
      for (int k = 0; k < node.input_size(); ++k) {
        const auto writers = names.writers(node.input(k));
        if (writers.empty() || writers[0] < i) continue;
        Defect defect{place_of(graph(), i),
                      "graph",
                      "cycle",
                      "it reads '" + node.input(k) + "', which depends on what it computes itself",
                      "check how the converter ties operators together",
                      {{graph::SetOperand{at(i), k, value_before(i)}}}};
        defect.stopgap = true;
        return add(std::move(defect));
      }
    }
    return false;
  }

  bool check_outputs() {
    const Names names(graph());
    for (int k = 0; k < graph().output_size(); ++k) {
      const std::string& name = graph().output(k).name();
      if (names.exists(name)) continue;
      int last = -1;
      for (int i = 0; i < graph().node_size(); ++i)
        for (const std::string& output : graph().node(i).output())
          if (!output.empty() && !names.is_read(output)) last = i;
      if (last < 0) return false;
      Defect defect{
          place_of(graph(), last),
          "graph",
          "missing-output",
          "nothing computes the model's output '" + name + "', and nobody reads what this operator does",
          "check how the converter names the model's outputs",
          {{graph::SetOutput{k, {-1, at(last), 0}}}}};
      defect.stopgap = true;
      return add(std::move(defect));
    }
    return false;
  }

  // The floating type that the most stored tensors have.
  DType usual_type() const {
    std::map<DType, int> counts;
    for (const auto& tensor : graph().initializer())
      if (const DType dtype = graph::dtype_of_onnx_type(tensor.data_type()); is_floating(dtype))
        ++counts[dtype];
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == counts.end() ? DType::float32 : most->first;
  }

  void check_types() {
    const DType usual = usual_type();
    for (const auto& node : graph().node())
      for (const auto& attribute : node.attribute())
        if (node.op_type() == "Cast" && attribute.name() == "to")
          cast_to_.insert(graph::dtype_of_onnx_type(attribute.i()));
    const Names names(graph());
    for (int i = 0; i < graph().node_size(); ++i) {
      const auto& node = graph().node(i);
      for (int k = 0; has_one_type(node.op_type()) && k < node.input_size(); ++k)
        for (const auto& wire : graph().initializer())
          if (wire.name() == node.input(k)) check_tensor_type(i, k, wire, usual);
    }
    for (size_t n = 0; n < names.inputs().size(); ++n)
      check_input_type(static_cast<int>(n), names.inputs()[n], usual);
  }

  void check_tensor_type(int index, int slot, const onnx_wire::Tensor& wire, DType usual) {
    const DType dtype = graph::dtype_of_onnx_type(wire.data_type());
    const bool counts = !is_floating(dtype) && slot >= real_from(graph().node(index).op_type());
    if (!counts && (!is_floating(dtype) || dtype == usual || cast_to_.contains(dtype))) return;
    for (const auto& whole : file_.graph().initializer()) {
      if (whole.name() != wire.name()) continue;
      const auto stored = onnx_wire::read_tensor(whole, folder_);
      const auto typed = stored.ok() ? cast(*stored, usual) : Result<Tensor>(stored.error());
      if (!typed.ok()) return;
      Defect defect{place_of(graph(), index),
                    "tensor-structure",
                    "tensor-type",
                    "its operand " + std::to_string(slot) + " is stored as " +
                        std::string(dtype_name(dtype)) + ", the others as " + std::string(dtype_name(usual)),
                    "check the converter's options for types",
                    {{graph::SetTensor{at(index), slot, *typed, true}}}};
      defect.stopgap = counts;  // what lies behind the point is lost
      add(std::move(defect));
      return;
    }
  }

  void check_input_type(int input, const std::string& name, DType usual) {
    for (const auto& info : graph().input()) {
      if (info.name() != name || !info.type().has_tensor_type()) continue;
      const DType dtype = graph::dtype_of_onnx_type(info.type().tensor_type().elem_type());
      const bool cast = std::any_of(graph().node().begin(), graph().node().end(), [&](const auto& node) {
        return node.op_type() == "Cast" && node.input_size() > 0 && node.input(0) == name;
      });
      if (!is_floating(dtype) || dtype == usual || cast) continue;
      add({"",
           "input",
           "input-type",
           "the model's input '" + name + "' is declared as " + std::string(dtype_name(dtype)) +
               ", and what reads it takes " + std::string(dtype_name(usual)),
           "check the example input that the converter was given",
           {redeclared(input, usual)}});
    }
  }

  // Input dimensions that are not the source's, in either layout.
  void check_interface() {
    const Names names(graph());
    for (size_t n = 0; n < std::min(names.inputs().size(), source_.inputs.size()); ++n)
      for (const auto& info : graph().input())
        if (info.name() == names.inputs()[n]) check_input_shape(static_cast<int>(n), info);
    for (Defect& defect : last_) out_.push_back(std::move(defect));
  }

  void check_input_shape(int input, const onnx_wire::ValueInfo& info) {
    auto shape = onnx_wire::read_shape(info.type());
    auto wanted = source_.value(source_.inputs[static_cast<size_t>(input)]).shape;
    for (auto* dims : {&shape, &wanted})  // a batch of none is one that is not known
      if (*dims && !(*dims)->empty() && (*dims)->front() <= 0) (*dims)->front() = -1;
    if (!shape || !wanted) return;
    const DType dtype = graph::dtype_of_onnx_type(info.type().tensor_type().elem_type());
    if (auto defect = other_input_shape(input, info.name(), dtype, *shape, *wanted))
      out_.push_back(std::move(*defect));
  }

  const onnx_wire::Model& file_;
  const std::filesystem::path& folder_;
  const graph::Graph& source_;
  onnx_wire::Model now_;     // without numbers
  std::set<DType> cast_to_;  // types that the file mixes by right
  std::vector<Defect> out_, last_;
};

}  // namespace

std::vector<Defect> defects_of(const onnx_wire::Model& model, const std::filesystem::path& folder,
                               const graph::Graph& source) {
  return Finder(model, folder, source).run();
}

}  // namespace fetafix::formats::onnx
