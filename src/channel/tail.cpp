#include "channel/tail.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace fetafix::channel {
namespace {

constexpr size_t most_bytes = 2000;
constexpr size_t most_lines = 10;

}  // namespace

void Tail::add(std::string_view printed) {
  kept_.append(printed);
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
