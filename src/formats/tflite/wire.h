// The flatbuffer of one file, and the questions that everybody asks of it. The only header of this room that
// names generated types; all files that include it know the schema, none outside the room does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "schema_generated.h"
#include "tensor/tensor.h"

namespace fetafix::formats::tflite {

using Builtin = schema::BuiltinOperator;

// A whole file in memory, verified. `model` points into `bytes`.
struct File {
  std::shared_ptr<const Bytes> bytes;
  const schema::Model* model = nullptr;
  size_t flatbuffer_size = 0;         // what follows it: buffers of large models, an attached archive
  std::optional<std::string> frozen;  // why the file can be read, but not rewritten
  // Names that lead nowhere and numbers that don't fill their shape. `model` then points into `stand_in`,
  // where those are absent: enough to say what the file lacks, and to put it there.
  std::optional<std::string> damage;
  std::shared_ptr<const Bytes> stand_in;
};

// Parses and checks (check.cpp); error kind `file` for what is truncated, hostile or not this format.
Result<File> parse_file(std::shared_ptr<const Bytes> bytes);

// The model with what leads nowhere taken out (damage.cpp).
std::shared_ptr<const Bytes> without_damage(const schema::Model& model, BytesView file);

// What a walk over all tables finds (walk.cpp).
struct Walk {
  // Vectors that the verifier lets pass, but that can't be read; parts shared so often that going through
  // them would never end.
  std::optional<std::string> damage;
  // Fields or union members that our schema does not know and a rewrite would lose.
  std::optional<std::string> frozen;
};
Walk walk(const schema::Model& model, BytesView file);

// The operator kind: the newer field, or the older one where that is larger.
Builtin builtin_of(const schema::OperatorCode& code);
std::string builtin_name(Builtin builtin);
// "CONV_2D", "CUSTOM:TFLite_Detection_PostProcess".
std::string operator_name(const schema::Model& model, const schema::Operator& op);

DType dtype_of_wire(schema::TensorType type);
std::optional<schema::TensorType> wire_of_dtype(DType dtype);
// Bytes that `count` elements take; nullopt for types without a fixed size (strings, resources).
std::optional<uint64_t> wire_bytes(schema::TensorType type, int64_t count);

// Whether so many bytes are what a tensor's shape and type need; true where that can't be told.
bool fills(schema::TensorType type, const Shape& shape, uint64_t bytes);
// Whether an operand or output (`lowest` -1: it may be absent) names one of so many tensors.
bool leads_to_tensor(int32_t index, int32_t lowest, size_t tensors);

// Where a buffer's bytes lie: in the flatbuffer or behind it. Empty for a computed tensor's.
BytesView buffer_bytes(const File& file, uint32_t buffer);

template <class T>
size_t count_of(const flatbuffers::Vector<T>* vector) {
  return vector ? vector->size() : 0;
}
template <class T>
std::vector<T> copy_of(const flatbuffers::Vector<T>* vector) {
  return vector ? std::vector<T>(vector->begin(), vector->end()) : std::vector<T>();
}
inline std::string text_of(const flatbuffers::String* text) {
  return text ? text->str() : std::string();
}

Shape shape_of(const schema::Tensor& tensor);

// Options of an operator as a plain struct; defaults where the file has none.
template <class T>
typename T::NativeTableType options_of(const schema::Operator& op) {
  typename T::NativeTableType out;
  if (const T* table = op.builtin_options_as<T>()) table->UnPackTo(&out);
  return out;
}

}  // namespace fetafix::formats::tflite
