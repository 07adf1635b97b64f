// What registers with the conformance suite: an entry for each format and for each runtime (registry.cpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "runtimes/runtime.h"

namespace fetafix::conformance {

struct Excluded {
  std::string what, reason;
};

// A file that does not load, or computes nothing of use, for a fault that the file alone tells.
struct Broken {
  std::string file, sound;  // ... and the file without the fault
};

// What no reader may take: made of the bytes of the first model. The complaint has to hold the words.
struct Hostile {
  std::string what;
  std::function<Bytes(const Bytes& sound)> make;
  std::string words;
};

struct FormatSubject {
  std::string name;                 // as the registry of formats has it
  std::vector<std::string> models;  // under testdata; edits are tried on each
  std::vector<Broken> broken;
  std::vector<Hostile> hostile;
  std::vector<Excluded> kinds;       // of edits that no file of this format can have
  std::vector<Excluded> taken = {};  // kinds of edits without a meaning that are not refused
  std::vector<Excluded> zoo = {};    // files of the zoo of which the view need not be the file
};

struct RuntimeSubject {
  std::string name;
  std::string model;                 // under testdata
  runtimes::Locations missing = {};  // where it is not
  std::string install = {};          // what it then tells to do
  bool fits_in_one_mb = false;       // all that it needs for that model
  bool reads_at_load = true;         // else a bad file is met by the first run
  // Loads a model; empty: what the registry of runtimes has under that name.
  std::function<Result<std::unique_ptr<runtimes::Session>>(const std::filesystem::path&,
                                                           const runtimes::LoadOptions&)>
      load = {};
};

// No format and no runtime may be without an entry; both are tested for it.
const std::vector<FormatSubject>& format_subjects();
const std::vector<RuntimeSubject>& runtime_subjects();

std::filesystem::path testdata(const std::string& file);

}  // namespace fetafix::conformance
