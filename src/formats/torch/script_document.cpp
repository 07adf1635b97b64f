#include "formats/torch/script_document.h"

#include <algorithm>

#include "formats/torch/script_run.h"

namespace fetafix::formats::torch {
namespace {

constexpr int keyword = 2;  // schema.py: ArgumentKind
constexpr size_t most_tries = 64;

Stored stored_of(const File& file, const PickleTensor& tensor, bool constant) {
  Stored out;
  out.entry = file.prefix + (constant ? "constants/" : "data/") + tensor.storage.key;
  out.meta = {tensor.dtype, tensor.sizes, tensor.strides, tensor.offset, true};
  return out;
}

TensorMeta meta_of(const std::string& name, const LaidOut& program) {
  TensorMeta out;
  const auto type = program.types.find(name);
  if (type == program.types.end()) return out;
  out.dtype = type->second.dtype;
  const Rank& rank = *type->second.rank;
  const auto told = program.input_sizes.find(name);
  out.ranked = rank.count >= 0;
  if (!rank.sizes.empty())
    out.sizes = rank.sizes;
  else if (told != program.input_sizes.end() && static_cast<int>(told->second.size()) == rank.count)
    out.sizes = told->second;
  else
    out.sizes.assign(static_cast<size_t>(std::clamp(rank.count, 0, 64)), -1);
  out.strides.assign(out.sizes.size(), 0);
  return out;
}

Json node_json(const ScriptNode& node) {
  Json inputs = Json::array();
  for (const auto& [name, content] : node.arguments)
    inputs.push_back({{"name", name}, {"arg", content}, {"kind", keyword}});
  Json metadata = Json::object();
  if (!node.path.empty()) metadata["nn_module_stack"] = "m," + node.path + ",";
  return {{"target", node.target},
          {"inputs", std::move(inputs)},
          {"outputs", node.outputs},
          {"metadata", std::move(metadata)},
          {"is_hop_single_tensor_return", nullptr},
          {"name", node.name}};
}

Json input_spec(const ScriptInput& input) {
  const Json tensor = {{"name", input.name}};
  if (input.target.empty()) return {{"user_input", {{"arg", {{"as_tensor", tensor}}}}}};
  if (input.constant) return {{"tensor_constant", {{"arg", tensor}, {"tensor_constant_name", input.target}}}};
  return {{"parameter", {{"arg", tensor}, {"parameter_name", input.target}}}};
}

Json document_of(const LaidOut& program) {
  Json inputs = Json::array(), nodes = Json::array(), metas = Json::object(), specs = Json::array();
  Json output_specs = Json::array();
  for (const ScriptInput& input : program.inputs) {
    inputs.push_back({{"as_tensor", {{"name", input.name}}}});
    specs.push_back(input_spec(input));
  }
  for (const auto& [name, type] : program.types) metas[name] = written_meta(meta_of(name, program), false);
  for (const ScriptNode& node : program.nodes) nodes.push_back(node_json(node));
  for (const Json& output : program.outputs) output_specs.push_back({{"user_output", {{"arg", output}}}});
  return {{"graph_module",
           {{"graph",
             {{"inputs", std::move(inputs)},
              {"outputs", program.outputs},
              {"nodes", std::move(nodes)},
              {"tensor_values", std::move(metas)}}},
            {"signature", {{"input_specs", std::move(specs)}, {"output_specs", std::move(output_specs)}}}}}};
}

// How many inputs there are of which the file says nothing.
size_t free_inputs(const Script& script) {
  const auto forward = script.functions.find(script.modules->root().text + ".forward");
  if (forward == script.functions.end()) return 0;
  const auto& parameters = forward->second.function->parameters;
  const auto given = std::ranges::find_if(parameters, [](const Parameter& one) { return !!one.otherwise; });
  const auto count = static_cast<size_t>(given - parameters.begin());
  return script.traced.empty() && count > 0 ? count - 1 : 0;
}

// Of inputs of which neither the file nor its operators say it.
std::string rank_note(const std::string& input, int rank) {
  return "input '" + input + "' is taken to have " + std::to_string(rank) +
         " dimensions: the file does not say how many, and its text goes on with those";
}

// As it stands; where the text asks for the number of dimensions, with the first numbers that it goes on
// with.
Result<LaidOut> lay_out(const Script& script, const ScriptRun::ReadNumber& read) {
  Assumed assumed;
  const auto run = [&]() -> std::pair<Result<LaidOut>, bool> {
    ScriptRun first(script, assumed, read);
    auto out = first.run();
    if (out.ok() && first.integers() != assumed.integers) {
      assumed.integers = first.integers();
      ScriptRun again(script, assumed, read);
      out = again.run();
    }
    return {std::move(out), first.rank_would_tell()};
  };
  auto [plain, other_ranks] = run();
  const size_t count = free_inputs(script);
  if (plain.ok() || !other_ranks || count == 0) return std::move(plain);
  constexpr int ranks[]{4, 3, 2, 5, 1};
  for (size_t i = 0; i < most_tries; ++i) {
    assumed.ranks.clear();
    size_t left = i;
    for (size_t input = 0; input < count; ++input, left /= std::size(ranks))
      assumed.ranks.push_back(ranks[left % std::size(ranks)]);
    if (left > 0) break;
    if (auto [out, more] = run(); out.ok()) {
      for (size_t input = 0; input < count; ++input)
        out->notes.push_back(rank_note(out->inputs[input].name, assumed.ranks[input]));
      return std::move(out);
    }
  }
  return std::move(plain);
}

}  // namespace

Status make_document(File& file, Script& script) {
  const auto read = [&](const PickleTensor& tensor, bool constant) -> std::optional<ScriptValue> {
    const auto value = file.read(stored_of(file, tensor, constant));
    if (!value.ok() || value->size() != 1) return std::nullopt;
    if (is_integer(value->dtype())) {
      const auto numbers = to_int64s(*value);
      return numbers.ok() ? std::optional(script_integer((*numbers)[0])) : std::nullopt;
    }
    const auto numbers = to_doubles(*value);
    return numbers.ok() ? std::optional(script_real((*numbers)[0])) : std::nullopt;
  };
  FETAFIX_TRY(LaidOut program, lay_out(script, read));
  for (Table table : {Table::weights, Table::constants}) {
    file.stored[table];
    file.tables[table] = std::make_shared<const Json>(Json{{"config", Json::object()}});
  }
  for (const ScriptInput& input : program.inputs) {
    if (input.target.empty()) continue;
    const Table table = input.constant ? Table::constants : Table::weights;
    file.stored[table][input.target] = stored_of(file, *input.stored, input.constant);
    if (!input.constant) script.attribute_of[input.name] = input.target;
  }
  file.document = std::make_shared<const Json>(document_of(program));
  for (ScriptNode& node : program.nodes) script.sites.push_back(std::move(node.site));
  script.activations = std::move(program.activations);
  script.constant_of = std::move(program.constant_of);
  script.notes = std::move(program.notes);
  script.read_by_operand = std::move(program.read_by_operand);
  return {};
}

}  // namespace fetafix::formats::torch
