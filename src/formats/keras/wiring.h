// How the layers of one functional model hang together, as far as its configuration says: also where it names
// what is not there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/keras/layers.h"

namespace fetafix::formats::keras {

// A place in the configuration that names a tensor.
struct Naming {
  std::string place;            // JSON pointer of the list [layer, call, output, ...]
  Reference tensor;             // in the numbers of calls that hold everywhere but among a model's outputs
  const Json* shape = nullptr;  // what is stated of the tensor
  size_t reader = 0;            // the layer that is called with it
  size_t call = 0;
  bool by_name = false;  // it is a keyword argument (a mask, a state)
};

struct WiredLayer {
  std::string name;
  std::string class_name;
  const Json* entry = nullptr;
  std::string place;
  int64_t first_call = 0, calls = 0;
  int64_t outputs = 1;  // of a call; -1: not known
};

class Wiring {
 public:
  // `model`: a Functional's entry, which stands at `place`.
  Wiring(const Json& model, const std::string& place, int generation);

  const std::vector<WiredLayer>& layers() const { return layers_; }
  const std::vector<Naming>& read() const { return read_; }
  const std::vector<Naming>& outputs() const { return outputs_; }
  const std::vector<Naming>& inputs() const { return inputs_; }

  // The number of a layer; nullopt: there is none of that name.
  std::optional<size_t> find(const std::string& name) const;
  bool has(const Reference& tensor) const;
  // Whether a call of a layer reads, at once or by way of others, what call `call` of layer `from` makes.
  // Calls count from 0.
  bool depends_on(const Reference& tensor, size_t from, size_t call) const;
  // Tensors that may stand in the place of `instead` without making a circle, the likeliest first: of the
  // shape that is stated, of a like name, read by nobody, made shortly before.
  std::vector<Reference> likely(const Naming& instead) const;
  // The same among a model's outputs.
  std::vector<Reference> likely_outputs(const Naming& instead) const;

 private:
  void add_layer(const Json& entry, const std::string& place, int generation);
  void add_names(const Json& json, const std::string& place, const Json* shape, size_t reader, size_t call);
  bool is_read(const std::string& layer) const;
  // What is stated of a layer's first output; nullptr: nothing.
  const Json* shape_of(const std::string& layer) const;

  std::vector<WiredLayer> layers_;
  std::vector<Naming> read_, outputs_, inputs_;
};

}  // namespace fetafix::formats::keras
