// One TensorFlow graph and its session, which is made anew before a run where the run before left something
// in it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/values.h"
#include "workers/tensorflow_api.h"
#include "workers/tensorflow_config.h"
#include "workers/tensorflow_source.h"

namespace fetafix::tensorflow {

class LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> open(const Api& api, Source source, const Settings& settings);
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;
  ~LoadedModel();

  std::vector<channel::ValueSpec> inputs() const { return specs(inputs_); }
  std::vector<channel::ValueSpec> outputs() const { return specs(outputs_); }
  const std::string& signature() const { return source_.interface.signature; }

  // Inputs in the order of inputs(), names ignored. The same inputs give the same outputs however often it
  // runs. No `wanted`: all outputs.
  Result<std::vector<channel::NamedTensor>> run(std::span<const channel::NamedTensor> inputs,
                                                const std::vector<std::string>& wanted);

 private:
  struct Port {
    channel::ValueSpec spec;
    TfOutput place;
  };

  LoadedModel(const Api& api, Source source, const Settings& settings)
      : api_(api), source_(std::move(source)), settings_(settings) {}
  Status start();
  // Those that call TensorFlow with a graph let no exception pass: where memory ran out it leaves its locks
  // locked, and the next call would wait forever. The worker ends of it, and the parent says so.
  void stop() noexcept;
  Status import_graph() noexcept;
  Status open_session() noexcept;
  Result<std::vector<Port>> find(const std::vector<tensorflow_wire::Port>& ports,
                                 const std::string& side) const;
  Result<Port> find(const tensorflow_wire::Port& port) const noexcept;
  Status check_inputs(std::span<const channel::NamedTensor> inputs) const;
  Result<const Port*> output(const std::string& name) const;
  Result<std::vector<const Port*>> choose(const std::vector<std::string>& wanted) const;
  Result<std::vector<std::shared_ptr<TfTensor>>> compute(std::span<const channel::NamedTensor> inputs,
                                                         const std::vector<const Port*>& chosen) noexcept;
  std::shared_ptr<TfTensor> owned(TfTensor* tensor) const;
  std::shared_ptr<TfTensor> copied(const Tensor& tensor) const;
  Result<Tensor> lent(std::shared_ptr<TfTensor> tensor) const;
  static std::vector<channel::ValueSpec> specs(const std::vector<Port>& ports);

  const Api& api_;
  Source source_;
  Settings settings_;
  TfGraph* graph_ = nullptr;
  TfSession* session_ = nullptr;
  std::vector<Port> inputs_, outputs_;
  bool used_ = false;  // the session has run
};

}  // namespace fetafix::tensorflow
