// Samples: where inputs come from. A SampleSource lists them without decoding anything; a Loader makes the
// tensors of one of them for one model, on demand and once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/npy.h"
#include "data/preprocess.h"

namespace fetafix::data {

struct SampleName {
  std::string name;      // a path below the folder, or "#0", "#1", ... in arrays
  std::string original;  // the name without extension up to '@': "cat@3.png" is derived from "cat"
};

class SampleSource {
 public:
  // A folder of images (with its subfolders, in the order of names), one image, a .npz or a .npy (samples
  // along the first dimension of each array). At most `limit` samples, 0 for all: those with the smallest
  // hash of their original's name, so that another limit means a larger set and not another one. Hidden,
  // unreadable and other files end up in warnings(). Error kind `file`: missing, empty, arrays of different
  // length.
  static Result<SampleSource> open(const std::filesystem::path& path, size_t limit = 0);
  // Seeded noise for the inputs of a model: normal for floats, the whole range of 8-bit integers, 0 or 1
  // otherwise. Dynamic dimensions become 1 (batch), 224 (of an image) or 16.
  static SampleSource synthetic(std::vector<InputSpec> inputs, size_t count, uint64_t seed);

  const std::vector<SampleName>& samples() const { return samples_; }
  std::vector<std::string> originals() const;  // for split()
  const std::vector<std::string>& warnings() const { return warnings_; }
  bool has_images() const { return kind_ == Kind::images; }

  // The decoded picture; only where has_images(). Error kind `file`, starting with the path.
  Result<Image> image(size_t index) const;

 private:
  friend class Loader;
  enum class Kind { images, arrays, noise };
  static Result<SampleSource> open_folder(const std::filesystem::path& folder);
  static Result<SampleSource> open_arrays(const std::filesystem::path& path);
  void keep(size_t limit);

  Kind kind_ = Kind::images;
  std::vector<SampleName> samples_;
  std::vector<std::string> warnings_;
  std::vector<std::filesystem::path> paths_;  // images
  std::vector<NamedTensor> arrays_;
  std::vector<size_t> rows_;  // arrays: where each sample is
  std::vector<InputSpec> noise_inputs_;
  uint64_t seed_ = 0;
};

// Thread-safe. The tensors that fit in `cache_mb` are kept; once it is full nothing more is, since repeated
// passes in the same order would find nothing in a cache that throws the oldest away.
class Loader {
 public:
  // Ties the source to one model's inputs. Images need exactly one input that takes an image; arrays belong
  // to inputs by name, else by order. Each thing that is assumed is a sentence in assumptions(). Errors: kind
  // `usage`.
  static Result<Loader> make(std::shared_ptr<const SampleSource> source, std::vector<InputSpec> inputs,
                             const PreprocessSpec& spec, size_t cache_mb = 256);

  // One tensor an input, in the order of the inputs and named as they are. Errors name the sample.
  Result<std::vector<NamedTensor>> load(size_t index) const;

  const std::vector<std::string>& assumptions() const { return assumptions_; }
  // Where images are: how they become tensors; its spec is what a report prints. Null otherwise.
  const Preprocessing* preprocessing() const { return source_->has_images() ? &preprocessing_ : nullptr; }

 private:
  struct Cache;
  Result<std::vector<NamedTensor>> make_tensors(size_t index) const;
  Status bind_arrays();

  std::shared_ptr<const SampleSource> source_;
  std::vector<InputSpec> inputs_;
  Preprocessing preprocessing_;
  std::vector<size_t> array_of_;  // arrays: which one belongs to each input
  std::vector<std::string> assumptions_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace fetafix::data
