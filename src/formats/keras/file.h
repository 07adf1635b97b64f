// A Keras file taken apart: the configuration as JSON, the weights as HDF5.
#pragma once

#include <memory>

#include "base/json.h"
#include "formats/keras/hdf5.h"

namespace fetafix::formats::keras {

enum class Container { archive, hdf5 };

struct File {
  std::shared_ptr<const Bytes> bytes;  // the file
  SharedBytes weights;                 // its HDF5 part, where it lies in the file unless it is packed there
  Container container = Container::archive;
  std::string version;  // of the Keras that wrote it; may be empty
  Json config;          // {"class_name", "config", ...} of the model
  std::shared_ptr<const Store> store;
  // What is no longer as in `bytes`.
  bool config_changed = false, weights_changed = false;

  // Keras 2 (1 too) or 3: they differ in keys and in some functions.
  int generation() const { return version.starts_with("1.") || version.starts_with("2.") ? 2 : 3; }
};

// Of an edit that a file of this format can't express.
inline Error cant(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

// Error kind `file`: damaged, hostile, or not a whole model (weights alone).
Result<File> parse_file(Bytes bytes, Origin origin);

// The file with another configuration and other weights; what is the same stays byte for byte. `config` null:
// the old one; `weights` null: the old ones.
Result<Bytes> with_parts(const File& file, const Json* config, const Bytes* weights);

}  // namespace fetafix::formats::keras
