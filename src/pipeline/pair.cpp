#include "pipeline/pair.h"

#include <future>

#include "pipeline/module.h"
#include "pipeline/options.h"
#include "pipeline/sound.h"

namespace fetafix::pipeline {
namespace {

data::InputSpec input_spec(const runtimes::TensorSpec& spec) {
  data::InputSpec out;
  out.name = spec.name;
  out.dtype = spec.dtype;
  out.shape = spec.shape.value_or(Shape{});
  if (!out.shape.empty() && out.shape[0] == 0) out.shape[0] = -1;  // some exporters write 0 for any batch
  out.quantization_scale = spec.scale;
  out.zero_point = spec.zero_point;
  return out;
}

// What the view says of an input.
data::InputSpec viewed_input(const graph::Graph& view, size_t index) {
  const graph::Value& value = view.value(view.inputs[index]);
  data::InputSpec spec;
  spec.name = value.native_name;
  spec.dtype = value.dtype;
  spec.shape = value.shape.value_or(Shape{});
  return spec;
}

// The runtime is asked; where there is none, and of what it does not know, the view says what the model
// wants.
std::vector<data::InputSpec> wanted_inputs(const Side& side) {
  const graph::Graph& view = side.lifted.graph;
  std::vector<data::InputSpec> out;
  if (!side.session) {
    for (size_t i = 0; i < view.inputs.size(); ++i) out.push_back(viewed_input(view, i));
    return out;
  }
  for (const auto& spec : side.session->inputs()) {
    const size_t index = out.size();
    out.push_back(input_spec(spec));
    if (spec.dtype != DType::unknown || index >= view.inputs.size()) continue;
    const data::InputSpec viewed = viewed_input(view, index);
    out.back().dtype = viewed.dtype;
    out.back().shape = viewed.shape;
  }
  return out;
}

// What the file says of its inputs or outputs; the command that runs it does not.
std::vector<runtimes::TensorSpec> specs_of(const graph::Graph& view, const std::vector<graph::ValueId>& ids) {
  std::vector<runtimes::TensorSpec> out;
  for (graph::ValueId id : ids)
    out.push_back({view.value(id).native_name, view.value(id).dtype, view.value(id).shape});
  return out;
}

runtimes::LoadOptions load_options(const Options& options) {
  runtimes::LoadOptions out;
  out.threads = options.threads;
  out.locations.python = options.python;
  out.interrupted = options.interrupted;
  return out;
}

Result<std::unique_ptr<runtimes::Session>> start_command(const Side& side, const Options& options) {
  const graph::Graph& view = side.lifted.graph;
  return runtimes::load_command(side.command, std::filesystem::absolute(side.path),
                                specs_of(view, view.inputs), specs_of(view, view.outputs),
                                load_options(options));
}

Status read_side(Side& side, const std::string& path, bool may_be_broken) {
  side.path = path;
  FETAFIX_TRY(side.model, formats::read_model(path));
  auto lifted = side.model->lift();
  if (lifted.ok())
    side.lifted = std::move(lifted).value();
  else if (may_be_broken) {
    side.broken = lifted.error().message;
    side.unreadable = lifted.error().kind == ErrorKind::unsupported;
  } else
    return in_context(path, std::move(lifted).error());
  return {};
}

Status start_side(Side& side, const Options& options, bool may_be_broken) {
  if (!side.recorded.empty()) {
    side.runtime_name = "outputs of " + side.recorded;
    return {};
  }
  auto session = side.command.empty() ? load_native(side, side.path, options) : start_command(side, options);
  if (session.ok()) {
    side.session = std::move(session).value();
  } else if (session.error().kind == ErrorKind::runtime_failed && may_be_broken) {
    side.broken = session.error().message;
  } else {
    return in_context(side.path, std::move(session).error());
  }
  if (!side.command.empty()) {
    side.runtime_name = "command";
    return {};
  }
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::runtime_for(side.model->format()));
  side.runtime_name = runtime->name();
  if (auto version = runtime->version({options.python, {}, {}}); version.ok())
    side.runtime_version = *version;
  return {};
}

// What is code and weights takes what the other side takes, so that is read first.
Status read_sides(Pair& pair, const Options& options) {
  const auto exported = [&](Side& side, const std::string& path, const std::string& factory,
                            const Side& other) {
    const graph::Graph& view = other.lifted.graph;
    return export_module(side, path, factory, specs_of(view, view.inputs), options, pair.notes);
  };
  if (!options.source_module.empty()) {
    FETAFIX_CHECK(read_side(pair.target, options.target, true));
    FETAFIX_TRY(const std::string file,
                exported(pair.source, options.source, options.source_module, pair.target));
    return read_side(pair.source, file, false);
  }
  FETAFIX_CHECK(read_side(pair.source, options.source, false));
  if (options.target_module.empty()) return read_side(pair.target, options.target, true);
  FETAFIX_TRY(const std::string file,
              exported(pair.target, options.target, options.target_module, pair.source));
  return read_side(pair.target, file, true);
}

// Both at once, for some frameworks take seconds to start; what reads files is not made for that.
Status open_sides(Pair& pair, const Options& options) {
  FETAFIX_CHECK(read_sides(pair, options));
  auto target = std::async(std::launch::async, [&] { return start_side(pair.target, options, true); });
  FETAFIX_CHECK(start_side(pair.source, options, false));
  return target.get();
}

// Of each of the two loaders.
size_t cache_mb(const Budget& budget) {
  return budget.share(16, size_t{256} << 20) >> 20;
}

// What the file itself says of how its inputs are made.
void add_stated(const Side& side, std::vector<data::InputSpec>& inputs) {
  const graph::Graph& view = side.lifted.graph;
  for (const auto& [number, stated] : side.lifted.stated_inputs)
    for (data::InputSpec& input : inputs)
      if (number < view.inputs.size() && view.value(view.inputs[number]).native_name == input.name) {
        input.stated_mean = stated.mean;
        input.stated_std = stated.std;
      }
}

// In the order of the source's inputs, those that the user has paired under the source's names.
std::vector<data::InputSpec> inputs_in_order(const Side& side, const Mapping& mapping) {
  auto inputs = wanted_inputs(side);
  add_stated(side, inputs);
  if (side.input_order.size() != inputs.size()) return inputs;
  std::vector<data::InputSpec> out;
  for (size_t from : side.input_order) {
    out.push_back(inputs[from]);
    for (const auto& [source, target] : mapping.inputs)
      if (target == out.back().name) out.back().name = source;
  }
  return out;
}

// With the size of the other side's picture where this one takes any and the specification names none.
std::vector<data::InputSpec> sized_inputs(const Side& side, const Pair& pair,
                                          const data::PreprocessSpec& spec) {
  auto inputs = inputs_in_order(side, pair.mapping);
  const Side& other = &side == &pair.source ? pair.target : pair.source;
  const auto others = inputs_in_order(other, pair.mapping);
  for (size_t i = 0; i < std::min(inputs.size(), others.size()); ++i)
    inputs[i] = data::sized_like(spec, inputs[i], others[i]);
  return inputs;
}

// What the user has paired decides the order in which the target's inputs and outputs are taken.
Status map_target(Pair& pair, const Options& options) {
  const graph::Graph& source = pair.source.lifted.graph;
  graph::Graph& target = pair.target.lifted.graph;
  FETAFIX_TRY(pair.mapping, Mapping::make(options.map, source, target));
  if (!pair.mapping.inputs.empty()) {
    std::vector<std::string> from, to;
    for (const auto& spec : wanted_inputs(pair.source)) from.push_back(spec.name);
    for (const auto& spec : wanted_inputs(pair.target)) to.push_back(spec.name);
    FETAFIX_TRY(pair.target.input_order, paired_order(from, to, pair.mapping.inputs));
  }
  if (pair.mapping.outputs.empty()) return {};
  FETAFIX_TRY(pair.target.output_order,
              paired_order(native_names(source, source.outputs), native_names(target, target.outputs),
                           pair.mapping.outputs));
  const auto outputs = target.outputs;
  for (size_t i = 0; i < outputs.size(); ++i) target.outputs[i] = outputs[pair.target.output_order[i]];
  return {};
}

Status make_loader(Side& side, const Pair& pair, const std::string& spec_text) {
  FETAFIX_TRY(const auto spec, data::parse_preprocess(spec_text));
  return feed(side, pair, spec);
}

}  // namespace

Status feed(Side& side, const Pair& pair, const data::PreprocessSpec& spec) {
  FETAFIX_TRY(data::Loader loader,
              data::Loader::make(pair.samples, sized_inputs(side, pair, spec), spec, cache_mb(pair.budget)));
  side.loader = std::make_unique<data::Loader>(std::move(loader));
  return {};
}

Result<std::unique_ptr<runtimes::Session>> load_native(const Side& side, const std::filesystem::path& path,
                                                       const Options& options, bool optimize) {
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::runtime_for(side.model->format()));
  runtimes::LoadOptions load = load_options(options);
  load.optimize = optimize;
  load.idle = side.idle;
  FETAFIX_TRY(load.options, parse_runtime_options(options.runtime_options));
  return runtime->load(path, load);
}

Result<Tried> write_and_load(const Side& side, const formats::NativeModel& model, const Options& options) {
  FETAFIX_TRY(auto folder, TemporaryFolder::make());
  const auto path = folder.path() / std::filesystem::path(side.path).filename();
  FETAFIX_CHECK(model.write(path));
  auto session = load_native(side, path, options);
  return Tried{std::move(folder), std::move(session)};
}

Result<std::vector<Tensor>> load_sample(const Side& side, SampleId sample) {
  FETAFIX_TRY(auto named, side.loader->load(sample.index));
  std::vector<Tensor> out(named.size());
  for (size_t i = 0; i < named.size(); ++i)
    out[side.input_order.empty() ? i : side.input_order[i]] = std::move(named[i].tensor);
  return sample.how == Derivation::none ? out : derived(out, sample.how);
}

std::vector<Tensor> in_order(const Side& side, std::vector<Tensor> outputs) {
  if (side.output_order.empty() || side.output_order.size() != outputs.size()) return outputs;
  std::vector<Tensor> out;
  for (size_t from : side.output_order) out.push_back(outputs[from]);
  return out;
}

Result<formats::Lifted> lift_in_order(const Side& side, const formats::NativeModel& model) {
  FETAFIX_TRY(auto lifted, model.lift());
  const auto outputs = lifted.graph.outputs;
  if (side.output_order.size() == outputs.size())
    for (size_t i = 0; i < outputs.size(); ++i) lifted.graph.outputs[i] = outputs[side.output_order[i]];
  return lifted;
}

Status reopen_broken(Pair& pair, const Options& options) {
  pair.target.session.reset();
  FETAFIX_CHECK(make_sound(pair, options));
  FETAFIX_CHECK(map_target(pair, options));
  const std::string& own = options.target_preprocess;
  auto fed = make_loader(pair.target, pair, own.empty() ? options.preprocess : own);
  if (!fed.ok()) pair.target.lifted = {};
  return {};
}

Result<Pair> open_pair(const Options& options) {
  Pair pair;
  pair.budget = Budget(options.memory);
  pair.source.recorded = options.source_outputs;
  pair.target.recorded = options.target_outputs;
  pair.target.command = options.target_command;
  FETAFIX_CHECK(open_sides(pair, options));
  FETAFIX_CHECK(make_sound(pair, options));
  FETAFIX_CHECK(map_target(pair, options));
  if (options.data.empty()) {
    pair.samples = std::make_shared<data::SampleSource>(data::SampleSource::synthetic(
        sized_inputs(pair.source, pair, {}), options.limit ? options.limit : 8, options.seed));
    pair.warnings.push_back(
        "no --data: seeded noise was used, which exercises a model less than real inputs do");
  } else {
    FETAFIX_TRY(auto source, data::SampleSource::open(options.data, options.limit));
    pair.samples = std::make_shared<data::SampleSource>(std::move(source));
  }
  for (const auto& warning : pair.samples->warnings()) pair.warnings.push_back(warning);
  const auto spec_for = [&](const std::string& own) { return own.empty() ? options.preprocess : own; };
  FETAFIX_CHECK(make_loader(pair.source, pair, spec_for(options.source_preprocess)));
  auto fed = make_loader(pair.target, pair, spec_for(options.target_preprocess));
  if (!fed.ok() && pair.target.broken.empty()) return std::move(fed).error();
  if (!fed.ok()) {  // that it is broken is all there is to say of it
    pair.target.session.reset();
    pair.target.lifted = {};
    pair.target.defects.clear();
    pair.target.sound = {};
  }
  for (const auto& text : pair.source.loader->assumptions()) pair.notes.push_back("source input: " + text);
  if (fed.ok())
    for (const auto& text : pair.target.loader->assumptions()) pair.notes.push_back("target input: " + text);
  for (const auto& text : pair.source.lifted.notes) pair.notes.push_back("source: " + text);
  for (const auto& text : pair.target.lifted.notes) pair.notes.push_back("target: " + text);
  if (!options.labels.empty()) {
    FETAFIX_TRY(pair.labels, data::read_labels(options.labels));
  }
  return pair;
}

}  // namespace fetafix::pipeline
