// A file's configuration being changed. Layers may come, go and change their class; at the end the groups of
// an archive, which are named after classes and counted, are moved to where Keras will look for them.
#pragma once

#include "formats/keras/layers.h"

namespace fetafix::formats::keras {

// Layer names from the outermost model inwards: the way to a nested model.
using Way = std::vector<std::string>;

// A configuration may be odd where reading it does not look. What the JSON library says of that is an error.
template <class Function>
auto guarded(const Function& function) -> decltype(function()) {
  try {
    return function();
  } catch (const Json::exception& odd) {
    return Error{ErrorKind::unsupported,
                 std::string("the configuration has an unexpected form: ") + odd.what()};
  }
}

class Document {
 public:
  explicit Document(const File& file);

  const File& file() const { return file_; }
  // The entry of a model: {"class_name", "config", ...}.
  Result<Json*> model(const Way& way);
  // The entry of a layer in a model's entry.
  Result<Json*> layer(Json& model, const std::string& name);
  // Writes a Sequential as the functional model that it is, so that its tensors can be named.
  Status make_functional(Json& model);
  // A call in the file's own form, reading these tensors. `literals` are further positional arguments.
  Json call_of(const std::vector<Reference>& tensors) const;
  // A tensor as it is listed among a model's inputs and outputs.
  static Json listed(const Reference& tensor) {
    return Json::array({tensor.layer, tensor.node, tensor.tensor});
  }
  // A name that no layer of the model has.
  std::string free_name(const Json& model, const std::string& base) const;
  // A new layer with its settings, in the file's own form; called once.
  Json new_layer(const std::string& class_name, const std::string& name, Json settings,
                 const std::vector<Reference>& tensors) const;

  // All that reads one tensor of a model reads another; with `reader` that layer's call alone.
  struct Reader {
    std::string layer;
    int64_t call = 0;  // counted from 0
    int operand = 0;
  };
  Status redirect(Json& model, const Reference& from, const Reference& to,
                  const std::optional<Reader>& reader);
  void add_layer(Json& model, Json entry);
  Status remove_layer(Json& model, const std::string& name);

  // Weights to be written, by dataset; an empty tensor removes the dataset.
  std::map<std::string, Tensor> weights;
  // The lists of weight names of an .h5 file that change, by layer.
  std::map<std::string, std::vector<std::string>> weight_names;
  void touch() { changed_ = true; }

  // The file with all that was changed.
  Result<Bytes> finish();

 private:
  // The numbers of outputs in memory are those of calls (layers.h: counted_outputs).
  void count_outputs(Json& model, int by);
  void sort_layers(Json& model);
  Status settle_names(Store& store);
  void tag(Json& model, const std::string& group);
  Status settle(Store& store, Json& model, const std::string& before, const std::string& after);
  static void untag(Json& model);

  const File& file_;
  Json config_;
  bool changed_ = false;
};

}  // namespace fetafix::formats::keras
