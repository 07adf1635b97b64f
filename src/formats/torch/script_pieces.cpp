#include "formats/torch/script_pieces.h"

namespace fetafix::formats::torch {

void TextEdits::add(const Span& span, Pieces pieces) {
  auto& list = edits_[{span.begin, span.end}];
  if (span.begin == span.end && !list.empty())
    list.back().insert(list.back().end(), pieces.begin(), pieces.end());
  else
    list.push_back(std::move(pieces));
}

// The text of a span, with the edits of spans that lie within it but not of the span itself.
std::string TextEdits::inside(std::string_view text, const Span& span) const {
  std::string out;
  size_t at = span.begin;
  for (const auto& [key, list] : edits_) {
    const bool within = key.first >= at && key.second <= span.end && key != Key{span.begin, span.end};
    if (!within) continue;
    out += text.substr(at, key.first - at);
    out += layer(text, {key.first, key.second}, list.size());
    at = key.second;
  }
  out += text.substr(at, span.end - at);
  return out;
}

std::string TextEdits::layer(std::string_view text, const Span& span, size_t count) const {
  if (count == 0) return inside(text, span);
  std::string out;
  for (const Piece& piece : edits_.at({span.begin, span.end})[count - 1]) {
    const bool itself = piece.part && piece.part->begin == span.begin && piece.part->end == span.end;
    out += !piece.part ? piece.words : itself ? layer(text, span, count - 1) : render(text, *piece.part);
  }
  return out;
}

std::string TextEdits::render(std::string_view text, const Span& span) const {
  const auto own = edits_.find({span.begin, span.end});
  return layer(text, span, own == edits_.end() ? 0 : own->second.size());
}

}  // namespace fetafix::formats::torch
