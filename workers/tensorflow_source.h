// What the worker is told to load, read just so far as it must be: which graph, what it takes and gives.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tensorflow_wire/interface.h"

namespace fetafix::tensorflow {

struct Source {
  std::string folder;             // of a SavedModel, and
  std::vector<std::string> tags;  // of its graph; or
  std::string graph;              // the bytes of a GraphDef
  tensorflow_wire::Interface interface;
  bool keeps_state = false;  // from run to run
};

// A SavedModel's folder (or its saved_model.pb), or a file that is a GraphDef. `signature` empty: the usual
// one. Error kinds `file`, `unsupported`, and `usage` for a signature that is not there.
Result<Source> read_source(const std::string& path, const std::string& signature);
// A GraphDef in memory.
Result<Source> read_source(std::span<const std::byte> graph, const std::string& signature);

}  // namespace fetafix::tensorflow
