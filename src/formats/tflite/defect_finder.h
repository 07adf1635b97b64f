// Finds, in the file alone, what keeps a TFLite file from being read as a model or from being loaded: one
// defect behind the other, each in the file as mending those before has left it.
#pragma once

#include <algorithm>

#include "formats/tflite/sound.h"

namespace fetafix::formats::tflite {

inline graph::Address operator_at(size_t index) {
  return {{"", static_cast<int>(index)}};
}

// A list of one.
template <class Edit>
std::vector<graph::Edit> just(Edit edit) {
  std::vector<graph::Edit> out;
  out.emplace_back(std::move(edit));
  return out;
}

// Convolutions and dense layers: data, weights, bias.
bool has_weights(Builtin kind);
// Kinds whose first operand and first result have one type.
bool keeps_type(Builtin kind);

class DefectFinder {
 public:
  DefectFinder(const schema::ModelT& model, uint32_t subgraph, const graph::Graph& source)
      : now_(model), subgraph_(subgraph), source_(source) {}

  std::vector<Defect> run();

 private:
  schema::SubGraphT& graph() { return *now_.subgraphs[subgraph_]; }
  const schema::OperatorT& op(size_t index) { return *graph().operators[index]; }
  size_t size() { return graph().operators.size(); }
  schema::TensorT& tensor(int32_t index) { return *graph().tensors[static_cast<size_t>(index)]; }
  bool is_input(int32_t index) { return std::count(graph().inputs.begin(), graph().inputs.end(), index) > 0; }
  Shape shape_of(int32_t index) { return {tensor(index).shape.begin(), tensor(index).shape.end()}; }

  // sound.cpp: how operators and tensors hang together
  std::string place(size_t index);
  bool add(Defect defect);
  bool is_stored(int32_t index);
  std::vector<size_t> writers(int32_t index);
  bool is_read(int32_t index);
  void check_versions();
  bool check_codes();
  bool check_writers();
  bool may_read(size_t reader, int32_t index);
  graph::ValueAddress value_before(size_t reader);
  bool check_operands();
  bool check_cycle();
  bool check_outputs();
  void check_order();
  void check_inputs();

  // sound_tensors.cpp: shapes and types of what is stored and computed
  Shape shape_that_goes(size_t index, size_t slot);
  Shape shape_of_operand(const std::vector<int32_t>& operands, size_t slot);
  bool check_weights();
  bool check_bits(size_t index);
  bool check_shape(size_t index);
  bool check_types();
  bool check_bias_type(size_t index);
  bool check_type(int32_t index);

  schema::ModelT now_;
  uint32_t subgraph_;
  const graph::Graph& source_;
  std::vector<Defect> out_;
};

}  // namespace fetafix::formats::tflite
