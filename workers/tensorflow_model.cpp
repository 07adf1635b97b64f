#include "workers/tensorflow_model.h"

#include <algorithm>
#include <cstring>

#include "tensorflow_wire/convert.h"

namespace fetafix::tensorflow {
namespace {

using channel::NamedTensor;
using channel::ValueSpec;

// TensorFlow's messages go on with where in its own source they arose, and with the names of a hundred nodes.
constexpr size_t most_lines = 4, most_characters = 1000;

std::string first_lines(const std::string& message) {
  std::string out;
  size_t begin = 0;
  for (size_t line = 0; line < most_lines && begin < message.size();) {
    const size_t end = std::min(message.find('\n', begin), message.size());
    const size_t text = message.find_first_not_of(" \t\r", begin);
    if (text < end) {
      out += (out.empty() ? "" : "; ") + message.substr(text, end - text);
      ++line;
    }
    begin = end + 1;
  }
  if (out.size() > most_characters) out = out.substr(0, most_characters) + "...";
  return out;
}

// What a call of TensorFlow says about how it went.
class Outcome {
 public:
  explicit Outcome(const Api& api) : api_(api), status_(api.new_status()) {}
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;
  ~Outcome() { api_.delete_status(status_); }

  operator TfStatus*() { return status_; }
  Status of(const std::string& what) const {
    if (api_.status_code(status_) == status_ok) return {};
    return Error{ErrorKind::runtime_failed, what + ": " + first_lines(api_.status_message(status_))};
  }

 private:
  const Api& api_;
  TfStatus* status_;
};

std::string described(DType dtype, const std::optional<Shape>& shape) {
  return std::string(dtype_name(dtype)) + (shape ? to_string(*shape) : " of any shape");
}

// A dimension that is not known takes every size.
bool takes(const ValueSpec& spec, const Tensor& tensor) {
  if (spec.dtype != tensor.dtype()) return false;
  return !spec.shape ||
         std::equal(spec.shape->begin(), spec.shape->end(), tensor.shape().begin(), tensor.shape().end(),
                    [](int64_t expected, int64_t found) { return expected < 0 || expected == found; });
}

Error has_no_place(int type) {
  if (tensorflow_wire::dtype_from_code(type) == DType::string)
    return {ErrorKind::unsupported, "holds strings, which have no place here"};
  return {ErrorKind::unsupported,
          "has TensorFlow type " + std::to_string(type) + ", which has no place here"};
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::open(const Api& api, Source source,
                                                       const Settings& settings) {
  std::unique_ptr<LoadedModel> loaded(new LoadedModel(api, std::move(source), settings));
  FETAFIX_CHECK(loaded->start());
  return loaded;
}

LoadedModel::~LoadedModel() {
  stop();
}

void LoadedModel::stop() noexcept {
  Outcome ignored(api_);
  if (session_) {
    api_.close_session(session_, ignored);
    api_.delete_session(session_, ignored);
  }
  if (graph_) api_.delete_graph(graph_);
  session_ = nullptr;
  graph_ = nullptr;
}

Status LoadedModel::start() {
  stop();
  used_ = false;
  graph_ = api_.new_graph();
  if (source_.folder.empty()) FETAFIX_CHECK(import_graph());
  FETAFIX_CHECK(open_session());
  FETAFIX_TRY(inputs_, find(source_.interface.inputs, "input"));
  FETAFIX_TRY(outputs_, find(source_.interface.outputs, "output"));
  // What is only read is never started again.
  if (!source_.keeps_state) source_.graph = {};
  return {};
}

Status LoadedModel::import_graph() noexcept {
  Outcome outcome(api_);
  TfBuffer* bytes = api_.new_buffer(source_.graph.data(), source_.graph.size());
  TfImportOptions* options = api_.new_import_options();
  api_.import_graph(graph_, bytes, options, outcome);
  api_.delete_import_options(options);
  api_.delete_buffer(bytes);
  return outcome.of("TensorFlow refuses the graph");
}

Status LoadedModel::open_session() noexcept {
  Outcome outcome(api_);
  const std::string config = config_bytes(settings_);
  const std::unique_ptr<TfSessionOptions, void (*)(TfSessionOptions*)> options(api_.new_session_options(),
                                                                               api_.delete_session_options);
  api_.set_config(options.get(), config.data(), config.size(), outcome);
  FETAFIX_CHECK(outcome.of("TensorFlow refuses its options"));
  if (source_.folder.empty()) {
    session_ = api_.new_session(graph_, options.get(), outcome);
    return outcome.of("no session");
  }
  std::vector<const char*> tags;
  for (const std::string& tag : source_.tags) tags.push_back(tag.c_str());
  session_ = api_.load_saved_model(options.get(), nullptr, source_.folder.c_str(), tags.data(),
                                   static_cast<int>(tags.size()), graph_, nullptr, outcome);
  return outcome.of("TensorFlow refuses the SavedModel");
}

Result<std::vector<LoadedModel::Port>> LoadedModel::find(const std::vector<tensorflow_wire::Port>& ports,
                                                         const std::string& side) const {
  std::vector<Port> out;
  for (const auto& port : ports) {
    auto found = find(port);
    if (!found.ok()) return in_context(side + " '" + port.key + "'", std::move(found).error());
    out.push_back(std::move(*found));
  }
  return out;
}

Result<LoadedModel::Port> LoadedModel::find(const tensorflow_wire::Port& port) const noexcept {
  const auto [node, index] = tensorflow_wire::split_tensor_name(port.tensor);
  const TfOutput place{api_.find_operation(graph_, node.c_str()), index};
  if (!place.operation || index < 0 || index >= api_.output_count(place.operation))
    return Error{ErrorKind::file, "names the tensor '" + port.tensor + "', which the graph does not have"};
  ValueSpec spec{port.key, port.dtype, port.shape, 0, 0};
  if (spec.dtype == DType::unknown) spec.dtype = tensorflow_wire::dtype_from_code(api_.output_type(place));
  if (spec.shape) return Port{std::move(spec), place};
  Outcome outcome(api_);
  const int rank = api_.output_rank(graph_, place, outcome);
  FETAFIX_CHECK(outcome.of("its shape"));
  if (rank >= 0) {
    spec.shape.emplace(static_cast<size_t>(rank));
    api_.output_shape(graph_, place, spec.shape->data(), rank, outcome);
    FETAFIX_CHECK(outcome.of("its shape"));
  }
  return Port{std::move(spec), place};
}

std::vector<ValueSpec> LoadedModel::specs(const std::vector<Port>& ports) {
  std::vector<ValueSpec> out;
  out.reserve(ports.size());
  for (const Port& port : ports) out.push_back(port.spec);
  return out;
}

Status LoadedModel::check_inputs(std::span<const NamedTensor> inputs) const {
  if (inputs.size() != inputs_.size())
    return Error{ErrorKind::runtime_failed, "expected " + std::to_string(inputs_.size()) + " inputs, found " +
                                                std::to_string(inputs.size())};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueSpec& spec = inputs_[i].spec;
    const std::string where = "input '" + spec.name + "'";
    if (element_size(spec.dtype) == 0)
      return in_context(where, has_no_place(api_.output_type(inputs_[i].place)));
    const Tensor& tensor = inputs[i].tensor;
    if (!takes(spec, tensor))
      return Error{ErrorKind::runtime_failed, where + ": expected " + described(spec.dtype, spec.shape) +
                                                  ", found " + described(tensor.dtype(), tensor.shape())};
  }
  return {};
}

Result<const LoadedModel::Port*> LoadedModel::output(const std::string& name) const {
  std::string known;
  for (const Port& port : outputs_) {
    if (port.spec.name == name) return &port;
    known += (known.empty() ? "" : ", ") + port.spec.name;
  }
  return Error{ErrorKind::runtime_failed, "no output '" + name + "'; there is " + known};
}

Result<std::vector<const LoadedModel::Port*>> LoadedModel::choose(
    const std::vector<std::string>& wanted) const {
  std::vector<const Port*> chosen;
  for (const std::string& name : wanted) {
    FETAFIX_TRY(const Port* port, output(name));
    chosen.push_back(port);
  }
  for (size_t i = 0; wanted.empty() && i < outputs_.size(); ++i) chosen.push_back(&outputs_[i]);
  for (const Port* port : chosen)
    if (element_size(port->spec.dtype) == 0)
      return in_context("output '" + port->spec.name + "'", has_no_place(api_.output_type(port->place)));
  return chosen;
}

std::shared_ptr<TfTensor> LoadedModel::owned(TfTensor* tensor) const {
  return {tensor, [release = api_.delete_tensor](TfTensor* one) {
            if (one) release(one);
          }};
}

std::shared_ptr<TfTensor> LoadedModel::copied(const Tensor& tensor) const {
  // Not borrowed: a graph may keep an input, and the request's memory is the parent's.
  auto copy = owned(api_.allocate_tensor(tensorflow_wire::code_from_dtype(tensor.dtype()),
                                         tensor.shape().data(), tensor.rank(), tensor.byte_size()));
  if (copy && tensor.byte_size() > 0)
    std::memcpy(api_.tensor_data(copy.get()), tensor.bytes().data(), tensor.byte_size());
  return copy;
}

Result<Tensor> LoadedModel::lent(std::shared_ptr<TfTensor> tensor) const {
  const DType dtype = tensorflow_wire::dtype_from_code(api_.tensor_type(tensor.get()));
  if (element_size(dtype) == 0) return has_no_place(api_.tensor_type(tensor.get()));
  Shape shape;
  for (int i = 0; i < api_.tensor_rank(tensor.get()); ++i) shape.push_back(api_.tensor_dim(tensor.get(), i));
  const size_t bytes = api_.tensor_bytes(tensor.get());
  if (bytes == 0) return Tensor::zeros(dtype, std::move(shape));
  const auto* data = static_cast<const std::byte*>(api_.tensor_data(tensor.get()));
  return Tensor::view(dtype, std::move(shape), {data, bytes}, std::move(tensor));
}

Result<std::vector<std::shared_ptr<TfTensor>>> LoadedModel::compute(
    std::span<const NamedTensor> inputs, const std::vector<const Port*>& chosen) noexcept {
  std::vector<std::shared_ptr<TfTensor>> values, owned_results;
  std::vector<TfTensor*> given;
  std::vector<TfOutput> from, to;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(copied(inputs[i].tensor));
    if (!values.back())
      return Error{ErrorKind::runtime_failed, "no memory for input '" + inputs_[i].spec.name + "'"};
    given.push_back(values.back().get());
    from.push_back(inputs_[i].place);
  }
  for (const Port* port : chosen) to.push_back(port->place);
  std::vector<TfTensor*> results(to.size(), nullptr);
  Outcome outcome(api_);
  used_ = true;
  api_.run(session_, nullptr, from.data(), given.data(), static_cast<int>(from.size()), to.data(),
           results.data(), static_cast<int>(to.size()), nullptr, 0, nullptr, outcome);
  for (TfTensor* result : results) owned_results.push_back(owned(result));
  FETAFIX_CHECK(outcome.of("running"));
  return owned_results;
}

Result<std::vector<NamedTensor>> LoadedModel::run(std::span<const NamedTensor> inputs,
                                                  const std::vector<std::string>& wanted) {
  if (!session_ || (used_ && source_.keeps_state)) FETAFIX_CHECK(start());
  FETAFIX_CHECK(check_inputs(inputs));
  FETAFIX_TRY(const auto chosen, choose(wanted));
  FETAFIX_TRY(auto results, compute(inputs, chosen));
  std::vector<NamedTensor> outputs;
  for (size_t i = 0; i < chosen.size(); ++i) {
    auto tensor = lent(std::move(results[i]));
    if (!tensor.ok()) return in_context("output '" + chosen[i]->spec.name + "'", std::move(tensor).error());
    outputs.push_back({chosen[i]->spec.name, std::move(*tensor)});
  }
  return outputs;
}

}  // namespace fetafix::tensorflow
