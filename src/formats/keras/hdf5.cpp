#include "formats/keras/hdf5.h"

#include <hdf5.h>
#include <hdf5_hl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>
#include <new>
#include <set>
#include <thread>

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_objects = 1 << 17;
constexpr int most_depth = 48;
constexpr uint64_t most_texts = uint64_t{4} << 30;  // bytes of a list of texts of any length, at worst
constexpr uint64_t most_inflation = 1100;           // deflate makes at most 1030 bytes of one

// The library is not thread-safe, and keeps its error stack in global memory.
std::recursive_mutex& library() {
  static std::recursive_mutex mutex;
  return mutex;
}
using Lock = std::lock_guard<std::recursive_mutex>;

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

Error broken(const std::string& what) {
  return {ErrorKind::file, "HDF5: " + what};
}

Handle object(hid_t file, const std::string& path) {
  return {H5Oopen(file, path.empty() ? "/" : path.c_str(), H5P_DEFAULT), H5Oclose};
}

// Bit by bit: numbers of the same size may have their parts elsewhere.
DType dtype_of_type(hid_t type) {
  if (H5Tget_class(type) == H5T_ENUM)  // as h5py stores booleans
    return H5Tget_size(type) == 1 ? DType::boolean : DType::unknown;
  const auto is = [&](hid_t other) { return H5Tequal(type, other) > 0; };
  if (is(H5T_IEEE_F32LE)) return DType::float32;
  if (is(H5T_IEEE_F64LE)) return DType::float64;
  if (is(H5T_STD_I32LE)) return DType::int32;
  if (is(H5T_STD_I64LE)) return DType::int64;
  if (is(H5T_STD_I8LE)) return DType::int8;
  if (is(H5T_STD_U8LE)) return DType::uint8;
  if (is(H5T_STD_I16LE)) return DType::int16;
  if (is(H5T_STD_U16LE)) return DType::uint16;
  if (is(H5T_STD_U32LE)) return DType::uint32;
  if (is(H5T_STD_U64LE)) return DType::uint64;
  const bool half = H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) == 2;
  size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
  if (!half || H5Tget_order(type) != H5T_ORDER_LE ||
      H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0)
    return DType::unknown;
  const bool ieee =
      sign == 15 && exponent == 10 && exponent_bits == 5 && mantissa == 0 && mantissa_bits == 10;
  return ieee && H5Tget_ebias(type) == 15 ? DType::float16 : DType::unknown;
}

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

// How a dataset in pieces is packed, and that a piece, which is made whole in memory, is not far larger than
// the data.
Status check_pieces(hid_t layout, const std::string& path, int rank, uint64_t bytes, size_t element) {
  std::vector<hsize_t> extent(static_cast<size_t>(std::max(rank, 1)));
  if (H5Pget_chunk(layout, rank, extent.data()) != rank) return broken("dataset '" + path + "' is damaged");
  uint64_t piece = element;
  for (int i = 0; i < rank; ++i) {
    const uint64_t d = std::max<uint64_t>(extent[static_cast<size_t>(i)], 1);
    piece = piece > (uint64_t{1} << 48) / d ? uint64_t{1} << 48 : piece * d;
  }
  if (piece > 4 * bytes + (1 << 20))
    return broken("dataset '" + path + "' has " + std::to_string(bytes) +
                  " bytes and is stored in pieces of " + std::to_string(piece));
  const int filters = H5Pget_nfilters(layout);
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, configuration = 0;
    size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(layout, static_cast<unsigned>(i), &flags, &values, nullptr, 0,
                                               nullptr, &configuration);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
      return broken("dataset '" + path + "' is packed in a way that is not read here (filter " +
                    std::to_string(filter) + "); save it without");
  }
  return {};
}

// `left`: bytes of storage that other datasets have not taken.
Result<Dataset> describe(hid_t file, const std::string& path, uint64_t file_size, uint64_t& left) {
  const Handle dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) return broken("dataset '" + path + "' can't be opened");
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const Handle layout(H5Dget_create_plist(dataset), H5Pclose);
  const int rank = space.ok() ? H5Sget_simple_extent_ndims(space) : -1;
  if (!type.ok() || !layout.ok() || rank < 0 || rank > H5S_MAX_RANK)
    return broken("dataset '" + path + "' is damaged");
  if (H5Pget_external_count(layout) != 0 || H5Pget_layout(layout) == H5D_VIRTUAL)
    return broken("dataset '" + path + "' keeps its data in another file; Keras writes none like that");
  Dataset out{path, dtype_of_type(type), {}};
  std::vector<hsize_t> extent(static_cast<size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space, extent.data(), nullptr) < 0)
    return broken("dataset '" + path + "' is damaged");
  for (hsize_t d : extent) out.shape.push_back(d > uint64_t{1} << 48 ? -1 : static_cast<int64_t>(d));
  const auto count = element_count(out.shape);
  const uint64_t stored = H5Dget_storage_size(dataset);
  const bool packed = H5Pget_layout(layout) == H5D_CHUNKED;
  if (!count || static_cast<uint64_t>(*count) > std::min(stored, file_size) * (packed ? most_inflation : 1))
    return broken("dataset '" + path + "' says that it has shape " + to_string(out.shape) +
                  ", and the file holds " + std::to_string(stored) + " bytes of it");
  const size_t element = H5Tget_size(type);
  if (packed)
    FETAFIX_CHECK(check_pieces(layout, path, rank, static_cast<uint64_t>(*count) * element, element));
  if (stored > left) return broken("datasets share their storage ('" + path + "' and others)");
  left -= stored;
  return out;
}

struct Walk {
  hid_t file;
  uint64_t file_size, left;
  std::vector<Dataset> datasets;
  std::set<haddr_t> seen;
  std::string folder;
  std::vector<std::string> names;
  std::optional<Error> error;
};

herr_t note_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  Walk& walk = *static_cast<Walk*>(data);
  if (info->type != H5L_TYPE_HARD) {
    walk.error = broken("'" + walk.folder + name + "' is a link to somewhere else; Keras writes none");
    return -1;
  }
  if (walk.names.size() >= most_objects) {
    walk.error =
        broken("group '" + walk.folder + "' holds more than " + std::to_string(most_objects) + " objects");
    return -1;
  }
  walk.names.emplace_back(name);
  return 0;
}

Status visit(Walk& walk, const std::string& group, int depth) {
  if (depth > most_depth) return broken("groups lie more than " + std::to_string(most_depth) + " deep");
  walk.folder = group.empty() ? "" : group + "/";
  walk.names.clear();
  const Handle opened = object(walk.file, group);
  hsize_t start = 0;
  if (!opened.ok() || H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, &start, note_link, &walk) < 0)
    return walk.error ? *walk.error : broken("group '" + group + "' can't be read");
  const std::string folder = walk.folder;
  for (const std::string& name : std::vector<std::string>(walk.names)) {
    const std::string path = folder + name;
    H5O_info_t info;
    if (H5Oget_info_by_name2(walk.file, path.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
      return broken("'" + path + "' can't be read");
    if (!walk.seen.insert(info.addr).second) return broken("'" + path + "' is in the file under two names");
    if (walk.seen.size() > most_objects)
      return broken("more than " + std::to_string(most_objects) + " objects");
    if (info.type == H5O_TYPE_GROUP) {
      FETAFIX_CHECK(visit(walk, path, depth + 1));
    } else if (info.type == H5O_TYPE_DATASET) {
      FETAFIX_TRY(Dataset dataset, describe(walk.file, path, walk.file_size, walk.left));
      walk.datasets.push_back(std::move(dataset));
    }
  }
  return {};
}

// Of the collections ("GCOL", then a version and a size) in which a file keeps texts of any length: no text
// is longer.
uint64_t largest_heap(BytesView file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  uint64_t out = 0;
  for (size_t at = text.find("GCOL"); at != std::string_view::npos && at + 16 <= text.size();
       at = text.find("GCOL", at + 4)) {
    uint64_t size = 0;
    std::memcpy(&size, text.data() + at + 8, sizeof size);
    out = std::max(out, std::min<uint64_t>(size, file.size()));
  }
  return out;
}

// The texts of a string attribute; nullopt: there is none, or it holds something else.
std::optional<std::vector<std::string>> attribute(hid_t file, const std::string& group,
                                                  const std::string& name, uint64_t file_size,
                                                  uint64_t longest) {
  const Handle owner = object(file, group);
  if (!owner.ok() || H5Aexists(owner, name.c_str()) <= 0) return std::nullopt;
  const Handle opened(H5Aopen(owner, name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type(opened.ok() ? H5Aget_type(opened) : -1, H5Tclose);
  const Handle space(opened.ok() ? H5Aget_space(opened) : -1, H5Sclose);
  const hssize_t count = space.ok() ? H5Sget_simple_extent_npoints(space) : -1;
  if (count == 0) return std::vector<std::string>();  // h5py keeps an empty list as one of numbers
  if (!type.ok() || H5Tget_class(type) != H5T_STRING) return std::nullopt;
  if (count < 0 || static_cast<uint64_t>(count) > most_objects) return std::nullopt;
  std::vector<std::string> out;
  if (H5Tis_variable_str(type) > 0) {
    // Each text is a reference, and all of them may lead to the same long one.
    if (count > 1 && longest > most_texts / static_cast<uint64_t>(count)) return std::nullopt;
    std::vector<char*> texts(static_cast<size_t>(count), nullptr);
    const Handle memory(H5Tcopy(type), H5Tclose);
    if (count > 0 && H5Aread(opened, memory, texts.data()) < 0) return std::nullopt;
    for (const char* text : texts) out.emplace_back(text ? text : "");
    if (count > 0) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, texts.data());
    return out;
  }
  const size_t size = H5Tget_size(type);
  if (size == 0 || static_cast<uint64_t>(count) * size > file_size) return std::nullopt;
  std::vector<char> texts(static_cast<size_t>(count) * size);
  if (count > 0 && H5Aread(opened, type, texts.data()) < 0) return std::nullopt;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const char* text = texts.data() + i * size;
    out.emplace_back(text, strnlen(text, size));
  }
  return out;
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

Result<Store> Store::opened(std::shared_ptr<const Bytes> bytes) {
  const hid_t id = open_image(*bytes, H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE);
  if (id < 0) return broken("not an HDF5 file, or damaged");
  Store store;
  store.longest_text_ = largest_heap(*bytes);
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

namespace {

// A process with sanitizers forks slowly, and is there to show what a child would hide.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool child_first = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool child_first = false;
#else
constexpr bool child_first = true;
#endif
#else
constexpr bool child_first = true;
#endif

// How long a child that reads the file may take: the library runs in circles on some.
constexpr std::chrono::seconds most_time{20};

// Whether a child lived through it.
bool survived(pid_t child) {
  const auto end = std::chrono::steady_clock::now() + most_time;
  for (auto pause = std::chrono::milliseconds(1);;
       pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    int status = 0;
    const pid_t done = waitpid(child, &status, WNOHANG);
    if (done == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (done < 0 && errno != EINTR) return false;
    if (std::chrono::steady_clock::now() > end) break;
    std::this_thread::sleep_for(pause);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return false;
}

}  // namespace

// The library does not survive every damaged file (of 24,000 that we damaged, 52 ended or hung the process):
// a child reads all of it first, in memory that is the same as ours.
Result<Store> Store::open(std::shared_ptr<const Bytes> bytes) {
  const Lock lock(library());
  if (!child_first) return opened(std::move(bytes));
  const pid_t child = fork();
  if (child == 0) {
    new (&library()) std::recursive_mutex;  // ours was locked by a thread that the child does not have
    for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) std::signal(signal, SIG_DFL);
    if (auto store = opened(bytes); store.ok()) store->read_all();
    _exit(0);
  }
  if (child > 0 && !survived(child)) return broken("damaged: the HDF5 library can't get through it");
  return opened(std::move(bytes));
}

Result<Store> Store::open_for_writing(BytesView bytes) {
  const Lock lock(library());
  const hid_t id = open_image(bytes, H5LT_FILE_IMAGE_OPEN_RW);
  if (id < 0) return broken("can't be opened for writing");
  Store store;
  store.longest_text_ = largest_heap(bytes);
  store.file_ = std::make_unique<File>(id);
  FETAFIX_CHECK(store.list());
  return store;
}

Status Store::list() {
  hsize_t size = 0;
  if (H5Fget_filesize(file_->handle, &size) < 0) return broken("no size");
  Walk walk{file_->handle, size, size, {}, {}, {}, {}, {}};
  FETAFIX_CHECK(visit(walk, "", 0));
  datasets_ = std::move(walk.datasets);
  std::ranges::sort(datasets_, {}, &Dataset::path);
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
  if (bytes_ && offset != HADDR_UNDEF && offset % element_size(dataset.dtype) == 0 &&
      offset <= bytes_->size() && size <= bytes_->size() - offset && size > 0)
    return Tensor::view(dataset.dtype, dataset.shape, BytesView(*bytes_).subspan(offset, size), bytes_);
  FETAFIX_TRY(Tensor out, Tensor::zeros(dataset.dtype, dataset.shape));
  const Handle type(H5Dget_type(opened), H5Tclose);
  if (size > 0 && H5Dread(opened, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.mutable_bytes().data()) < 0)
    return broken("dataset '" + dataset.path + "' can't be read");
  return out;
}

std::optional<std::vector<std::string>> Store::texts(const std::string& group,
                                                     const std::string& name) const {
  const Lock lock(library());
  hsize_t size = 0;
  H5Fget_filesize(file_->handle, &size);
  return attribute(file_->handle, group, name, size, longest_text_);
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
