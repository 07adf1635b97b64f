#include "report/words.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::Sample;

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: not valid UTF-8
};

// The shortest form only, no surrogates, up to U+10FFFF.
Character decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {};
  uint32_t code = first & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[bytes] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes};
}

bool is_space(uint32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r');
}

// C0, DEL, C1, line and paragraph separators, marks and overrides of direction, the byte order mark,
// noncharacters.
bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x200E || c == 0x200F ||
         c == 0x61C || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF ||
         (c & 0xFFFE) == 0xFFFE;
}

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The byte where the character number `n` starts.
size_t offset_of(std::string_view text, size_t n) {
  size_t at = 0;
  while (at < text.size() && n > 0) {
    ++at;
    while (at < text.size() && continues(text[at])) ++at;
    --n;
  }
  return at;
}

bool first_differs(const std::vector<results::Label>& a, const std::vector<results::Label>& b) {
  return !a.empty() && !b.empty() && a.front().index != b.front().index;
}

}  // namespace

std::string clean(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = decode(text);
    if (c.bytes > 0 && is_space(c.code))
      out += ' ';
    else if (c.bytes == 0 || is_control(c.code))
      out += '?';
    else
      out += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes > 0 ? c.bytes : 1);
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : clean(text)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

size_t length(std::string_view text) {
  size_t n = 0;
  for (char c : text) n += continues(c) ? 0 : 1;
  return n;
}

std::string shortened(const std::string& text, size_t most) {
  const size_t n = length(text);
  if (n <= most) return text;
  if (most < 5) return text.substr(0, offset_of(text, most));
  // The end of a path or a node's name says more than its start.
  const size_t head = (most - 3) / 3, tail = most - 3 - head;
  return text.substr(0, offset_of(text, head)) + "..." + text.substr(offset_of(text, n - tail));
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  std::string rest = clean(text);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    std::string word = rest.substr(0, end);
    rest.erase(0, end + 1);
    if (word.empty()) continue;
    const size_t needed = length(word) + (lines.back().empty() ? 0 : 1);
    if (length(lines.back()) + needed > width && !lines.back().empty()) lines.emplace_back();
    while (length(word) > width) {
      const size_t cut = offset_of(word, width);
      lines.back() = word.substr(0, cut);
      lines.emplace_back();
      word.erase(0, cut);
    }
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string place(const results::Fault& fault) {
  if (fault.target_node.empty() && fault.source_node.empty()) return "the whole model";
  if (fault.target_node.empty()) return "missing in the target; in the source: " + fault.source_node;
  if (fault.source_node.empty()) return fault.target_node + " (nothing in the source)";
  return fault.target_node +
         (fault.target_node == fault.source_node ? "" : " (in the source: " + fault.source_node + ")");
}

std::string kind(const results::Fault& fault) {
  return fault.fault_class + (fault.pattern.empty() ? "" : ", " + fault.pattern);
}

std::string evidence_text(const results::Evidence& e) {
  return e.name + ": " + results::number_text(e.number) + (e.unit.empty() ? "" : " " + e.unit) +
         (e.text.empty() ? "" : " (" + e.text + ")");
}

bool label_changed_before(const Sample& sample) {
  return first_differs(sample.source_top5, sample.target_top5);
}

bool label_changed(const Sample& sample) {
  return sample.repaired_top5.empty() ? label_changed_before(sample)
                                      : first_differs(sample.source_top5, sample.repaired_top5);
}

}  // namespace fetafix::report
