#include "data/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <numeric>
#include <string_view>

#include "base/zip.h"

namespace fetafix::data {
namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";

struct TypeCode {
  std::string_view code;  // without the byte order
  DType dtype;
};
constexpr std::array<TypeCode, 12> type_codes{{{"f4", DType::float32},
                                               {"f8", DType::float64},
                                               {"f2", DType::float16},
                                               {"i1", DType::int8},
                                               {"u1", DType::uint8},
                                               {"i2", DType::int16},
                                               {"u2", DType::uint16},
                                               {"i4", DType::int32},
                                               {"u4", DType::uint32},
                                               {"i8", DType::int64},
                                               {"u8", DType::uint64},
                                               {"b1", DType::boolean}}};

struct Header {
  std::string descr;
  bool fortran = false;
  Shape shape;
};

// The header is a Python dictionary of three known keys; nothing else of Python is read.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  // False when the text is anything but that dictionary with each key exactly once.
  bool parse(Header& header) {
    int seen = 0;
    if (!take('{')) return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':')) return false;
      const int bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (!bit || (seen & bit) || !value(bit, header)) return false;
      seen |= bit;
      if (!take(',') && !peek('}')) return false;
    }
    space();
    return seen == 7 && at_ == text_.size();
  }

 private:
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool peek(char c) {
    space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view w) {
    space();
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }
  bool string(std::string& out) {
    const char quote = peek('"') ? '"' : '\'';
    if (!take(quote)) return false;
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_, end - at_);
    at_ = end + 1;
    return true;
  }
  bool value(int key, Header& header) {
    if (key == 1) return string(header.descr);
    if (key == 4) return shape(header.shape);
    header.fortran = word("True");
    return header.fortran || word("False");
  }
  bool shape(Shape& out) {
    if (!take('(')) return false;
    while (!take(')')) {
      space();
      int64_t dimension = -1;
      auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), dimension);
      if (error != std::errc() || dimension < 0) return false;
      at_ = static_cast<size_t>(end - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote 3L
      out.push_back(dimension);
      if (!take(',') && !peek(')')) return false;
    }
    return out.size() <= 64;
  }

  std::string_view text_;
  size_t at_ = 0;
};

Error npy_error(const std::string& what, const std::string& why) {
  return {ErrorKind::file, what + ": " + why};
}

// The header's text and where the data starts.
struct Split {
  std::string_view header;
  BytesView data;
};

Result<Split> split_header(BytesView bytes, const std::string& what) {
  if (!looks_like_npy(bytes) || bytes.size() < 10) return npy_error(what, "not a .npy array");
  const auto byte = [&](size_t i) { return static_cast<size_t>(bytes[i]); };
  const size_t version = byte(6);
  if (version < 1 || version > 3)
    return npy_error(what, ".npy version " + std::to_string(version) + "; 1 to 3 are read");
  const size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) return npy_error(what, "truncated in the header");
  const size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > bytes.size() - start) return npy_error(what, "truncated in the header");
  return Split{{reinterpret_cast<const char*>(bytes.data()) + start, length}, bytes.subspan(start + length)};
}

Result<DType> dtype_of_descr(const std::string& descr, const std::string& what) {
  if (descr.size() >= 3 && std::string_view("<>|=").find(descr[0]) != std::string_view::npos)
    for (const TypeCode& type : type_codes)
      if (type.code == std::string_view(descr).substr(1)) return type.dtype;
  return npy_error(what, "elements of type '" + descr + "'; only numbers and booleans are read");
}

void swap_bytes(std::span<std::byte> data, size_t element) {
  for (size_t i = 0; i + element <= data.size(); i += element)
    std::reverse(data.begin() + static_cast<std::ptrdiff_t>(i),
                 data.begin() + static_cast<std::ptrdiff_t>(i + element));
}

// Column-major data is the row-major data of the reversed shape.
Tensor from_fortran(const Tensor& tensor, const Shape& shape) {
  std::vector<int> reversed(shape.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return transpose(tensor.reshaped(Shape(shape.rbegin(), shape.rend())), reversed);
}

std::string header_text(const Tensor& tensor) {
  std::string code;
  for (const TypeCode& type : type_codes)
    if (type.dtype == tensor.dtype()) code = type.code;
  std::string text = "{'descr': '" + std::string(element_size(tensor.dtype()) == 1 ? "|" : "<") + code +
                     "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < tensor.shape().size(); ++i)
    text += (i ? ", " : "") + std::to_string(tensor.shape()[i]);
  text += tensor.rank() == 1 ? ",), }" : "), }";
  // The data starts at a multiple of 64 bytes, behind an end of line.
  text.append(63 - (10 + text.size()) % 64, ' ');
  return text + '\n';
}

}  // namespace

bool looks_like_npy(BytesView bytes) {
  return bytes.size() >= npy_magic.size() &&
         std::memcmp(bytes.data(), npy_magic.data(), npy_magic.size()) == 0;
}

bool looks_like_zip(BytesView bytes) {
  return bytes.size() >= 4 &&
         (std::memcmp(bytes.data(), "PK\3\4", 4) == 0 || std::memcmp(bytes.data(), "PK\5\6", 4) == 0);
}

Result<Tensor> parse_npy(BytesView bytes, const std::string& what) {
  FETAFIX_TRY(Split split, split_header(bytes, what));
  Header header;
  if (!HeaderParser(split.header).parse(header))
    return npy_error(what, "the .npy header is not the dictionary that numpy writes");
  FETAFIX_TRY(DType dtype, dtype_of_descr(header.descr, what));
  const auto count = element_count(header.shape);
  const size_t needed = count ? static_cast<size_t>(*count) * element_size(dtype) : 0;
  if (!count || needed > split.data.size())
    return npy_error(what, "truncated: shape " + to_string(header.shape) + " of " +
                               std::string(dtype_name(dtype)) + ", and " + std::to_string(split.data.size()) +
                               " bytes of data");
  FETAFIX_TRY(Tensor tensor, Tensor::from_bytes(dtype, header.shape, split.data.first(needed)));
  if (header.descr[0] == '>') swap_bytes(tensor.mutable_bytes(), element_size(dtype));
  if (dtype == DType::boolean)
    for (std::byte& b : tensor.mutable_bytes()) b = b == std::byte{0} ? b : std::byte{1};
  return header.fortran && tensor.rank() > 1 ? from_fortran(tensor, header.shape) : tensor;
}

Result<Bytes> npy_bytes(const Tensor& tensor) {
  if (tensor.dtype() == DType::bfloat16) {
    FETAFIX_TRY(Tensor wider, cast(tensor, DType::float32));
    return npy_bytes(wider);
  }
  if (element_size(tensor.dtype()) == 0)
    return Error{ErrorKind::internal, "an empty tensor has no .npy form"};
  const std::string header = header_text(tensor);
  const auto length = static_cast<unsigned>(header.size());
  const std::array<unsigned char, 4> fixed{1, 0, static_cast<unsigned char>(length & 255),
                                           static_cast<unsigned char>(length >> 8)};
  Bytes out;
  const auto append = [&](const void* data, size_t size) {
    const auto* start = static_cast<const std::byte*>(data);
    out.insert(out.end(), start, start + size);
  };
  append(npy_magic.data(), npy_magic.size());
  append(fixed.data(), fixed.size());
  append(header.data(), header.size());
  append(tensor.bytes().data(), tensor.byte_size());
  return out;
}

Result<std::vector<NamedTensor>> read_arrays(const std::filesystem::path& path) {
  FETAFIX_TRY(Bytes bytes, read_file(path));
  std::vector<NamedTensor> arrays;
  if (looks_like_npy(bytes)) {
    FETAFIX_TRY(Tensor tensor, parse_npy(bytes, path.string()));
    arrays.push_back({"", std::move(tensor)});
    return arrays;
  }
  if (!looks_like_zip(bytes)) return npy_error(path.string(), "neither a .npy nor a .npz file");
  FETAFIX_TRY(auto entries, unzip(bytes, path.string()));
  for (const ZipEntry& entry : entries) {
    FETAFIX_TRY(Tensor tensor, parse_npy(entry.bytes, path.string() + ": '" + entry.name + "'"));
    const bool suffixed = entry.name.size() > 4 && entry.name.ends_with(".npy");
    arrays.push_back(
        {suffixed ? entry.name.substr(0, entry.name.size() - 4) : entry.name, std::move(tensor)});
  }
  return arrays;
}

Status write_npz(const std::filesystem::path& path, const std::vector<NamedTensor>& arrays) {
  std::vector<ZipEntry> entries;
  for (const NamedTensor& array : arrays) {
    FETAFIX_TRY(Bytes bytes, npy_bytes(array.tensor));
    entries.push_back({array.name + ".npy", std::move(bytes)});
  }
  FETAFIX_TRY(Bytes archive, zip(entries));
  return write_file(path, archive);
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  FETAFIX_TRY(Bytes bytes, npy_bytes(tensor));
  return write_file(path, bytes);
}

}  // namespace fetafix::data
