// Is it safe to unpack a file into objects and pack it again? Only what our schema knows survives that. This
// walks every table with the generated type tables and compares its own vtable with ours.
#include <cstring>

#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {
namespace {

using flatbuffers::TypeTable;

// Parts may be shared in the file, and unpacking copies them: more than this many times the file is refused.
constexpr uint64_t growth_limit = 4;

class Walker {
 public:
  explicit Walker(uint64_t budget) : budget_(budget) {}

  std::optional<std::string> found() const { return found_; }

  void table(const uint8_t* table, const TypeTable& type) {
    if (found_ || !spend(sizeof(uint32_t))) return;
    const uint8_t* vtable = table - flatbuffers::ReadScalar<flatbuffers::soffset_t>(table);
    const size_t entries = flatbuffers::ReadScalar<uint16_t>(vtable) / 2u;
    for (size_t i = 2; i < entries; ++i) {
      const auto offset = flatbuffers::ReadScalar<uint16_t>(vtable + 2 * i);
      if (offset == 0) continue;
      if (i - 2 >= type.num_elems) {
        found_ =
            "a table has field " + std::to_string(i - 2) + ", which is newer than this version of fetafix";
        return;
      }
      field(table, table + offset, i - 2, type);
    }
  }

 private:
  bool spend(uint64_t bytes) {
    if (bytes > budget_) found_ = "its parts are shared so often that a copy would not fit in memory";
    budget_ -= std::min(bytes, budget_);
    return !found_;
  }

  static const uint8_t* follow(const uint8_t* at) { return at + flatbuffers::ReadScalar<uint32_t>(at); }

  void field(const uint8_t* owner, const uint8_t* at, size_t index, const TypeTable& type) {
    const flatbuffers::TypeCode code = type.type_codes[index];
    const bool reference =
        code.base_type == flatbuffers::ET_SEQUENCE || code.base_type == flatbuffers::ET_STRING;
    if (code.is_repeating) {
      vector(follow(at), code, reference, type);
    } else if (code.base_type == flatbuffers::ET_STRING) {
      spend(flatbuffers::ReadScalar<uint32_t>(follow(at)));
    } else if (reference) {
      const TypeTable& inner = *type.type_refs[code.sequence_ref]();
      if (inner.st == flatbuffers::ST_UNION)
        member(owner, follow(at), index, inner);
      else
        table(follow(at), inner);
    }
  }

  // The type of a union's member is the field before it.
  void member(const uint8_t* owner, const uint8_t* target, size_t index, const TypeTable& type) {
    const uint8_t* vtable = owner - flatbuffers::ReadScalar<flatbuffers::soffset_t>(owner);
    const auto offset = flatbuffers::ReadScalar<uint16_t>(vtable + 2 * (index - 1 + 2));
    const uint8_t kind = offset ? owner[offset] : 0;
    if (kind == 0) return;
    if (kind >= type.num_elems) {
      found_ = "an operator has options of kind " + std::to_string(kind) +
               ", which is newer than this version of fetafix";
      return;
    }
    table(target, *type.type_refs[type.type_codes[kind].sequence_ref]());
  }

  void vector(const uint8_t* at, flatbuffers::TypeCode code, bool reference, const TypeTable& type) {
    const auto size = flatbuffers::ReadScalar<uint32_t>(at);
    const bool tables = code.base_type == flatbuffers::ET_SEQUENCE;
    if (!reference && !spend(size * (code.base_type >= flatbuffers::ET_LONG ? 8ull : 1ull))) return;
    for (uint32_t i = 0; reference && i < size && !found_; ++i) {
      const uint8_t* element = follow(at + 4 + 4 * static_cast<size_t>(i));
      if (tables)
        table(element, *type.type_refs[code.sequence_ref]());
      else
        spend(flatbuffers::ReadScalar<uint32_t>(element));
    }
  }

  uint64_t budget_;
  std::optional<std::string> found_;
};

}  // namespace

std::optional<std::string> unsafe_to_rewrite(const File& file) {
  Walker walker(growth_limit * file.bytes->size() + (1u << 20));
  walker.table(reinterpret_cast<const uint8_t*>(file.model), *schema::ModelTypeTable());
  return walker.found();
}

}  // namespace fetafix::formats::tflite
