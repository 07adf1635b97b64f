#include "formats/torch/script_tokens.h"

#include <algorithm>

namespace fetafix::formats::torch {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool in_name(char c) {
  return starts_name(c) || is_digit(c);
}

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) {
      if (at_line_start_) FETAFIX_CHECK(indentation());
      if (at_ < text_.size()) FETAFIX_CHECK(one());
    }
    if (!at_line_start_) add(Token::Kind::line_end, at_);
    for (; levels_.size() > 1; levels_.pop_back()) add(Token::Kind::dedent, at_);
    add(Token::Kind::end, at_);
    return std::move(out_);
  }

 private:
  Error broken(const std::string& what) const {
    return {ErrorKind::file, "line " + std::to_string(line_of(text_, at_)) + ": " + what};
  }

  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void add(Token::Kind kind, size_t begin) {
    out_.push_back({kind, text_.substr(begin, at_ - begin), {begin, at_}});
  }

  // Empty lines and those of a comment alone have none.
  Status indentation() {
    const size_t begin = at_;
    while (peek() == ' ') ++at_;
    if (peek() == '\n' || peek() == '\r' || peek() == '#' || at_ == text_.size()) {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      at_ += at_ < text_.size();
      return {};
    }
    const size_t depth = at_ - begin;
    at_line_start_ = false;
    if (depth > levels_.back()) {
      levels_.push_back(depth);
      add(Token::Kind::indent, at_);
    }
    for (; depth < levels_.back(); levels_.pop_back()) add(Token::Kind::dedent, at_);
    if (depth != levels_.back()) return broken("indentation that no line before has");
    return {};
  }

  Status one() {
    const char c = peek();
    const size_t begin = at_;
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == '\n') {
      ++at_;
      if (open_ == 0) {
        add(Token::Kind::line_end, begin);
        at_line_start_ = true;
      }
    } else if (starts_name(c)) {
      while (in_name(peek())) ++at_;
      add(Token::Kind::name, begin);
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      number();
    } else if (c == '"' || c == '\'') {
      return text();
    } else {
      return sign();
    }
    return {};
  }

  void number() {
    const size_t begin = at_;
    while (in_name(peek()) || peek() == '.' ||
           ((peek() == '-' || peek() == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))
      ++at_;
    add(Token::Kind::number, begin);
  }

  Status text() {
    const size_t begin = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size() || text_[at_] != quote) {
      at_ = begin;
      return broken("a text without an end");
    }
    ++at_;
    add(Token::Kind::text, begin);
    return {};
  }

  Status sign() {
    static constexpr std::string_view one = "()[]{},:.=-", two = "->";
    if (one.find(peek()) == std::string_view::npos)
      return broken("'" + std::string(1, peek()) + "', which is not read here");
    const size_t begin = at_;
    at_ += text_.substr(at_).starts_with(two) ? 2 : 1;
    const std::string_view sign = text_.substr(begin, at_ - begin);
    if (sign == "(" || sign == "[" || sign == "{") ++open_;
    if (sign == ")" || sign == "]" || sign == "}") open_ -= open_ > 0;
    add(Token::Kind::sign, begin);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0, open_ = 0;
  bool at_line_start_ = true;
  std::vector<size_t> levels_{0};
  std::vector<Token> out_;
};

}  // namespace

Result<std::vector<Token>> script_tokens(std::string_view text) {
  return Tokens(text).run();
}

// PyTorch escapes what is no plain character as \n, \t, ..., octal (\303) or hexadecimal numbers.
Result<std::string> said_by_text(std::string_view text) {
  std::string out;
  const std::string_view inner = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\' || i + 1 == inner.size()) {
      out += inner[i];
      continue;
    }
    const char c = inner[++i];
    static constexpr std::string_view plain = "\\'\"ntrabfv", means = "\\'\"\n\t\r\a\b\f\v";
    if (const size_t known = plain.find(c); known != std::string_view::npos) {
      out += means[known];
    } else if (c >= '0' && c <= '7') {
      int value = 0;
      size_t digits = 0;
      for (; digits < 3 && i < inner.size() && inner[i] >= '0' && inner[i] <= '7'; ++digits, ++i)
        value = value * 8 + (inner[i] - '0');
      --i;
      out += static_cast<char>(value);
    } else {
      out += '\\';
      out += c;
    }
  }
  return out;
}

size_t line_of(std::string_view text, size_t place) {
  return 1 + static_cast<size_t>(std::ranges::count(text.substr(0, std::min(place, text.size())), '\n'));
}

}  // namespace fetafix::formats::torch
