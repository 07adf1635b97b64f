// A TorchScript text as tokens, with lines' indentation as tokens of its own.
#pragma once

#include "formats/torch/script_text.h"

namespace fetafix::formats::torch {

struct Token {
  enum class Kind : uint8_t { name, number, text, sign, line_end, indent, dedent, end };
  Kind kind = Kind::end;
  std::string_view text;  // as it is written; of a sign one or two characters
  Span span;
};

// Error kind `file`: characters that the language does not have, indentation that fits no line before, a text
// without an end.
Result<std::vector<Token>> script_tokens(std::string_view text);

// What a text says, without quotes and escapes.
Result<std::string> said_by_text(std::string_view text);

}  // namespace fetafix::formats::torch
