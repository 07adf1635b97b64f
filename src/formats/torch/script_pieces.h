// Edits of a text that may lie one within another: each is a list of pieces, words of its own and parts of
// the text, which are rendered with the edits inside of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/torch/script_text.h"

namespace fetafix::formats::torch {

struct Piece {
  std::string words;
  std::optional<Span> part;  // instead of words
};
using Pieces = std::vector<Piece>;

class TextEdits {
 public:
  bool empty() const { return edits_.empty(); }
  // Around what is there for that span already; in an empty one behind it.
  void add(const Span& span, Pieces pieces);
  std::string render(std::string_view text, const Span& span) const;

 private:
  using Key = std::pair<size_t, size_t>;
  struct Order {  // by place; of those that begin in one place empty ones first, then the outer
    bool operator()(const Key& a, const Key& b) const {
      if (a.first != b.first) return a.first < b.first;
      const bool none = a.first == a.second, other_none = b.first == b.second;
      return none != other_none ? none : a.second > b.second;
    }
  };
  std::string inside(std::string_view text, const Span& span) const;
  std::string layer(std::string_view text, const Span& span, size_t count) const;

  std::map<Key, std::vector<Pieces>, Order> edits_;
};

}  // namespace fetafix::formats::torch
