#include <algorithm>
#include <set>

#include "formats/keras/hdf5_parts.h"

namespace fetafix::formats::keras {
namespace {

constexpr int most_depth = 48;
constexpr uint64_t most_inflation = 1100;  // deflate makes at most 1030 bytes of one

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

}  // namespace

Result<std::vector<Dataset>> list_datasets(hid_t file) {
  hsize_t size = 0;
  if (H5Fget_filesize(file, &size) < 0) return broken("no size");
  Walk walk{file, size, size, {}, {}, {}, {}, {}};
  FETAFIX_CHECK(visit(walk, "", 0));

  std::ranges::sort(walk.datasets, {}, &Dataset::path);
  return std::move(walk.datasets);
}

}  // namespace fetafix::formats::keras
