// What every format keeps to, as functions of one model file; an error says what is not kept.
#pragma once

#include <map>

#include "formats/format.h"
#include "tests/conformance/subject.h"

namespace fetafix::conformance {

// A model with what the checks hold against each other.
struct Opened {
  std::filesystem::path path;
  const formats::Format* format = nullptr;
  std::unique_ptr<formats::NativeModel> model;
  graph::Graph view;
  std::vector<Tensor> inputs;   // noise
  std::vector<Tensor> outputs;  // ... and what the file makes of it, in its own runtime
  // How far right computations lie apart: the runtime without optimization, and on disturbed inputs; at least
  // 1e-6. Relative to the largest output.
  double floor = 0;
  double limit() const { return 8 * floor; }  // as the pipeline takes it
};
Result<Opened> open(const std::filesystem::path& path, const std::string& format);

// Told by its content, whatever its name, and by no other format.
Status recognized(const std::filesystem::path& path, const std::string& format);
// Read and written, without edits or with none: the same bytes; and the same view each time.
Status untouched(const std::filesystem::path& path);
// The view computes what the runtime computes. `distance`: how far they are apart.
Status lift_is_native(const Opened& opened, double& distance);
// A copy that gives its inner values too answers the same, and they are the view's.
Status exposes(const Opened& opened, size_t& values);
// Cut off, or with bytes changed: an error of kind `file`, or a model, which lifts or says why not.
Status survives_damage(const std::filesystem::path& path);
Status refuses(const Hostile& hostile, const std::filesystem::path& sound, const std::string& format);
// Edits without a meaning: at no operator, of no operator's type, of what is not there. `taken`: of which
// kinds the format takes them all the same, and why.
Status refuses_edits(const Opened& opened, const std::vector<Excluded>& taken);
// A broken file: what is wrong is told, and with the first way of each it computes what the sound file does.
// `kinds`: those of the edits.
Status mends(const std::filesystem::path& broken, const Opened& sound, std::map<std::string, int>& kinds);

// Kinds of edits by name, in the order of graph::Edit.
const std::vector<std::string>& edit_kinds();
std::string kind_of(const graph::Edit& edit);

}  // namespace fetafix::conformance
