#include "formats/torch/sound.h"

#include <algorithm>

#include "base/json.h"
#include "formats/torch/arguments.h"
#include "formats/torch/model.h"
#include "formats/torch/module_notes.h"
#include "graph/label.h"

namespace fetafix::formats::torch {
namespace {

constexpr size_t most_defects = 64;  // of a file that has more, the rest is not a model

// One operand that is a tensor, where the program reads it.
struct Read {
  int op;
  int slot;
  std::string name;
};

std::vector<Read> reads_of(const Program& program, int op) {
  std::vector<Read> out;
  for (const Argument& argument : program.ops[static_cast<size_t>(op)].arguments) {
    const auto names = names_read(argument);
    if (argument.kind == "as_tensor")
      for (const std::string& name : names) out.push_back({op, slot_of(argument.name), name});
    if (argument.kind == "as_tensors" && names.size() == argument.value->size())
      for (size_t k = 0; k < names.size(); ++k)
        out.push_back({op, slot_of(argument.name, static_cast<int>(k)), names[k]});
  }
  return out;
}

// Operators that refuse floating tensors of several types.
bool has_one_type(const std::string& target) {
  static const std::set<std::string> operators{
      "conv1d",           "conv2d", "conv3d", "convolution", "conv_transpose1d", "conv_transpose2d",
      "conv_transpose3d", "linear", "addmm",  "mm",          "matmul",           "bmm"};
  return operators.contains(aten_name(target));
}

// "float32[24,64,1,1]"
std::string text_of(const TensorMeta& meta) {
  return std::string(dtype_name(meta.dtype)) + to_string(meta.sizes) +
         (meta.offset == 0 ? "" : " from element " + std::to_string(meta.offset) + " on");
}

graph::Address at(int op) {
  return {{"", op}};
}

// Finds one defect after another, each in the file as mending those before it leaves it.
class Finder {
 public:
  explicit Finder(const File& file) : now_(file) {}

  std::vector<Defect> run() {
    while (out_.size() < most_defects && find_one()) {
    }
    name_places();
    return std::move(out_);
  }

 private:
  bool find_one() {
    const auto lift = lift_file(now_);
    if (!lift.ok()) return false;
    std::set<std::string> computed;
    for (size_t i = 0; i < lift->program.ops.size(); ++i) {
      const Op& op = lift->program.ops[i];
      const int index = static_cast<int>(i);
      for (const Read& read : reads_of(lift->program, index))
        if (!computed.contains(read.name) && keep(index, of_read(*lift, read))) return true;
      for (const std::string& name : absent_operands(op))
        if (keep(index, of_absent(*lift, index, name))) return true;
      computed.insert(op.outputs.begin(), op.outputs.end());
    }
    return keep(-1, of_results(*lift)) || keep(-1, of_notes());
  }

  std::optional<Defect> of_read(const Lift& lift, const Read& read) const {
    const Input* input = lift.program.input(read.name);
    if (!input) return of_operand(lift, read);
    if (input->kind == Input::Kind::user || input->kind == Input::Kind::other) return std::nullopt;
    return of_weight(lift.program, *input, read);
  }

  // The signature names the results too.
  std::optional<Defect> of_results(const Lift& lift) const {
    const Json& results = graph_of(*now_.document)["outputs"];
    const Json& specs = (*now_.document)["graph_module"]["signature"]["output_specs"];
    const graph::Graph& view = lift.lifted.graph;
    size_t output = 0;
    for (size_t i = 0; i < std::min(results.size(), specs.size()); ++i) {
      if (!specs[i].contains("user_output")) continue;
      const size_t k = output++;
      if (k >= view.outputs.size() || results[i] == specs[i]["user_output"]["arg"]) continue;
      const auto address = graph::address_of(view, graph::Uses(view), view.outputs[k]);
      if (!address) continue;
      return Defect{"",
                    "graph",
                    "missing-output",
                    "the graph and the signature name different values as the program's result " +
                        std::to_string(k) + ", the signature '" + view.value(view.outputs[k]).name + "'",
                    "check what wrote the program",
                    {{graph::SetOutput{static_cast<int>(k), *address}}}};
    }
    return std::nullopt;
  }

  std::optional<Defect> of_notes() const {
    const int count = unreadable_module_notes(*now_.document);
    if (count == 0) return std::nullopt;
    return Defect{"",
                  "graph",
                  "unreadable-note",
                  "PyTorch can't take apart what " + std::to_string(count) +
                      " operators note of the modules around them, which nothing computes with",
                  "give modules names without semicolons and commas before exporting",
                  {{graph::SetMetadata{unreadable_notes_field, 0}}}};
  }

  // The program says which shape it takes a weight in.
  std::optional<Defect> of_weight(const Program& program, const Input& input, const Read& read) const {
    const Result<Tensor> held =
        input.stored ? now_.read(*input.stored)
                     : Result<Tensor>(Error{ErrorKind::file, "the archive's table does not name it"});
    if (held.ok()) return of_type(program, *held, read);
    if (input.stored && input.stored->pickled) return std::nullopt;
    const auto meta = program.metas.find(input.name);
    if (meta == program.metas.end()) return std::nullopt;
    if (auto told = told_wrongly(input, meta->second, read)) return told;
    auto zeros = Tensor::zeros(meta->second.dtype, meta->second.sizes);
    if (!zeros.ok()) return std::nullopt;
    Defect defect{"",
                  "parameters",
                  "missing-tensor",
                  "its operand '" + input.target + "' can't be read: " + held.error().message,
                  "check that the file was written and copied whole",
                  {{graph::SetTensor{at(read.op), read.slot, std::move(zeros).value(), true}}}};
    defect.stopgap = true;
    return defect;
  }

  // Weights of another precision than what the operator gives.
  static std::optional<Defect> of_type(const Program& program, const Tensor& held, const Read& read) {
    const Op& op = program.ops[static_cast<size_t>(read.op)];
    if (!has_one_type(op.target) || op.outputs.size() != 1) return std::nullopt;
    const auto result = program.metas.find(op.outputs[0]);
    if (result == program.metas.end()) return std::nullopt;
    const DType wanted = result->second.dtype;
    if (!is_floating(wanted) || !is_floating(held.dtype()) || held.dtype() == wanted) return std::nullopt;
    auto value = cast(held, wanted);
    if (!value.ok()) return std::nullopt;
    return Defect{"",
                  "tensor-structure",
                  "tensor-type",
                  "its operand '" + place_of(read.slot).name + "' is stored as " +
                      std::string(dtype_name(held.dtype())) + ", and the operator gives " +
                      std::string(dtype_name(wanted)),
                  "check the converter's options for types",
                  {{graph::SetTensor{at(read.op), read.slot, std::move(value).value(), true}}}};
  }

  // The bytes are there, as the program takes them, and the table says something else of them.
  std::optional<Defect> told_wrongly(const Input& input, const TensorMeta& meta, const Read& read) const {
    if (!input.stored) return std::nullopt;
    const ZipView* entry = now_.entry(input.stored->entry);
    const auto count = element_count(meta.sizes);
    if (!entry || !count || entry->bytes.size() != static_cast<size_t>(*count) * element_size(meta.dtype))
      return std::nullopt;
    Stored right = *input.stored;
    right.meta = meta;
    auto value = now_.read(right);
    if (!value.ok()) return std::nullopt;
    return Defect{"",
                  "tensor-structure",
                  "tensor-shape",
                  "the archive's table says of its operand '" + input.target + "' " +
                      text_of(input.stored->meta) + ", the program " + text_of(meta) +
                      ", and so many numbers are stored",
                  "check what wrote the archive",
                  {{graph::SetTensor{at(read.op), read.slot, std::move(value).value(), true}}}};
  }

  // An operand that the call leaves out.
  static std::optional<Defect> of_absent(const Lift& lift, int op, const std::string& name) {
    const auto operand = place_in_view(lift, op, slot_of(name));
    if (!operand) return std::nullopt;
    Defect defect{"",
                  "graph",
                  "dangling-operand",
                  "its operand '" + name + "' is absent",
                  "check that the converter writes every value that an operator takes",
                  {{graph::SetOperand{at(op), *operand, value_before(lift.program, op)}}}};
    defect.stopgap = true;
    return defect;
  }

  // The value that stands nearest before it: what belongs there the source says.
  static std::optional<Defect> of_operand(const Lift& lift, const Read& read) {
    const auto operand = place_in_view(lift, read.op, read.slot);
    if (!operand) return std::nullopt;
    const auto& ops = lift.program.ops;
    const bool later =
        std::ranges::any_of(ops, [&](const Op& op) { return std::ranges::count(op.outputs, read.name) > 0; });
    Defect defect{"",
                  "graph",
                  later ? "cycle" : "dangling-operand",
                  "it reads '" + read.name + "', which " +
                      (later ? "is computed after it" : "nothing computes and the file does not hold"),
                  later ? "check how the converter ties operators together"
                        : "check that the converter writes every value that it names",
                  {{graph::SetOperand{at(read.op), *operand, value_before(lift.program, read.op)}}}};
    defect.stopgap = true;
    return defect;
  }

  // Which input of the view's (opaque) node it is.
  static std::optional<int> place_in_view(const Lift& lift, int op, int slot) {
    for (const graph::Node& node : lift.lifted.graph.nodes) {
      if (node.native.index != op || !node.native.graph.empty() || slot < 0) continue;
      const auto found = std::ranges::find(node.slots, slot);
      if (found != node.slots.end()) return static_cast<int>(found - node.slots.begin());
    }
    return std::nullopt;
  }

  static graph::ValueAddress value_before(const Program& program, int op) {
    for (int i = op - 1; i >= 0; --i) {
      const auto& outputs = program.ops[static_cast<size_t>(i)].outputs;
      if (outputs.size() == 1 && program.metas.contains(outputs[0])) return {-1, at(i), 0};
    }
    return {0, {}, 0};
  }

  // Keeps it and mends the file. False: there is none, it was found before, or it can't be mended like that.
  bool keep(int op, std::optional<Defect> found) {
    if (!found || !seen_.insert(std::to_string(op) + found->explanation).second) return false;
    Defect& defect = *found;
    graph::Patch patch;
    patch.groups.push_back({defect.ways[0], ""});
    auto bytes = patch_file(now_, patch);
    auto mended = bytes.ok() ? parse_file(std::move(bytes).value()) : Result<File>(bytes.error());
    if (!mended.ok()) return false;
    now_ = std::move(mended).value();
    out_.push_back(std::move(defect));
    ops_.push_back(op);
    return true;
  }

  // As results name operators: by what they are in the file that can be read.
  void name_places() {
    const auto lift = lift_file(now_);
    if (!lift.ok()) return;
    for (size_t i = 0; i < out_.size(); ++i)
      for (const graph::Node& node : lift->lifted.graph.nodes)
        if (out_[i].place.empty() && node.native.index == ops_[i] && node.role == Role::core)
          out_[i].place = graph::operator_label(node.type, ops_[i], node.name);
  }

  File now_;
  std::vector<Defect> out_;
  std::vector<int> ops_;  // of each
  std::set<std::string> seen_;
};

}  // namespace

std::vector<Defect> defects_of(const File& file) {
  return Finder(file).run();
}

}  // namespace fetafix::formats::torch
