// Texts of protocol 0, which stand on a line.
#include <charconv>

#include "formats/torch/pickle_machine.h"

namespace fetafix::formats::torch {
namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

int hexadecimal(std::string_view digits) {
  int out = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  return problem == std::errc() && end == digits.data() + digits.size() ? out : -1;
}

void append_utf8(std::string& out, int code) {
  const auto more = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F))); };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    more(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    more(6), more(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    more(12), more(6), more(0);
  }
}

}  // namespace

Result<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back() || (text.front() != '\'' && text.front() != '"'))
    return broken("a text is not in quotes");
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    const char code = ++i < text.size() ? text[i] : '\0';
    const size_t plain = std::string_view("\\'\"ntr").find(code);
    if (code == 'x' && i + 2 < text.size() && hexadecimal(text.substr(i + 1, 2)) >= 0) {
      out.push_back(static_cast<char>(hexadecimal(text.substr(i + 1, 2))));
      i += 2;
    } else if (plain != std::string_view::npos) {
      out.push_back("\\'\"\n\t\r"[plain]);
    } else {
      return broken("a text has an unknown escape");
    }
  }
  return out;
}

Result<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t digits = text[i] != '\\' || i + 1 >= text.size() ? 0
                          : text[i + 1] == 'u'                    ? 4
                          : text[i + 1] == 'U'                    ? 8
                                                                  : 0;
    if (digits == 0) {
      append_utf8(out, static_cast<unsigned char>(text[i]));
      continue;
    }
    const int code = i + 2 + digits <= text.size() ? hexadecimal(text.substr(i + 2, digits)) : -1;
    if (code < 0 || code > 0x10FFFF) return broken("a text has an escape that is no character");
    append_utf8(out, code);
    i += digits + 1;
  }
  return out;
}

}  // namespace fetafix::formats::torch
