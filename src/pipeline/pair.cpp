#include "pipeline/pair.h"

namespace fetafix::pipeline {
namespace {

data::InputSpec input_spec(const runtimes::TensorSpec& spec) {
  data::InputSpec out;
  out.name = spec.name;
  out.dtype = spec.dtype;
  out.shape = spec.shape.value_or(Shape{});
  out.quantization_scale = spec.scale;
  out.zero_point = spec.zero_point;
  return out;
}

// Without a runtime to ask, the view says what the model wants.
std::vector<data::InputSpec> wanted_inputs(const Side& side) {
  std::vector<data::InputSpec> out;
  if (side.session) {
    for (const auto& spec : side.session->inputs()) out.push_back(input_spec(spec));
    return out;
  }
  for (graph::ValueId id : side.lifted.graph.inputs) {
    const graph::Value& value = side.lifted.graph.value(id);
    data::InputSpec spec;
    spec.name = value.native_name;
    spec.dtype = value.dtype;
    spec.shape = value.shape.value_or(Shape{});
    out.push_back(std::move(spec));
  }
  return out;
}

Status open_side(Side& side, const std::string& path, const Options& options, bool may_be_broken) {
  side.path = path;
  FETAFIX_TRY(side.model, formats::read_model(path));
  auto lifted = side.model->lift();
  if (lifted.ok())
    side.lifted = std::move(lifted).value();
  else if (may_be_broken)
    side.broken = lifted.error().message;
  else
    return in_context(path, std::move(lifted).error());
  auto session = load_native(side, path, options);
  if (session.ok()) {
    side.session = std::move(session).value();
  } else if (session.error().kind == ErrorKind::runtime_failed && may_be_broken) {
    side.broken = session.error().message;
  } else {
    return in_context(path, std::move(session).error());
  }
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::runtime_for(side.model->format()));
  side.runtime_name = runtime->name();
  if (auto version = runtime->version({options.python, {}, {}}); version.ok())
    side.runtime_version = *version;
  return {};
}

Status make_loader(Side& side, const Pair& pair, const std::string& spec_text) {
  FETAFIX_TRY(const auto spec, data::parse_preprocess(spec_text));
  FETAFIX_TRY(data::Loader loader, data::Loader::make(pair.samples, wanted_inputs(side), spec));
  side.loader = std::make_unique<data::Loader>(std::move(loader));
  return {};
}

}  // namespace

Result<std::unique_ptr<runtimes::Session>> load_native(const Side& side, const std::filesystem::path& path,
                                                       const Options& options, bool optimize) {
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::runtime_for(side.model->format()));
  runtimes::LoadOptions load;
  load.threads = options.threads;
  load.optimize = optimize;
  load.locations.python = options.python;
  load.interrupted = options.interrupted;
  if (!options.tflite_kernels.empty()) load.options["tflite.kernels"] = options.tflite_kernels;
  return runtime->load(path, load);
}

Result<std::vector<Tensor>> load_sample(const Side& side, size_t index) {
  FETAFIX_TRY(auto named, side.loader->load(index));
  std::vector<Tensor> out;
  for (auto& one : named) out.push_back(std::move(one.tensor));
  return out;
}

Result<Pair> open_pair(const Options& options) {
  Pair pair;
  FETAFIX_CHECK(open_side(pair.source, options.source, options, false));
  FETAFIX_CHECK(open_side(pair.target, options.target, options, true));
  if (options.data.empty()) {
    pair.samples = std::make_shared<data::SampleSource>(data::SampleSource::synthetic(
        wanted_inputs(pair.source), options.limit ? options.limit : 8, options.seed));
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
