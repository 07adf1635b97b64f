// A format reads one kind of file, lifts it into the common view, and writes edits back into it.
// One folder each; the registry in formats.cpp is the only list of them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "graph/edit.h"
#include "graph/graph.h"

namespace fetafix::formats {

// How a file says that pixel values of 0 to 255 become an input: (x - mean) / std; one number, or one a
// channel.
struct StatedInput {
  std::vector<double> mean, std;
};

// A view and what reading it had to assume or leave opaque.
struct Lifted {
  graph::Graph graph;
  std::vector<std::string> notes;
  std::map<size_t, StatedInput> stated_inputs = {};  // by graph input
  bool in_order = true;                              // the file's operators stand behind all that they read
};

// One output of an instrumented file: the runtime's name for it, in the order of the file's outputs.
struct ExposedValue {
  graph::ValueId value;
  std::string output_name;
};

// What keeps a file from being read as a model or from being loaded, told by the file alone.
struct Defect {
  std::string place;  // the operator as results name it ("Conv #12 'stem'"); empty: the whole file
  std::string fault_class, pattern;
  std::string explanation, advice;
  std::vector<std::vector<graph::Edit>> ways;  // each would mend it; the likeliest first
  // A way only lets the file be read: what belongs in the place is for the comparison with the source to say.
  bool stopgap = false;
  bool only_if_it_loads = false;  // it may be right as it is: the runtime decides
  // A runtime may load the file all the same and compute something: that is luck.
  bool though_it_loads = false;
};

// A model file in memory. Immutable: `patched` gives another model.
class NativeModel {
 public:
  virtual ~NativeModel() = default;

  virtual std::string_view format() const = 0;
  // Of the file's bytes (several files: in sorted order of their names).
  virtual const std::string& sha256() const = 0;

  // The view. The same every time: addresses of a patch rest on it.
  virtual Result<Lifted> lift() const = 0;

  // `source` is what the file was converted from. Each as mending those before it leaves the file.
  virtual std::vector<Defect> defects(const graph::Graph& source) const = 0;

  // Writes the file so that it is either whole or absent. Without edits it is byte-identical to what was
  // read.
  virtual Status write(const std::filesystem::path& path) const = 0;

  // Writes a copy that also returns the given values (those with `native_tensor` >= 0, not graph outputs
  // already).
  virtual Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                                   const std::filesystem::path& path) const = 0;

  // A model with the patch applied, touching nothing else. Does not check the patch's SHA-256.
  // Error kind `unsupported`: an edit that this format cannot express, named with the reason.
  virtual Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const = 0;
};

class Format {
 public:
  virtual ~Format() = default;
  virtual std::string_view name() const = 0;         // "onnx"
  virtual std::string_view description() const = 0;  // one line for `fetafix list formats`
  // By content, never by name. `head` is the start of the file (at least 4 KiB or all of it).
  virtual bool recognizes(BytesView head) const = 0;
  // Parses and checks; error kind `file` for what is truncated, hostile or not this format.
  virtual Result<std::unique_ptr<NativeModel>> read(const std::filesystem::path& path) const = 0;
  // The same for bytes in memory; what the model keeps in further files lies in `folder`.
  virtual Result<std::unique_ptr<NativeModel>> parse(Bytes bytes,
                                                     const std::filesystem::path& folder) const = 0;
};

std::span<const Format* const> all_formats();

// Reads a model of whatever format its content says.
Result<std::unique_ptr<NativeModel>> read_model(const std::filesystem::path& path);

}  // namespace fetafix::formats
