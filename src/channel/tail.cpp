#include "channel/tail.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace fetafix::channel {
namespace {

constexpr size_t most_bytes = 2000;
constexpr size_t most_lines = 10;

// How TensorFlow's stack traces begin a line. They are long, and what matters is the line before them.
constexpr std::string_view frame = "    @ ";

void drop_frames(std::string& text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) return;  // what is still to come may belong to it
    if (text.compare(begin, frame.size(), frame) == 0)
      text.erase(begin, end + 1 - begin);
    else
      begin = end + 1;
  }
}

}  // namespace

void Tail::add(std::string_view printed) {
  kept_.append(printed);
  drop_frames(kept_);
  if (kept_.size() > 2 * most_bytes) kept_.erase(0, kept_.size() - most_bytes);
}

std::string Tail::text() const {
  std::string_view rest = kept_;
  if (rest.size() > most_bytes) rest.remove_prefix(rest.size() - most_bytes);
  std::vector<std::string> lines;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    for (char& c : line)
      if (std::iscntrl(static_cast<unsigned char>(c))) c = c == '\t' || c == '\r' ? ' ' : '?';
    if (line.find_first_not_of(' ') != std::string::npos) lines.push_back(std::move(line));
  }
  if (lines.size() > most_lines) lines.erase(lines.begin(), lines.end() - most_lines);
  std::string joined;
  for (const std::string& line : lines) joined += (joined.empty() ? "" : " | ") + line;
  return joined;
}

}  // namespace fetafix::channel
