#include "formats/keras/file.h"

#include "base/python_json.h"
#include "base/zip.h"

namespace fetafix::formats::keras {
namespace {

constexpr const char* config_entry = "config.json";
constexpr const char* metadata_entry = "metadata.json";
constexpr const char* weights_entry = "model.weights.h5";
constexpr const char* config_attribute = "model_config";
// What an archive may unpack to: Keras packs nothing, others may.
constexpr size_t free_bytes = size_t{16} << 20, most_inflation = 100;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// A name that is in the archive twice means one thing to one reader and another to the next.
Result<Bytes> take(std::vector<ZipEntry>& entries, const std::string& name) {
  Bytes* found = nullptr;
  for (ZipEntry& entry : entries) {
    if (entry.name != name) continue;
    if (found) return broken("'" + name + "' is in the archive twice");
    found = &entry.bytes;
  }
  if (!found) return broken("no '" + name + "' in the archive; expected a model that Keras saved whole");
  return std::move(*found);
}

Result<Json> parse(const Bytes& bytes, const std::string& what) {
  return parse_python_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, what);
}

Status check_names(const std::vector<ZipEntry>& entries) {
  for (const ZipEntry& entry : entries)
    if (entry.name.starts_with("/") || entry.name.find("..") != std::string::npos)
      return broken("entry '" + entry.name + "' would lie outside of the archive's folder");
  return {};
}

Result<File> parse_archive(std::shared_ptr<const Bytes> bytes, Origin origin) {
  File out;
  out.bytes = std::move(bytes);
  out.container = Container::archive;
  const auto in_place = stored_entry(*out.bytes, weights_entry);
  std::vector<std::string> wanted{config_entry, metadata_entry};
  if (!in_place) wanted.push_back(weights_entry);
  const size_t limit = free_bytes + most_inflation * out.bytes->size();
  FETAFIX_TRY(std::vector<ZipEntry> entries, unzip(*out.bytes, "archive", limit, wanted));
  FETAFIX_CHECK(check_names(entries));
  FETAFIX_TRY(const Bytes config, take(entries, config_entry));
  FETAFIX_TRY(const Bytes metadata, take(entries, metadata_entry));
  FETAFIX_TRY(Bytes weights, take(entries, weights_entry));
  FETAFIX_TRY(out.config, parse(config, config_entry));
  FETAFIX_TRY(const Json about, parse(metadata, metadata_entry));
  if (auto version = json_string(about, "keras_version"); version.ok()) out.version = *version;
  // Keras 2.13 and 2.14 shipped with TensorFlow's number; later Keras 2 is the package tf-keras.
  if (out.version.empty()) out.version = "3";
  out.weights = in_place ? SharedBytes(out.bytes, *in_place) : SharedBytes(std::move(weights));
  auto store = Store::open(out.weights, origin);
  if (!store.ok()) return in_context(weights_entry, std::move(store).error());
  out.store = std::make_shared<const Store>(std::move(store).value());
  return out;
}

Result<File> parse_hdf5(std::shared_ptr<const Bytes> bytes, Origin origin) {
  File out;
  out.bytes = std::move(bytes);
  out.weights = SharedBytes(out.bytes);
  out.container = Container::hdf5;
  FETAFIX_TRY(Store store, Store::open(out.weights, origin));
  const auto config = store.text("", config_attribute);
  if (!config)
    return broken(store.text("", "layer_names") || store.texts("", "layer_names")
                      ? "holds weights alone, without the model's configuration; save the whole model"
                      : "an HDF5 file without a Keras model (no attribute 'model_config')");
  FETAFIX_TRY(out.config, parse_python_json(*config, config_attribute));
  out.version = store.text("", "keras_version").value_or("2");
  out.store = std::make_shared<const Store>(std::move(store));
  return out;
}

}  // namespace

Result<File> parse_file(Bytes bytes, Origin origin) {
  auto shared = std::make_shared<const Bytes>(std::move(bytes));
  const bool zipped = shared->size() > 2 && (*shared)[0] == std::byte{'P'} && (*shared)[1] == std::byte{'K'};
  return zipped ? parse_archive(std::move(shared), origin) : parse_hdf5(std::move(shared), origin);
}

Result<Bytes> with_parts(const File& file, const Json* config, const Bytes* weights) {
  if (!config && !weights) return *file.bytes;
  if (file.container == Container::archive) {
    std::vector<ZipEntry> parts;
    if (config) {
      const std::string text = python_json(*config);
      const BytesView view = as_bytes(text);
      parts.push_back({config_entry, Bytes(view.begin(), view.end())});
    }
    if (weights) parts.push_back({weights_entry, *weights});
    return rezip(*file.bytes, parts, "archive");
  }
  const BytesView base = weights ? BytesView(*weights) : BytesView(*file.bytes);
  if (!config) return Bytes(base.begin(), base.end());
  FETAFIX_TRY(Store store, Store::open_for_writing(base));
  FETAFIX_CHECK(store.set_text("", config_attribute, python_json(*config)));
  return store.image();
}

}  // namespace fetafix::formats::keras
