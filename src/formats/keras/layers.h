// The configuration as a tree of models, layers and calls. Nothing is looked up by a name of a class or
// module anywhere but in our own tables; nothing of a file is ever executed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/keras/calls.h"
#include "formats/keras/file.h"

namespace fetafix::formats::keras {

struct Model;

struct Layer {
  std::string name;
  std::string class_name;
  std::string module;
  std::string path;              // "backbone/conv1": its name behind those of the models around it
  const Json* config = nullptr;  // never null: an empty object where there is none
  bool is_operation = false;     // a function of Keras 3 (keras.ops), which is no layer
  std::vector<Call> calls;
  int64_t first_call = 0;    // the number that the file gives the first of them
  std::vector<int> weights;  // -1: one that the file lacks, with others behind it
  std::string group;         // where an archive keeps its weights
  std::shared_ptr<Model> nested;
};

// A Functional or Sequential model.
struct Model {
  std::string name;
  bool sequential = false;
  std::vector<Layer> layers;
  std::map<std::string, size_t> by_name;
  std::vector<Reference> inputs;
  std::vector<Reference> outputs;
  const Layer* find(const std::string& layer) const;
};

struct Tree {
  Model model;
  std::vector<Dataset> weights;                   // an index is the number among the file's tensors
  std::vector<std::shared_ptr<const Json>> made;  // configurations that the file leaves out
  std::string lacks;                              // why it can't be read all the same; empty: nothing
};

// Error kind `file`: inconsistent; `unsupported`: a model whose layers are not in its configuration
// (subclassed).
Result<Tree> parse_tree(const File& file);

// --- for those who write ---

// Where an archive keeps the weights of each layer of a model whose group is `group`, by the layers' names.
std::map<std::string, std::string> groups_of(const Json& model_config, bool sequential,
                                             const std::string& group, const File& file);
bool is_model_class(const std::string& class_name);
// Whether an entry is a function of Keras 3 (keras.ops), which is no layer.
bool is_operation(const Json& entry, int generation);
// Whether a class or function of that module is Keras' own; old files name no module.
bool is_keras_module(const std::string& module);
// Keras 3 counts the calls of a nested functional model from 1 where it lists a model's outputs, and from 0
// everywhere else: `output_layers` of a model's configuration with the numbers of everywhere else (`by` -1),
// or back (1).
Json counted_outputs(const Json& model_config, int generation, int by);
// The number of a nested model's first call: Keras 2 counts its own making as one, if it knew its input then.
int64_t first_call_of(const Json& model_entry, int generation);
// The name of a layer in a configuration: of its entry, else of its own.
std::string name_of(const Json& entry);

}  // namespace fetafix::formats::keras
