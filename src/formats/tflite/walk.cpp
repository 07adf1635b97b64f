// A walk over every table of a file with the generated type tables. It compares each table's own vtable with
// ours: only what our schema knows survives unpacking into objects and packing again.
#include <algorithm>

#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {
namespace {

using flatbuffers::TypeTable;

// Parts may be shared in the file, and all that reads it goes through them, or copies them, as often as they
// are named: more than this many times the file is refused.
constexpr uint64_t growth_limit = 4;

class Walker {
 public:
  Walker(const uint8_t* end, uint64_t budget) : end_(end), budget_(budget) {}

  Walk found() const { return found_; }

  void table(const uint8_t* table, const TypeTable& type) {
    if (stopped() || !spend(sizeof(uint32_t))) return;
    const uint8_t* vtable = table - flatbuffers::ReadScalar<flatbuffers::soffset_t>(table);
    const size_t entries = flatbuffers::ReadScalar<uint16_t>(vtable) / 2u;
    for (size_t i = 2; i < entries; ++i) {
      const auto offset = flatbuffers::ReadScalar<uint16_t>(vtable + 2 * i);
      if (offset == 0) continue;
      if (i - 2 >= type.num_elems) {
        freeze("a table has field " + std::to_string(i - 2) +
               ", which is newer than this version of fetafix");
        continue;
      }
      field(table, table + offset, i - 2, type);
    }
  }

 private:
  bool stopped() const { return found_.damage.has_value(); }

  void freeze(const std::string& why) {
    if (!found_.frozen) found_.frozen = why;
  }

  bool spend(uint64_t bytes) {
    if (bytes > budget_) found_.damage = "its parts are shared so often that they would not fit in memory";
    budget_ -= std::min(bytes, budget_);
    return !stopped();
  }

  // Of a string. The verifier does not look at retired fields, so this one may lead anywhere.
  uint64_t length(const uint8_t* at) {
    const auto left = static_cast<uint64_t>(end_ - at);
    const uint64_t offset = flatbuffers::ReadScalar<uint32_t>(at);
    if (left >= 4 && offset <= left - 4) return flatbuffers::ReadScalar<uint32_t>(at + offset);
    found_.damage = "a string lies outside the file";
    return 0;
  }

  static const uint8_t* follow(const uint8_t* at) { return at + flatbuffers::ReadScalar<uint32_t>(at); }

  void field(const uint8_t* owner, const uint8_t* at, size_t index, const TypeTable& type) {
    const flatbuffers::TypeCode code = type.type_codes[index];
    const bool reference =
        code.base_type == flatbuffers::ET_SEQUENCE || code.base_type == flatbuffers::ET_STRING;
    if (code.base_type == flatbuffers::ET_UTYPE && !code.is_repeating) {
      const auto* typed = reinterpret_cast<const flatbuffers::Table*>(owner);
      const auto value = static_cast<flatbuffers::voffset_t>(4 + 2 * (index + 1));
      if (*at != 0 && !typed->CheckField(value)) freeze("an operator names options that it does not have");
    } else if (code.is_repeating) {
      vector(follow(at), code, reference, type);
    } else if (code.base_type == flatbuffers::ET_STRING) {
      spend(length(at));
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
      freeze("an operator has options of kind " + std::to_string(kind) +
             ", which is newer than this version of fetafix");
      return;
    }
    table(target, *type.type_refs[type.type_codes[kind].sequence_ref]());
  }

  void vector(const uint8_t* at, flatbuffers::TypeCode code, bool reference, const TypeTable& type) {
    const auto size = flatbuffers::ReadScalar<uint32_t>(at);
    const bool tables = code.base_type == flatbuffers::ET_SEQUENCE;
    const bool wide = code.base_type == flatbuffers::ET_LONG || code.base_type == flatbuffers::ET_ULONG ||
                      code.base_type == flatbuffers::ET_DOUBLE;
    if (wide && reinterpret_cast<uintptr_t>(at + 4) % 8 != 0)
      found_.damage = "a vector of 64-bit numbers is not aligned";
    const bool bytes = code.base_type <= flatbuffers::ET_UCHAR;
    if (!reference && !spend(size * (wide ? 8ull : bytes ? 1ull : 4ull))) return;
    for (uint32_t i = 0; reference && i < size && !stopped(); ++i) {
      const uint8_t* element = follow(at + 4 + 4 * static_cast<size_t>(i));
      if (tables)
        table(element, *type.type_refs[code.sequence_ref]());
      else
        spend(flatbuffers::ReadScalar<uint32_t>(element));
    }
  }

  const uint8_t* end_;
  uint64_t budget_;
  Walk found_;
};

}  // namespace

Walk walk(const schema::Model& model, BytesView file) {
  const auto* start = reinterpret_cast<const uint8_t*>(file.data());
  Walker walker(start + file.size(), growth_limit * file.size() + (1u << 20));
  walker.table(reinterpret_cast<const uint8_t*>(&model), *schema::ModelTypeTable());
  return walker.found();
}

}  // namespace fetafix::formats::tflite
