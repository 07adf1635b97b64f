// A labels file: what the classes are called, and optionally which class each picture shows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace fetafix::data {

struct Labels {
  std::vector<std::string> names;          // by class index; empty text where the file says nothing
  std::map<std::string, int64_t> classes;  // file name -> class index, where a csv has a column for it
  // Empty when the index is outside.
  const std::string& name(int64_t index) const;
};

// One name a line; a JSON list of names; a JSON object {"0": "tench"} or {"0": ["n01440764", "tench"]}; or a
// csv with a header that has an index column (index, class_index, class, id) and a name column (name, label,
// text), and maybe a file column (file, filename, image). Error kind `file`.
Result<Labels> read_labels(const std::filesystem::path& path);
Result<Labels> parse_labels(const std::string& text, const std::string& what);

}  // namespace fetafix::data
