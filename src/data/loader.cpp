// From samples to tensors.
#include <algorithm>
#include <mutex>
#include <set>

#include "data/arrays.h"
#include "data/random.h"
#include "data/samples.h"

namespace fetafix::data {
namespace {

using Tensors = std::vector<NamedTensor>;

template <class T, class Draw>
void fill_with(Tensor& tensor, Draw draw) {
  for (T& value : tensor.mutable_as<T>()) value = static_cast<T>(draw());
}

Result<Tensor> noise(const InputSpec& input, Random& random) {
  switch (input.dtype) {
    case DType::float64:
    case DType::float16:
    case DType::bfloat16:
    case DType::float32: {
      FETAFIX_TRY(Tensor tensor, Tensor::zeros(DType::float32, input.shape));
      fill_with<float>(tensor, [&] { return random.normal(); });
      return cast(tensor, input.dtype);
    }
    case DType::int8:
    case DType::uint8: {
      FETAFIX_TRY(Tensor tensor, Tensor::zeros(input.dtype, input.shape));
      for (std::byte& byte : tensor.mutable_bytes()) byte = static_cast<std::byte>(random.below(256));
      return tensor;
    }
    default: {
      FETAFIX_TRY(Tensor tensor, Tensor::zeros(DType::uint8, input.shape));
      fill_with<uint8_t>(tensor, [&] { return random.below(2); });
      return cast(tensor, input.dtype);
    }
  }
}

Result<Tensors> noise_sample(const std::vector<InputSpec>& inputs, uint64_t seed, size_t index) {
  Tensors out;
  for (const InputSpec& input : inputs) {
    Random random(hash_name(std::to_string(index) + "/" + std::to_string(out.size()), seed));
    FETAFIX_TRY(Tensor tensor, noise(input, random));
    out.push_back({input.name, std::move(tensor)});
  }
  return out;
}

std::string listed(const std::vector<InputSpec>& inputs) {
  std::string text;
  for (const InputSpec& input : inputs)
    text += (text.empty() ? "'" : ", '") + input.name + "' " + to_string(input.shape);
  return text;
}

size_t bytes_of(const Tensors& tensors) {
  size_t bytes = 0;
  for (const NamedTensor& named : tensors) bytes += named.tensor.byte_size();
  return bytes;
}

}  // namespace

struct Loader::Cache {
  std::mutex mutex;
  std::map<size_t, Tensors> entries;
  size_t room = 0;
};

// By name when all names are there, else by order when the numbers agree.
Status Loader::bind_arrays() {
  const auto& arrays = source_->arrays_;
  const auto find = [&](const std::string& name) {
    return std::find_if(arrays.begin(), arrays.end(), [&](const NamedTensor& a) { return a.name == name; });
  };
  const bool named = std::all_of(inputs_.begin(), inputs_.end(),
                                 [&](const InputSpec& input) { return find(input.name) != arrays.end(); });
  if (!named && arrays.size() != inputs_.size())
    return Error{ErrorKind::usage, "the samples hold " + std::to_string(arrays.size()) +
                                       " arrays, and the model has the inputs " + listed(inputs_) +
                                       "; name the arrays as the inputs"};
  for (size_t i = 0; i < inputs_.size(); ++i) {
    array_of_.push_back(named ? static_cast<size_t>(find(inputs_[i].name) - arrays.begin()) : i);
    const NamedTensor& array = arrays[array_of_.back()];
    if (!named)
      assumptions_.push_back("array '" + array.name + "' given to input '" + inputs_[i].name + "' by order");
    FETAFIX_TRY(ArrayFit fit, fit_array(array, inputs_[i]));
    assumptions_.insert(assumptions_.end(), fit.assumptions.begin(), fit.assumptions.end());
  }
  return {};
}

Result<Loader> Loader::make(std::shared_ptr<const SampleSource> source, std::vector<InputSpec> inputs,
                            const PreprocessSpec& spec, size_t cache_mb) {
  Loader loader;
  loader.source_ = std::move(source);
  loader.inputs_ = std::move(inputs);
  loader.cache_ = std::make_shared<Cache>();
  loader.cache_->room = cache_mb << 20;
  if (loader.source_->kind_ == SampleSource::Kind::images) {
    if (loader.inputs_.size() != 1)
      return Error{ErrorKind::usage, "the samples are images, and the model has the inputs " +
                                         listed(loader.inputs_) + "; give their values as a .npz file"};
    FETAFIX_TRY(loader.preprocessing_, resolve(spec, loader.inputs_[0]));
    loader.assumptions_ = loader.preprocessing_.assumptions;
  } else if (loader.source_->kind_ == SampleSource::Kind::arrays) {
    FETAFIX_CHECK(loader.bind_arrays());
  }
  return loader;
}

Result<Tensors> Loader::make_tensors(size_t index) const {
  if (source_->kind_ == SampleSource::Kind::noise)
    return noise_sample(source_->noise_inputs_, source_->seed_, index);
  Tensors out;
  if (source_->has_images()) {
    FETAFIX_TRY(Image image, source_->image(index));
    FETAFIX_TRY(Tensor tensor, apply(image, preprocessing_));
    out.push_back({inputs_[0].name, std::move(tensor)});
    return out;
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const NamedTensor& array = source_->arrays_[array_of_[i]];
    FETAFIX_TRY(ArrayFit fit, fit_array(array, inputs_[i]));
    auto tensor = fitted_row(array.tensor, source_->rows_[index], fit, inputs_[i]);
    if (!tensor) return in_context("array '" + array.name + "'", tensor.error());
    out.push_back({inputs_[i].name, std::move(tensor).value()});
  }
  return out;
}

Result<Tensors> Loader::load(size_t index) const {
  if (index >= source_->samples().size()) return Error{ErrorKind::internal, "no such sample"};
  {
    std::lock_guard lock(cache_->mutex);
    if (auto found = cache_->entries.find(index); found != cache_->entries.end()) return found->second;
  }
  auto made = make_tensors(index);
  if (!made) return in_context("sample '" + source_->samples()[index].name + "'", made.error());
  std::lock_guard lock(cache_->mutex);
  const size_t bytes = bytes_of(*made);
  if (bytes <= cache_->room && cache_->entries.emplace(index, *made).second) cache_->room -= bytes;
  return made;
}

}  // namespace fetafix::data
