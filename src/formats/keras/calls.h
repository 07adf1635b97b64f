// What layers are called with, as both generations of Keras write it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace fetafix::formats::keras {

// A tensor of a model: output `tensor` of call `node` of a layer, in the numbers of the file.
struct Reference {
  std::string layer;
  int64_t node = 0;
  int64_t tensor = 0;
  bool operator==(const Reference&) const = default;
};

// What a layer is called with: a tensor, several, or something that is no tensor.
struct Argument {
  std::optional<Reference> tensor;
  const Json* shape = nullptr;  // of the tensor, where the file states it
  std::vector<Argument> list;
  Json literal;  // null where it is a tensor or a list with tensors in it
  bool is_literal() const { return !tensor && list.empty(); }
};

struct Call {
  std::vector<Argument> positional;
  std::vector<std::pair<std::string, Argument>> keyword;
  // All tensors, in order: the operands.
  std::vector<Reference> tensors() const;
  // What the file states of their shapes; nullptr: nothing.
  std::vector<const Json*> shapes() const;
  const Argument* named(const std::string& name) const;
};

// Error kind `file`: the entry of "inbound_nodes" is no call.
Result<Call> call_of(const Json& node);
// ["conv1", 0, 0], in Keras 2 with the other arguments behind it; nullopt: something else.
std::optional<Reference> as_reference(const Json& json);
// The tensors listed as a model's inputs or outputs, whatever structure they have.
std::vector<Reference> references_of(const Json& listed);

// --- reading configurations: what is missing or of another kind is empty ---

const Json& member(const Json& object, const char* key);
std::string text_of(const Json& object, const char* key);
std::string lower_case(std::string text);

}  // namespace fetafix::formats::keras
