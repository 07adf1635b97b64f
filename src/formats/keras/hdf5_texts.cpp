#include <cstring>

#include "formats/keras/hdf5_parts.h"

namespace fetafix::formats::keras {
namespace {

constexpr uint64_t most_texts = uint64_t{4} << 30;  // bytes of a list of texts, at worst

}  // namespace

// Of the collections ("GCOL", then a version and a size) in which a file keeps texts of any length: no text
// is longer.
uint64_t longest_text(BytesView file) {
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

std::optional<std::vector<std::string>> texts_of(hid_t file, const std::string& group,
                                                 const std::string& name, uint64_t longest) {
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
  if (size == 0 || static_cast<uint64_t>(count) * size > most_texts) return std::nullopt;
  std::vector<char> texts(static_cast<size_t>(count) * size);
  if (count > 0 && H5Aread(opened, type, texts.data()) < 0) return std::nullopt;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const char* text = texts.data() + i * size;
    out.emplace_back(text, strnlen(text, size));
  }
  return out;
}

}  // namespace fetafix::formats::keras
