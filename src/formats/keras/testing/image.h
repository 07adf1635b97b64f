// HDF5 files made in memory, by the library's own hand.
#pragma once

#include <hdf5.h>

#include <functional>
#include <vector>

#include "base/files.h"

namespace fetafix::formats::keras::testing {

// The image of a file that `fill` fills.
inline Bytes hdf5(const std::function<void(hid_t)>& fill) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_core(access, size_t{1} << 16, 0);
  const hid_t file = H5Fcreate("unused", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  fill(file);
  H5Fflush(file, H5F_SCOPE_GLOBAL);
  Bytes out(static_cast<size_t>(H5Fget_file_image(file, nullptr, 0)));
  H5Fget_file_image(file, out.data(), out.size());
  H5Fclose(file);
  H5Pclose(access);
  return out;
}

inline hid_t in_groups() {
  static const hid_t made = [] {
    const hid_t list = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(list, 1);
    return list;
  }();
  return made;
}

inline void add_group(hid_t file, const char* path) {
  H5Gclose(H5Gcreate2(file, path, in_groups(), H5P_DEFAULT, H5P_DEFAULT));
}

struct Made {
  hid_t type = H5T_IEEE_F32LE;
  hid_t layout = H5P_DEFAULT;
  std::vector<hsize_t> most = {};  // extents that it may grow to
  bool filled = true;
};

// Zeros.
inline void add_dataset(hid_t file, const char* path, const std::vector<hsize_t>& shape,
                        const Made& made = {}) {
  const hid_t space = shape.empty() ? H5Screate(H5S_SCALAR)
                                    : H5Screate_simple(static_cast<int>(shape.size()), shape.data(),
                                                       made.most.empty() ? nullptr : made.most.data());
  const hid_t dataset = H5Dcreate2(file, path, made.type, space, in_groups(), made.layout, H5P_DEFAULT);
  if (made.filled) {
    size_t size = H5Tget_size(made.type);
    for (hsize_t d : shape) size *= d;
    const std::vector<char> zeros(size);
    H5Dwrite(dataset, made.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data());
  }
  H5Dclose(dataset);
  H5Sclose(space);
}

}  // namespace fetafix::formats::keras::testing
