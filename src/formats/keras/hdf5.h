// HDF5 files in memory behind a small face: the only room that knows the library. What a Keras file never
// holds and a hostile one may (links to other files, storage outside, loops, absurd sizes) is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "tensor/tensor.h"

namespace fetafix::formats::keras {

struct Dataset {
  std::string path;  // "layers/conv2d/vars/0"
  DType dtype = DType::unknown;
  Shape shape;
};

// Bytes from outside are tried in a child first; those that the library just wrote are not.
enum class Origin { outside, ours };

// Bytes, and what keeps them alive: the whole of a file, or a part of it where it lies.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  BytesView view;

  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> kept, BytesView part) : owner(std::move(kept)), view(part) {}
  explicit SharedBytes(Bytes bytes) : SharedBytes(std::make_shared<const Bytes>(std::move(bytes))) {}
  explicit SharedBytes(std::shared_ptr<const Bytes> whole) : owner(whole), view(*whole) {}
};

class Store {
 public:
  // Reads in place: `bytes` are not copied. Error kind `file`: not HDF5, or damaged.
  static Result<Store> open(SharedBytes bytes, Origin origin);
  // On a copy of the bytes, which image() gives back with what was written.
  static Result<Store> open_for_writing(BytesView bytes);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // In the order of their paths.
  const std::vector<Dataset>& datasets() const { return datasets_; }
  const Dataset* find(const std::string& path) const;
  // Shares the file's memory where the data lies there in one piece.
  Result<Tensor> read(const Dataset& dataset) const;

  // An attribute of a group ("" is the root): one text, or a list of them; nullopt: there is none.
  std::optional<std::string> text(const std::string& group, const std::string& name) const;
  std::optional<std::vector<std::string>> texts(const std::string& group, const std::string& name) const;
  bool has_attribute(const std::string& group, const std::string& name) const;
  // Sets one text where one was.
  Status set_text(const std::string& group, const std::string& name, const std::string& text);
  Status set_texts(const std::string& group, const std::string& name, const std::vector<std::string>& texts);

  // Writes over the data if type and shape are the same, else makes the dataset anew; groups on the way are
  // made.
  Status write(const std::string& path, const Tensor& tensor);
  Status remove(const std::string& path);
  Status move(const std::string& from, const std::string& to);
  bool has_group(const std::string& path) const;
  Result<Bytes> image();

 private:
  struct File;
  Store();
  static Result<Store> opened(SharedBytes bytes);
  void read_all() const;
  Status list();

  SharedBytes bytes_;  // reading only
  std::unique_ptr<File> file_;
  std::vector<Dataset> datasets_;
  uint64_t longest_text_ = 0;  // no text of the file has more bytes
};

}  // namespace fetafix::formats::keras
