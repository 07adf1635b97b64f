// Tiny TFLite files for tests, laid out by hand: this room knows no format's library.
//
// A flatbuffer is a tree of tables and vectors in which every reference points forward, so it can be written
// in one pass, parents first: each table has its vtable (field positions) just before it.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace fetafix::runtimes::testing {

struct Flat;
using Int8 = int8_t;
using Fields = std::map<int, std::variant<Int8, int32_t, Flat>>;

// A table, a vector of references, or a vector of plain elements.
struct Flat {
  Fields fields;
  std::vector<Flat> items;
  std::string elements;     // raw bytes
  size_t element_size = 0;  // 0: a table, or a vector of references if `items_only`
  bool items_only = false;
  bool terminated = false;  // the last element is a zero that the length does not count
};

inline Flat table(Fields fields) {
  return {std::move(fields), {}, {}, 0, false, false};
}
inline Flat list(std::vector<Flat> items) {
  return {{}, std::move(items), {}, 0, true, false};
}
template <class T>
Flat plain(const std::vector<T>& values) {
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return {{}, {}, bytes, sizeof(T), false, false};
}
inline Flat text(const std::string& value) {
  return {{}, {}, value + '\0', 1, false, true};
}

class FlatWriter {
 public:
  // With the file identifier of TFLite.
  static std::string file(const Flat& root) {
    FlatWriter writer;
    writer.out_ = std::string(4, '\0') + "TFL3";
    writer.patch(0, writer.write(root));
    return writer.out_;
  }

 private:
  void align(size_t to) { out_.resize((out_.size() + to - 1) / to * to, '\0'); }
  template <class T>
  void put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void patch(size_t at, size_t target) {
    const auto offset = static_cast<uint32_t>(target - at);
    std::memcpy(out_.data() + at, &offset, sizeof offset);
  }

  // Gives the position that a reference must point to.
  size_t write(const Flat& node) {
    if (node.element_size > 0) return write_plain(node);
    return node.items_only ? write_list(node) : write_table(node);
  }

  size_t write_plain(const Flat& node) {
    align(16);
    out_.append(12, '\0');  // so that the elements, not the length, are aligned
    const size_t at = out_.size();
    put(static_cast<uint32_t>(node.elements.size() / node.element_size - (node.terminated ? 1 : 0)));
    out_ += node.elements;
    return at;
  }

  size_t write_list(const Flat& node) {
    align(4);
    const size_t at = out_.size();
    put(static_cast<uint32_t>(node.items.size()));
    const size_t slots = out_.size();
    out_.append(4 * node.items.size(), '\0');
    for (size_t i = 0; i < node.items.size(); ++i) patch(slots + 4 * i, write(node.items[i]));
    return at;
  }

  // Every field takes 4 bytes of the table, whatever its size: simple, and aligned.
  size_t write_table(const Flat& node) {
    align(4);
    const int field_count = node.fields.empty() ? 0 : node.fields.rbegin()->first + 1;
    const size_t vtable = out_.size();
    const size_t table_size = 4 + 4 * node.fields.size();
    put(static_cast<uint16_t>(4 + 2 * field_count));
    put(static_cast<uint16_t>(table_size));
    uint16_t position = 4;
    for (int id = 0; id < field_count; ++id) {
      const bool present = node.fields.contains(id);
      put(static_cast<uint16_t>(present ? position : 0));
      if (present) position = static_cast<uint16_t>(position + 4);
    }
    align(4);
    const size_t at = out_.size();
    put(static_cast<int32_t>(at - vtable));
    std::vector<std::pair<size_t, const Flat*>> references;
    for (const auto& [id, value] : node.fields) {
      if (const Flat* child = std::get_if<Flat>(&value)) references.emplace_back(out_.size(), child);
      const int32_t* number = std::get_if<int32_t>(&value);
      const Int8* small = std::get_if<Int8>(&value);
      put(number ? *number : small ? int32_t{static_cast<uint8_t>(*small)} : 0);
    }
    for (const auto& [slot, child] : references) patch(slot, write(*child));
    return at;
  }

  std::string out_;
};

// What follows names the fields of TFLite's schema by their numbers.

using Ints = std::vector<int32_t>;

struct TensorSketch {
  std::string name;
  Ints shape;
  Int8 type = 0;  // TensorType: 0 float32, 9 int8, 13 resource
  int32_t buffer = 0;
  bool variable = false;
  Ints signature = {};
  float scale = 0;
  int64_t zero_point = 0;
};

inline Flat tensor(const TensorSketch& sketch) {
  Fields fields{{0, plain(sketch.shape)}, {1, sketch.type}, {2, sketch.buffer}, {3, text(sketch.name)}};
  if (sketch.scale != 0)
    fields[4] = table({{2, plain<float>({sketch.scale})}, {3, plain<int64_t>({sketch.zero_point})}});
  if (sketch.variable) fields[5] = Int8{1};
  if (!sketch.signature.empty()) fields[7] = plain(sketch.signature);
  return table(std::move(fields));
}

inline Flat operation(int32_t code, const Ints& inputs, const Ints& outputs, int options_type = 0,
                      Flat options = {}) {
  Fields fields{{0, code}, {1, plain(inputs)}, {2, plain(outputs)}};
  if (options_type != 0) {
    fields[3] = static_cast<Int8>(options_type);
    fields[4] = std::move(options);
  }
  return table(std::move(fields));
}

inline Flat subgraph(const std::vector<TensorSketch>& tensors, const Ints& inputs, const Ints& outputs,
                     std::vector<Flat> operations) {
  std::vector<Flat> made;
  for (const TensorSketch& sketch : tensors) made.push_back(tensor(sketch));
  return table({{0, list(std::move(made))},
                {1, plain(inputs)},
                {2, plain(outputs)},
                {3, list(std::move(operations))}});
}

// Buffer 0 is the empty one that TFLite asks for; `buffers` are 1, 2 ...
inline std::string tflite_file(const Ints& operator_codes, std::vector<Flat> subgraphs,
                               const std::vector<std::vector<float>>& buffers = {}) {
  std::vector<Flat> codes, data{table({})};
  for (int32_t code : operator_codes)
    codes.push_back(table({{0, static_cast<Int8>(code < 127 ? code : 127)}, {2, 1}, {3, code}}));
  for (const auto& values : buffers) {
    Flat bytes = plain(values);
    bytes.element_size = 1;  // the schema calls every buffer ubytes
    data.push_back(table({{0, std::move(bytes)}}));
  }
  return FlatWriter::file(table(
      {{0, 3}, {1, list(std::move(codes))}, {2, list(std::move(subgraphs))}, {4, list(std::move(data))}}));
}

}  // namespace fetafix::runtimes::testing
