// Small ONNX models for this room's tests, and running them: as files in ONNX Runtime, as views in the
// evaluator.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "channel/locate.h"
#include "channel/models.h"
#include "evaluate/evaluator.h"
#include "formats/onnx/onnx.h"
#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx::testing {

using Names = std::vector<std::string>;

struct ModelBuilder {
  onnx_wire::Model model;

  explicit ModelBuilder(int opset, int ir = 8) {
    model.set_ir_version(ir);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("g");
  }
  ModelBuilder& value(onnx_wire::ValueInfo& info, const std::string& name, const std::optional<Shape>& shape,
                      DType dtype) {
    info.set_name(name);
    onnx_wire::write_type(dtype, shape, *info.mutable_type());
    return *this;
  }
  ModelBuilder& input(const std::string& name, const Shape& shape, DType dtype = DType::float32) {
    return value(*model.mutable_graph()->add_input(), name, shape, dtype);
  }
  ModelBuilder& output(const std::string& name, DType dtype = DType::float32) {
    return value(*model.mutable_graph()->add_output(), name, std::nullopt, dtype);
  }
  ModelBuilder& weights(const std::string& name, const Tensor& tensor) {
    auto* wire = model.mutable_graph()->add_initializer();
    onnx_wire::write_tensor(tensor, *wire);
    wire->set_name(name);
    return *this;
  }
  ModelBuilder& node(const std::string& type, const Names& inputs, const Names& outputs,
                     const graph::Attributes& attributes = {}) {
    auto* wire = model.mutable_graph()->add_node();
    wire->set_op_type(type);
    for (const auto& name : inputs) wire->add_input(name);
    for (const auto& name : outputs) wire->add_output(name);
    for (const auto& [name, value] : attributes)
      onnx_wire::write_attribute(name, value, *wire->add_attribute());
    return *this;
  }
  std::string bytes() const { return model.SerializeAsString(); }
};

inline Tensor noise(const Shape& shape, unsigned seed = 1) {
  Tensor out = *Tensor::zeros(DType::float32, shape);
  std::mt19937 random(seed);
  for (float& v : out.mutable_as<float>()) v = static_cast<float>(random()) / 2147483648.0f - 1.0f;
  return out;
}

inline const TemporaryFolder& folder() {
  static const TemporaryFolder made = std::move(TemporaryFolder::make()).value();
  return made;
}

inline Result<std::unique_ptr<NativeModel>> read_bytes(const std::string& bytes) {
  const auto path = folder().path() / "model.onnx";
  std::ofstream(path, std::ios::binary) << bytes;  // not write_file: thousands of syncs are slow
  return onnx_format().read(path);
}

// The complaint of reading or lifting, whichever comes; empty: none.
inline std::string complaint(const std::string& bytes) {
  auto model = read_bytes(bytes);
  if (!model.ok()) return model.error().message;
  auto lifted = (*model)->lift();
  return lifted.ok() ? "" : lifted.error().message;
}

// Runs a file's bytes as they are; by name of the model's inputs.
inline Result<std::vector<Tensor>> run_file(const std::string& bytes,
                                            const std::vector<channel::NamedTensor>& inputs) {
  static auto worker = []() -> Result<channel::ModelWorker> {
    FETAFIX_TRY(auto library, channel::find_onnxruntime(channel::pinned_python()));
    return channel::start_onnxruntime(library, 1);
  }();
  if (!worker.ok()) return worker.error();
  FETAFIX_TRY(const auto loaded, worker->load(as_bytes(bytes), {{"optimize", false}}));
  auto out = worker->run(loaded.session, inputs, {});
  FETAFIX_CHECK(worker->unload(loaded.session));
  return out;
}

// Runs a view whole; without nodes the output is the input.
inline Result<std::vector<Tensor>> run_view(const graph::Graph& view,
                                            const std::vector<channel::NamedTensor>& inputs) {
  static auto evaluator = evaluate::make_evaluator({1});
  if (!evaluator.ok()) return evaluator.error();
  std::vector<graph::NodeId> nodes;
  for (size_t n = 0; n < view.nodes.size(); ++n) nodes.push_back(static_cast<graph::NodeId>(n));
  evaluate::Feeds feeds;
  for (const auto& input : inputs)
    for (graph::ValueId id : view.inputs)
      if (view.value(id).name == input.name) feeds.emplace(id, input.tensor);
  if (nodes.empty()) return std::vector<Tensor>{feeds.at(view.outputs.at(0))};
  return (*evaluator)->run(view, nodes, feeds, view.outputs);
}

inline void expect_near(const std::vector<Tensor>& expected, const std::vector<Tensor>& actual,
                        double tolerance = 1e-5) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i].dtype(), actual[i].dtype());
    ASSERT_EQ(expected[i].shape(), actual[i].shape());
    const auto e = *to_doubles(expected[i]), a = *to_doubles(actual[i]);
    for (size_t k = 0; k < e.size(); ++k)
      ASSERT_NEAR(e[k], a[k], tolerance) << "output " << i << " element " << k;
  }
}

}  // namespace fetafix::formats::onnx::testing
