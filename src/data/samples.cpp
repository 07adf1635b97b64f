// Listing samples.
#include "data/samples.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <system_error>

#include "data/random.h"

namespace fetafix::data {
namespace fs = std::filesystem;
namespace {

// "cats/cat@3.png" -> "cats/cat".
std::string original_of(const std::string& name) {
  fs::path path(name);
  std::string stem = path.stem().string();
  const size_t at = stem.find('@');
  if (at != std::string::npos && at > 0) stem.resize(at);
  return (path.parent_path() / stem).generic_string();
}

// Enough to recognize an image; empty when the file can't be read.
Bytes first_bytes(const fs::path& path) {
  Bytes bytes(32);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

// What was left out, by reason; a warning names the first three.
struct LeftOut {
  std::string reason;
  std::vector<std::string> names;

  void warn(std::vector<std::string>& warnings) const {
    if (names.empty()) return;
    std::string text =
        std::to_string(names.size()) + (names.size() == 1 ? " file " : " files ") + reason + ": ";
    for (size_t i = 0; i < names.size() && i < 3; ++i) text += (i ? ", " : "") + names[i];
    warnings.push_back(text + (names.size() > 3 ? ", ..." : ""));
  }
};

Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const bool hidden = it->path().filename().string().starts_with('.');
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (hidden) it.disable_recursion_pending();
    } else {
      files.push_back(it->path());
    }
  }
  if (error) return Error{ErrorKind::file, folder.string() + ": can't list the folder: " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

int64_t image_side(int64_t wanted) {
  return wanted < 0 ? 224 : wanted;
}

// Dynamic dimensions of an input made concrete.
Shape concrete(const Shape& shape) {
  Shape out = shape;
  const bool image = shape.size() == 4;
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] < 0) out[i] = i == 0 ? 1 : image ? image_side(-1) : 16;
  return out;
}

}  // namespace

Result<SampleSource> SampleSource::open_folder(const fs::path& folder) {
  SampleSource source;
  LeftOut hidden{"hidden and left out", {}}, empty{"unreadable or empty and left out", {}};
  LeftOut unread{"of an image kind that is not read (convert to PNG) and left out", {}},
      other{"no image and left out", {}};
  FETAFIX_TRY(auto files, files_below(folder));
  for (const fs::path& path : files) {
    const std::string name = path.lexically_relative(folder).generic_string();
    const Bytes start = first_bytes(path);
    const ImageKind kind = image_kind(start);
    if (path.filename().string().starts_with('.')) {
      hidden.names.push_back(name);
    } else if (start.empty()) {
      empty.names.push_back(name);
    } else if (kind == ImageKind::other) {
      unread.names.push_back(name);
    } else if (kind == ImageKind::none) {
      other.names.push_back(name);
    } else {
      source.samples_.push_back({name, original_of(name)});
      source.paths_.push_back(path);
    }
  }
  for (const LeftOut* left : {&hidden, &empty, &unread, &other}) left->warn(source.warnings_);
  if (!source.samples_.empty()) return source;
  std::string why = folder.string() + ": no JPEG, PNG, WebP or BMP image in it";
  for (const std::string& warning : source.warnings_) why += "; " + warning;
  return Error{ErrorKind::file, why + "; give a folder of images or a .npz file with --data"};
}

Result<SampleSource> SampleSource::open_arrays(const fs::path& path) {
  SampleSource source;
  source.kind_ = Kind::arrays;
  FETAFIX_TRY(source.arrays_, read_arrays(path));
  if (source.arrays_.empty()) return Error{ErrorKind::file, path.string() + ": no array in it"};
  int64_t count = -1;
  for (const NamedTensor& array : source.arrays_) {
    const int64_t rows = array.tensor.rank() > 0 ? array.tensor.shape()[0] : 0;
    if (count >= 0 && rows != count)
      return Error{ErrorKind::file, path.string() + ": arrays '" + source.arrays_[0].name + "' and '" +
                                        array.name + "' hold " + std::to_string(count) + " and " +
                                        std::to_string(rows) + " samples; the first dimension counts them"};
    count = rows;
  }
  if (count < 1)
    return Error{ErrorKind::file, path.string() + ": no samples: the first dimension counts them"};
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = "#" + std::to_string(i);
    source.samples_.push_back({name, name});
    source.rows_.push_back(static_cast<size_t>(i));
  }
  return source;
}

void SampleSource::keep(size_t limit) {
  if (limit == 0 || limit >= samples_.size()) return;
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < samples_.size(); ++i) order.push_back({hash_name(samples_[i].name, 0), i});
  std::sort(order.begin(), order.end());
  std::set<size_t> kept;
  for (size_t i = 0; i < limit; ++i) kept.insert(order[i].second);
  SampleSource all = std::move(*this);
  *this = SampleSource();
  kind_ = all.kind_;
  warnings_ = std::move(all.warnings_);
  arrays_ = std::move(all.arrays_);
  for (size_t i : kept) {
    samples_.push_back(all.samples_[i]);
    if (!all.paths_.empty()) paths_.push_back(all.paths_[i]);
    if (!all.rows_.empty()) rows_.push_back(all.rows_[i]);
  }
}

Result<SampleSource> SampleSource::open(const fs::path& path, size_t limit) {
  std::error_code ignored;
  SampleSource source;
  if (fs::is_directory(path, ignored)) {
    FETAFIX_TRY(source, open_folder(path));
  } else if (!fs::exists(path, ignored)) {
    return Error{ErrorKind::file,
                 path.string() + ": no such file or folder; give images or a .npz file with --data"};
  } else {
    const Bytes start = first_bytes(path);
    if (looks_like_npy(start) || looks_like_zip(start)) {
      FETAFIX_TRY(source, open_arrays(path));
    } else if (image_kind(start) != ImageKind::none) {
      const std::string name = path.filename().string();
      source.samples_.push_back({name, original_of(name)});
      source.paths_.push_back(path);
    } else {
      return Error{ErrorKind::file, path.string() + ": neither an image nor a .npz or .npy file"};
    }
  }
  source.keep(limit);
  return source;
}

SampleSource SampleSource::synthetic(std::vector<InputSpec> inputs, size_t count, uint64_t seed) {
  SampleSource source;
  source.kind_ = Kind::noise;
  source.seed_ = seed;
  for (InputSpec& input : inputs) input.shape = concrete(input.shape);
  source.noise_inputs_ = std::move(inputs);
  for (size_t i = 0; i < count; ++i) {
    const std::string name = "noise " + std::to_string(seed) + "." + std::to_string(i);
    source.samples_.push_back({name, name});
  }
  return source;
}

std::vector<std::string> SampleSource::originals() const {
  std::vector<std::string> out;
  for (const SampleName& sample : samples_) out.push_back(sample.original);
  return out;
}

Result<Image> SampleSource::image(size_t index) const {
  if (!has_images() || index >= paths_.size())
    return Error{ErrorKind::internal, "no such image among the samples"};
  FETAFIX_TRY(Bytes bytes, read_file(paths_[index]));
  return decode_image(bytes, paths_[index].string());
}

}  // namespace fetafix::data
