#include "formats/torch/file.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/python_json.h"
#include "formats/torch/pickled_table.h"
#include "formats/torch/script.h"

namespace fetafix::formats::torch {
namespace {

// Of torch/_export/serde/schema.py the major number: PyTorch 2.5 has 7, 2.6 and newer 8.
constexpr int64_t newest_schema = 8, schema_before = 7;
constexpr const char* old_program = "serialized_exported_program.json";
constexpr int64_t most_dimensions = 64;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

std::string_view text_of(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What a number of the file's says, which may be one that depends on the run.
Result<int64_t> read_size(const Json& size) {
  if (size.is_object() && size.contains("as_expr")) return int64_t{-1};
  return json_int(size, "as_int");
}

Status check_entries(const std::vector<ZipView>& entries) {
  std::set<std::string> names;
  for (const ZipView& entry : entries) {
    if (entry.name.starts_with("/") || entry.name.find("..") != std::string::npos)
      return broken("entry '" + entry.name + "' would lie outside of the archive's folder");
    if (!names.insert(entry.name).second) return broken("'" + entry.name + "' is in the archive twice");
  }
  return {};
}

// What other archives of PyTorch are, so that the user learns what to do.
Error other_archive(const std::vector<ZipView>& entries) {
  for (const ZipView& entry : entries)
    if (entry.name.ends_with("/data.pkl"))
      return {ErrorKind::unsupported,
              "weights alone, or a pickled module (torch.save); name what builds their architecture with "
              "--source-module MODULE:FUNCTION, or export the module with torch.export.export and "
              "torch.export.save"};
  return broken("a zip archive without an exported program ('models/*.json')");
}

// The one program of the archive, and with it the archive's prefix.
Status find_program(File& file) {
  if (file.entry(old_program)) {
    file.program_entry = old_program;
    file.without_folder = true;
    return {};
  }
  std::vector<std::string> programs;
  for (const ZipView& entry : file.entries) {
    const size_t at = entry.name.find("models/");
    if (at != std::string::npos && (at == 0 || entry.name[at - 1] == '/') && entry.name.ends_with(".json") &&
        entry.name.find('/', at + 7) == std::string::npos)
      programs.push_back(entry.name);
  }
  if (programs.empty()) return other_archive(file.entries);
  if (programs.size() > 1)
    return Error{ErrorKind::unsupported, "the archive holds " + std::to_string(programs.size()) +
                                             " programs ('" + programs[0] + "', '" + programs[1] +
                                             "', ...), expected one"};
  file.program_entry = programs[0];
  file.prefix = programs[0].substr(0, programs[0].find("models/"));
  return {};
}

Result<std::shared_ptr<const Json>> read_json(const File& file, const std::string& name) {
  FETAFIX_TRY(Json json, parse_python_json(text_of(file.entry(name)->bytes), "'" + name + "'"));
  return std::make_shared<const Json>(std::move(json));
}

Status check_version(const File& file) {
  FETAFIX_TRY(const Json version, json_object(*file.document, "schema_version"));
  FETAFIX_TRY(const int64_t major, json_int(version, "major"));
  if (major == newest_schema || (file.without_folder && major == schema_before)) return {};
  return Error{ErrorKind::unsupported,
               "schema version " + std::to_string(major) + ", expected " +
                   (file.without_folder ? std::to_string(schema_before) + " or " : "") +
                   std::to_string(newest_schema) +
                   "; save it again with torch.export.save of a PyTorch that writes that one"};
}

std::string file_name(Table table) {
  return table == Table::weights ? "model_weights_config.json" : "model_constants_config.json";
}

// "model" of "archive/models/model.json".
std::string program_name(const File& file) {
  const size_t begin = file.prefix.size() + std::string_view("models/").size();
  return file.program_entry.substr(begin,
                                   file.program_entry.size() - begin - std::string_view(".json").size());
}

// Where PyTorch 2.8 and before have a table.
std::string pickled_entry(const File& file, Table table) {
  if (file.without_folder)
    return table == Table::weights ? "serialized_state_dict.pt" : "serialized_constants.pt";
  return file.prefix + table_folder(table) + program_name(file) + ".pt";
}

Status read_table(File& file, Table table) {
  const std::string pickled = pickled_entry(file, table);
  if (file.entry(pickled)) return read_pickled_table(file, table, pickled);
  if (file.without_folder) return broken("no '" + pickled + "' in the archive");
  // Its name holds that of the program.
  const std::string folder = file.prefix + table_folder(table);
  const std::string own = folder + program_name(file) + file_name(table).substr(5);
  const std::string name = file.entry(own) ? own : folder + file_name(table);
  if (!file.entry(name)) return broken("no '" + name + "' in the archive");
  file.table_entries[table] = name;
  FETAFIX_TRY(file.tables[table], read_json(file, name));
  FETAFIX_TRY(const Json config, json_object(*file.tables[table], "config"));
  file.stored[table];
  for (const auto& [key, value] : config.items()) {
    FETAFIX_TRY(const std::string path, json_string(value, "path_name"));
    Stored stored;
    stored.entry = folder + path;
    stored.pickled = value.contains("use_pickle") && value["use_pickle"] == true;
    if (!value.contains("tensor_meta") || value["tensor_meta"].is_null()) {
      stored.pickled = true;  // an object of another kind
    } else if (auto meta = read_meta(value["tensor_meta"]); meta.ok()) {
      stored.meta = std::move(*meta);
    } else {
      return in_context("'" + key + "'", std::move(meta).error());
    }
    file.stored[table][key] = std::move(stored);
  }
  return {};
}

// The elements of a tensor that does not lie in row-major order.
Result<Tensor> gathered(const TensorMeta& meta, BytesView data) {
  // A few bytes may be said to be any number of elements.
  constexpr uint64_t free_bytes = uint64_t{16} << 20, most_inflation = 16;
  if (static_cast<uint64_t>(*element_count(meta.sizes)) * element_size(meta.dtype) >
      free_bytes + most_inflation * data.size())
    return broken("a tensor of shape " + to_string(meta.sizes) + " stored in " + std::to_string(data.size()) +
                  " bytes");
  FETAFIX_TRY(Tensor out, Tensor::zeros(meta.dtype, meta.sizes));
  const size_t size = element_size(meta.dtype);
  std::vector<int64_t> at(meta.sizes.size(), 0);
  auto to = out.mutable_bytes();
  for (int64_t i = 0; i < out.size(); ++i) {
    int64_t from = meta.offset;
    for (size_t axis = 0; axis < at.size(); ++axis) from += at[axis] * meta.strides[axis];
    std::copy_n(data.begin() + from * static_cast<int64_t>(size), size,
                to.begin() + i * static_cast<int64_t>(size));
    for (size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < meta.sizes[axis]) break;
      at[axis] = 0;
    }
  }
  return out;
}

// The largest element's place; nullopt: it is none that a file can have.
std::optional<int64_t> last_place(const TensorMeta& meta) {
  constexpr int64_t far = int64_t{1} << 48;
  int64_t last = meta.offset;
  if (last < 0 || last > far) return std::nullopt;
  for (size_t axis = 0; axis < meta.sizes.size(); ++axis) {
    const int64_t steps = meta.sizes[axis] - 1, stride = meta.strides[axis];
    if (stride < 0 || stride > far || (stride > 0 && steps > far / stride)) return std::nullopt;
    last += steps * stride;
    if (last > far) return std::nullopt;
  }
  return last;
}

bool in_order(const TensorMeta& meta) {
  int64_t expected = 1;
  for (size_t axis = meta.sizes.size(); axis-- > 0;) {
    if (meta.sizes[axis] != 1 && meta.strides[axis] != expected) return false;
    expected *= meta.sizes[axis];
  }
  return true;
}

}  // namespace

// torch/_export/serde/schema.py: ScalarType.
DType dtype_from_code(int64_t code) {
  switch (code) {
    case 1:
      return DType::uint8;
    case 2:
      return DType::int8;
    case 3:
      return DType::int16;
    case 4:
      return DType::int32;
    case 5:
      return DType::int64;
    case 6:
      return DType::float16;
    case 7:
      return DType::float32;
    case 8:
      return DType::float64;
    case 12:
      return DType::boolean;
    case 13:
      return DType::bfloat16;
    case 28:
      return DType::uint16;
    default:
      return DType::unknown;
  }
}

int64_t dtype_code(DType dtype) {
  for (int64_t code = 1; code <= 28; ++code)
    if (dtype_from_code(code) == dtype) return code;
  return 0;
}

std::string table_folder(Table table) {
  return table == Table::weights ? "data/weights/" : "data/constants/";
}

Result<TensorMeta> read_meta(const Json& meta) {
  TensorMeta out;
  FETAFIX_TRY(const int64_t code, json_int(meta, "dtype"));
  out.dtype = dtype_from_code(code);
  out.ranked = !meta.contains("unranked");
  FETAFIX_TRY(const Json sizes, json_array(meta, "sizes"));
  FETAFIX_TRY(const Json strides, json_array(meta, "strides"));
  if (sizes.size() > most_dimensions || sizes.size() != strides.size())
    return broken("a tensor of " + std::to_string(sizes.size()) + " sizes and " +
                  std::to_string(strides.size()) + " strides");
  for (const Json& size : sizes) {
    FETAFIX_TRY(const int64_t number, read_size(size));
    if (number < -1) return broken("a tensor of size " + std::to_string(number));
    out.sizes.push_back(number);
  }
  for (const Json& stride : strides) {
    FETAFIX_TRY(const int64_t number, read_size(stride));
    out.strides.push_back(number);
  }
  if (meta.contains("storage_offset")) {
    FETAFIX_TRY(out.offset, read_size(meta["storage_offset"]));
  }
  return out;
}

TensorMeta plain_meta(DType dtype, const Shape& sizes) {
  TensorMeta out{dtype, sizes, std::vector<int64_t>(sizes.size()), 0};
  int64_t next = 1;
  for (size_t axis = sizes.size(); axis-- > 0; next *= std::max<int64_t>(sizes[axis], 1))
    out.strides[axis] = next;
  return out;
}

Json written_meta(const TensorMeta& meta, bool requires_grad) {
  const auto numbers = [](const std::vector<int64_t>& list) {
    Json out = Json::array();
    for (int64_t number : list) out.push_back({{"as_int", number}});
    return out;
  };
  constexpr int strided = 7;
  Json out{{"dtype", dtype_code(meta.dtype)},
           {"sizes", numbers(meta.sizes)},
           {"requires_grad", requires_grad},
           {"device", {{"type", "cpu"}, {"index", nullptr}}},
           {"strides", numbers(meta.strides)},
           {"storage_offset", {{"as_int", meta.offset}}},
           {"layout", strided}};
  if (!meta.ranked) out["unranked"] = true;
  return out;
}

const ZipView* File::entry(const std::string& name) const {
  const auto found = std::ranges::find_if(entries, [&](const ZipView& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

// The operators that read it are opaque, the others not: that can be mended (sound.cpp).
static Error unreadable(const std::string& what) {
  return {ErrorKind::unsupported, what};
}

Result<Tensor> File::read(const Stored& tensor) const {
  if (tensor.pickled) return Error{ErrorKind::unsupported, "'" + tensor.entry + "' is pickled"};
  if (tensor.meta.dtype == DType::unknown)
    return Error{ErrorKind::unsupported, "'" + tensor.entry + "' is of a type that is not known here"};
  const ZipView* content_entry = entry(tensor.entry);
  if (!content_entry) return unreadable("no '" + tensor.entry + "' in the archive");
  const auto count = element_count(tensor.meta.sizes);
  if (!count) return broken("'" + tensor.entry + "' has shape " + to_string(tensor.meta.sizes));
  if (*count == 0) return Tensor::zeros(tensor.meta.dtype, tensor.meta.sizes);
  const size_t size = element_size(tensor.meta.dtype);
  const auto last = last_place(tensor.meta);
  if (!last || static_cast<uint64_t>(*last) >= content_entry->bytes.size() / size)
    return unreadable("'" + tensor.entry + "' holds " + std::to_string(content_entry->bytes.size()) +
                      " bytes, too few for " + to_string(tensor.meta.sizes) + " of " +
                      std::string(dtype_name(tensor.meta.dtype)));
  if (!in_order(tensor.meta)) return gathered(tensor.meta, content_entry->bytes);
  const BytesView content = content_entry->bytes.subspan(static_cast<size_t>(tensor.meta.offset) * size,
                                                         static_cast<size_t>(*count) * size);
  return Tensor::view(tensor.meta.dtype, tensor.meta.sizes, content, bytes);
}

Status check_byte_order(BytesView content, const std::string& what) {
  if (text_of(content) == "little") return {};
  return Error{ErrorKind::unsupported, what + " was written on a machine whose byte order is not 'little'"};
}

Result<File> parse_file(Bytes given) {
  File file;
  file.bytes = std::make_shared<const Bytes>(std::move(given));
  std::vector<std::string> packed;
  FETAFIX_TRY(file.entries, stored_entries(*file.bytes, "archive", &packed));
  FETAFIX_CHECK(check_entries(file.entries));
  if (is_script(file.entries)) return parse_script_file(std::move(file));
  if (!packed.empty()) return broken("archive: '" + packed[0] + "' is packed; expected it as it is");
  FETAFIX_CHECK(find_program(file));
  if (const ZipView* order = file.entry(file.prefix + "byteorder"))
    FETAFIX_CHECK(check_byte_order(order->bytes, "the archive"));
  FETAFIX_TRY(file.document, read_json(file, file.program_entry));
  FETAFIX_CHECK(check_version(file));
  FETAFIX_CHECK(read_table(file, Table::weights));
  FETAFIX_CHECK(read_table(file, Table::constants));
  return file;
}

}  // namespace fetafix::formats::torch
