// What the files that speak with the HDF5 library share.
#pragma once

#include <hdf5.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/keras/hdf5.h"

namespace fetafix::formats::keras {

// What H5?open gave, closed by `close`.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

inline Error broken(const std::string& what) {
  return {ErrorKind::file, "HDF5: " + what};
}

inline Handle object(hid_t file, const std::string& path) {
  return {H5Oopen(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), H5Oclose};
}

// What a file holds, in the order of paths. Error: something that Keras never writes, or damage
// (hdf5_list.cpp).
Result<std::vector<Dataset>> list_datasets(hid_t file);

inline constexpr size_t most_objects = 1 << 17;

// No text of a file has more bytes (hdf5_texts.cpp).
uint64_t longest_text(BytesView file);
// The texts of a string attribute; nullopt: there is none, or it holds something else.
std::optional<std::vector<std::string>> texts_of(hid_t file, const std::string& group,
                                                 const std::string& name, uint64_t longest);

}  // namespace fetafix::formats::keras
