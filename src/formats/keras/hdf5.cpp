#include "formats/keras/hdf5.h"

#include <hdf5_hl.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <set>

#include "formats/keras/child.h"
#include "formats/keras/hdf5_parts.h"

namespace fetafix::formats::keras {
namespace {

// The library is not thread-safe, and keeps its error stack in global memory.
std::recursive_mutex& library() {
  static std::recursive_mutex mutex;
  return mutex;
}
using Lock = std::lock_guard<std::recursive_mutex>;

// The type in which h5py writes a tensor.
hid_t stored_type(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return H5T_IEEE_F32LE;
    case DType::float64:
      return H5T_IEEE_F64LE;
    case DType::int8:
      return H5T_STD_I8LE;
    case DType::uint8:
      return H5T_STD_U8LE;
    case DType::int32:
      return H5T_STD_I32LE;
    case DType::int64:
      return H5T_STD_I64LE;
    default:
      return -1;
  }
}

}  // namespace

struct Store::File {
  explicit File(hid_t id) : handle(id, H5Fclose) {}
  ~File() = default;
  Handle handle;
};

Store::Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&& other) noexcept {
  const Lock lock(library());
  file_ = std::move(other.file_);
  bytes_ = std::move(other.bytes_);
  datasets_ = std::move(other.datasets_);
  longest_text_ = other.longest_text_;
  return *this;
}
Store::~Store() {
  const Lock lock(library());
  file_.reset();
}

namespace {

hid_t open_image(BytesView bytes, unsigned flags) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are ours to tell
  H5PLset_loading_state(0);                     // a file names its filters: none is loaded for it
  // The library's argument is not const; without OPEN_RW it only reads.
  return H5LTopen_file_image(const_cast<std::byte*>(bytes.data()), bytes.size(), flags);
}

}  // namespace

Result<Store> Store::opened(SharedBytes bytes) {
  const hid_t id = open_image(bytes.view, H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE);
  if (id < 0) return broken("not an HDF5 file, or damaged");
  Store store;
  store.longest_text_ = longest_text(bytes.view);
  store.bytes_ = std::move(bytes);
  store.file_ = std::make_unique<File>(id);
  FETAFIX_CHECK(store.list());
  return store;
}

// All that is ever read of a file.
void Store::read_all() const {
  std::set<std::string> groups{"", "model_weights"};
  for (const Dataset& dataset : datasets_) {
    (void)read(dataset);
    for (size_t cut = dataset.path.find('/'); cut != std::string::npos; cut = dataset.path.find('/', cut + 1))
      groups.insert(dataset.path.substr(0, cut));
  }
  for (const std::string& group : groups)
    for (const char* name : {"model_config", "keras_version", "layer_names", "weight_names"})
      (void)texts(group, name);
}

// The library does not survive every damaged file (of 24,000 that we damaged, 52 ended or hung the process):
// a child reads all of it first, in memory that is the same as ours.
Result<Store> Store::open(SharedBytes bytes, Origin origin) {
  const Lock lock(library());
  const bool alive =
      origin == Origin::ours || survives([&] {
        new (&library()) std::recursive_mutex;  // ours was locked by a thread that the child does not have
        if (auto store = opened(bytes); store.ok()) store->read_all();
      });
  if (!alive) return broken("damaged: the HDF5 library can't get through it");
  return opened(std::move(bytes));
}

Result<Store> Store::open_for_writing(BytesView bytes) {
  const Lock lock(library());
  const hid_t id = open_image(bytes, H5LT_FILE_IMAGE_OPEN_RW);
  if (id < 0) return broken("can't be opened for writing");
  Store store;
  store.longest_text_ = longest_text(bytes);
  store.file_ = std::make_unique<File>(id);
  FETAFIX_CHECK(store.list());
  return store;
}

Status Store::list() {
  FETAFIX_TRY(datasets_, list_datasets(file_->handle));
  return {};
}

const Dataset* Store::find(const std::string& path) const {
  const auto at = std::ranges::lower_bound(datasets_, path, {}, &Dataset::path);
  return at != datasets_.end() && at->path == path ? &*at : nullptr;
}

Result<Tensor> Store::read(const Dataset& dataset) const {
  const Lock lock(library());
  if (dataset.dtype == DType::unknown)
    return broken("dataset '" + dataset.path + "' holds elements of a type that no weight has");
  const Handle opened(H5Dopen2(file_->handle, dataset.path.c_str(), H5P_DEFAULT), H5Dclose);
  if (!opened.ok()) return broken("dataset '" + dataset.path + "' can't be opened");
  const size_t size = static_cast<size_t>(*element_count(dataset.shape)) * element_size(dataset.dtype);
  const haddr_t offset = H5Dget_offset(opened);
  if (bytes_.owner && offset != HADDR_UNDEF && offset <= bytes_.view.size() &&
      size <= bytes_.view.size() - offset && size > 0)
    return Tensor::view(dataset.dtype, dataset.shape, bytes_.view.subspan(offset, size), bytes_.owner);
  FETAFIX_TRY(Tensor out, Tensor::zeros(dataset.dtype, dataset.shape));
  const Handle type(H5Dget_type(opened), H5Tclose);
  if (size > 0 && H5Dread(opened, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.mutable_bytes().data()) < 0)
    return broken("dataset '" + dataset.path + "' can't be read");
  return out;
}

std::optional<std::vector<std::string>> Store::texts(const std::string& group,
                                                     const std::string& name) const {
  const Lock lock(library());
  return texts_of(file_->handle, group, name, longest_text_);
}

bool Store::has_attribute(const std::string& group, const std::string& name) const {
  const Lock lock(library());
  const Handle owner = object(file_->handle, group);
  return owner.ok() && H5Aexists(owner, name.c_str()) > 0;
}

std::optional<std::string> Store::text(const std::string& group, const std::string& name) const {
  auto found = texts(group, name);
  if (!found || found->size() != 1) return std::nullopt;
  return std::move(found->front());
}

Status Store::set_text(const std::string& group, const std::string& name, const std::string& text) {
  const Lock lock(library());
  const Handle owner = object(file_->handle, group);
  if (!owner.ok() || H5Aexists(owner, name.c_str()) <= 0) return broken("no attribute '" + name + "'");
  const Handle old(H5Aopen(owner, name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(old), H5Tclose);
  if (H5Tis_variable_str(type) > 0) {
    const char* data = text.c_str();
    return H5Awrite(old, type, &data) < 0 ? Status(broken("attribute '" + name + "' can't be written"))
                                          : Status();
  }
  const Handle fitting(H5Tcopy(type), H5Tclose);
  H5Tset_size(fitting, std::max<size_t>(text.size(), 1));
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  if (H5Adelete(owner, name.c_str()) < 0) return broken("attribute '" + name + "' can't be replaced");
  const Handle made(H5Acreate2(owner, name.c_str(), fitting, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!made.ok() || H5Awrite(made, fitting, text.data()) < 0)
    return broken("attribute '" + name + "' can't be written");
  return {};
}

Status Store::set_texts(const std::string& group, const std::string& name,
                        const std::vector<std::string>& texts) {
  const Lock lock(library());
  const Handle owner = object(file_->handle, group);
  if (!owner.ok()) return broken("no group '" + group + "'");
  if (H5Aexists(owner, name.c_str()) > 0 && H5Adelete(owner, name.c_str()) < 0)
    return broken("attribute '" + name + "' can't be replaced");
  size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, longest);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const hsize_t count = texts.size();
  const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
  const Handle made(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  std::string data;
  for (const std::string& text : texts) data += text + std::string(longest - text.size(), '\0');
  if (!made.ok() || (count > 0 && H5Awrite(made, type, data.data()) < 0))
    return broken("attribute '" + name + "' can't be written");
  return {};
}

Status Store::write(const std::string& path, const Tensor& tensor) {
  const Lock lock(library());
  const Dataset* old = find(path);
  if (old && old->dtype == tensor.dtype() && old->shape == tensor.shape()) {
    const Handle opened(H5Dopen2(file_->handle, path.c_str(), H5P_DEFAULT), H5Dclose);
    const Handle type(H5Dget_type(opened), H5Tclose);
    if (!opened.ok() || H5Dwrite(opened, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.bytes().data()) < 0)
      return broken("dataset '" + path + "' can't be written");
    return {};
  }
  if (old) FETAFIX_CHECK(remove(path));
  const hid_t type = stored_type(tensor.dtype());
  if (type < 0) return broken("no weight of type " + std::string(dtype_name(tensor.dtype())) + " is written");
  const std::vector<hsize_t> extent(tensor.shape().begin(), tensor.shape().end());
  const Handle space(extent.empty()
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                     H5Sclose);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  const Handle made(H5Dcreate2(file_->handle, path.c_str(), type, space, links, H5P_DEFAULT, H5P_DEFAULT),
                    H5Dclose);
  if (!made.ok() || H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.bytes().data()) < 0)
    return broken("dataset '" + path + "' can't be written");
  return list();
}

Status Store::remove(const std::string& path) {
  const Lock lock(library());
  if (H5Ldelete(file_->handle, path.c_str(), H5P_DEFAULT) < 0)
    return broken("'" + path + "' can't be removed");
  return list();
}

Status Store::move(const std::string& from, const std::string& to) {
  const Lock lock(library());
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  if (H5Lmove(file_->handle, from.c_str(), file_->handle, to.c_str(), links, H5P_DEFAULT) < 0)
    return broken("'" + from + "' can't be moved to '" + to + "'");
  return list();
}

bool Store::has_group(const std::string& path) const {
  const Lock lock(library());
  return object(file_->handle, path).ok();
}

Result<Bytes> Store::image() {
  const Lock lock(library());
  if (H5Fflush(file_->handle, H5F_SCOPE_GLOBAL) < 0) return broken("can't be written");
  const ssize_t size = H5Fget_file_image(file_->handle, nullptr, 0);
  Bytes out(size > 0 ? static_cast<size_t>(size) : 0);
  if (size <= 0 || H5Fget_file_image(file_->handle, out.data(), out.size()) != size)
    return broken("can't be written");
  return out;
}

}  // namespace fetafix::formats::keras
