// Keras files in the making, honest and hostile: HDF5 by the library's own hand, archives around it.
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "base/json.h"
#include "base/zip.h"
#include "formats/keras/keras.h"
#include "formats/keras/testing/image.h"

namespace fetafix::formats::keras::testing {

inline Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

inline void add_text(hid_t file, const char* group, const char* name, const std::string& text) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, std::max<size_t>(text.size(), 1));
  const hid_t owner = H5Oopen(file, group, H5P_DEFAULT);
  const hid_t attribute = H5Acreate2(owner, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, text.data());
  H5Aclose(attribute);
  H5Oclose(owner);
  H5Sclose(space);
  H5Tclose(type);
}

// x [?, 3] -> Dense "d" [2] -> y
inline Json small_config() {
  return Json::parse(R"({"module": "keras", "class_name": "Functional", "registered_name": null, "config": {
    "name": "m", "trainable": true, "layers": [
      {"module": "keras.layers", "class_name": "InputLayer", "registered_name": null, "name": "x", "inbound_nodes": [],
       "config": {"batch_shape": [null, 3], "dtype": "float32", "name": "x"}},
      {"module": "keras.layers", "class_name": "Dense", "registered_name": null, "name": "d",
       "config": {"name": "d", "trainable": true, "dtype": "float32", "units": 2, "activation": "linear", "use_bias": true},
       "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__",
          "config": {"shape": [null, 3], "dtype": "float32", "keras_history": ["x", 0, 0]}}], "kwargs": {}}]}],
    "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}})");
}

inline Bytes small_weights() {
  static const Bytes made = hdf5([](hid_t file) {
    add_dataset(file, "layers/dense/vars/0", {3, 2});
    add_dataset(file, "layers/dense/vars/1", {2});
  });
  return made;
}

inline Bytes archive(const std::string& config, const Bytes& weights = small_weights(),
                     const std::string& metadata = R"({"keras_version": "3.9.0"})") {
  auto out = zip({{"metadata.json", bytes_of(metadata)},
                  {"config.json", bytes_of(config)},
                  {"model.weights.h5", weights}});
  EXPECT_TRUE(out.ok());
  return out.ok() ? *out : Bytes();
}

// The complaint of reading or lifting, whichever comes; empty: none. Never of another kind than of a file.
inline std::string complaint(const Bytes& bytes) {
  auto model = keras_format().parse(bytes, {});
  std::optional<Error> error;
  if (!model.ok()) {
    error = model.error();
  } else if (auto lifted = (*model)->lift(); !lifted.ok()) {
    error = lifted.error();
  }
  if (!error) return "";
  EXPECT_TRUE(error->kind == ErrorKind::file || error->kind == ErrorKind::unsupported) << error->message;
  return error->message;
}

// What the reader says of layers that it leaves alone.
inline std::string notes(const Bytes& bytes) {
  auto model = keras_format().parse(bytes, {});
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  if (!model.ok()) return "";
  auto lifted = (*model)->lift();
  EXPECT_TRUE(lifted.ok()) << (lifted.ok() ? "" : lifted.error().message);
  std::string out;
  for (const std::string& note : lifted.ok() ? lifted->notes : std::vector<std::string>()) out += note + "\n";
  return out;
}

inline void expect_complaint(const Bytes& bytes, const std::string& part) {
  const std::string message = complaint(bytes);
  EXPECT_NE(message.find(part), std::string::npos) << "expected '" << part << "' in: " << message;
}

}  // namespace fetafix::formats::keras::testing
