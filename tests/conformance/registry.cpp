// The registrations. A new format: its sound models in testdata, the first with as much in it as the format
// has (tests/zoo/make_conformance_nets.py makes them); broken ones; hostile ones; and what it has to be
// excused from, with the reason - an excuse that is not needed is a failure.
#include "base/zip.h"
#include "tests/conformance/subject.h"

namespace fetafix::conformance {
namespace {

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

// The bytes with the first place of one text holding another of the same length.
Bytes replaced(Bytes bytes, const std::string& from, const std::string& to) {
  const BytesView wanted = as_bytes(from);
  const auto at = std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
  if (at != bytes.end()) std::ranges::copy(as_bytes(to), at);
  return bytes;
}

// The archive with one entry more, or with other bytes in one.
Bytes with_entry(const Bytes& archive, const std::string& name, const std::string& content) {
  auto entries = unzip(archive, "x");
  if (!entries.ok()) return {};
  bool there = false;
  for (ZipEntry& entry : *entries)
    if (entry.name == name) entry.bytes = bytes_of(content), there = true;
  if (!there) entries->push_back({name, bytes_of(content)});
  return zip(*entries).value();
}

FormatSubject onnx() {
  return {
      .name = "onnx",
      .models = {"net.onnx", "sequence.onnx"},
      .broken = {{"broken_name_twice.onnx", "net.onnx"},
                 {"broken_opset_new.onnx", "net.onnx"},
                 {"broken_ir_new.onnx", "net.onnx"}},
      .hostile = {{"an operator reads a value that nothing gives",
                   [](const Bytes& sound) { return replaced(sound, "positive", "nowhere!"); },
                   "which nothing computes"},
                  {"an operator set that is too old",
                   [](const Bytes& sound) {
                     return replaced(sound, {'\x0a', '\0', '\x10', '\x0f'}, {'\x0a', '\0', '\x10', '\x05'});
                   },
                   "operator set 5"}},
      .kinds = {{"sort operators", "ONNX Runtime takes operators in any order"}},
      .taken = {{"insert node",
                 "an operator of any name may stand in a file; its runtime says whether it knows it"}},
  };
}

FormatSubject tflite() {
  return {
      .name = "tflite",
      .models = {"net.tflite", "net_int8.tflite", "sequence.tflite"},
      .broken = {{"broken_order.tflite", "net.tflite"},
                 {"broken_name_twice.tflite", "net.tflite"},
                 {"broken_version.tflite", "net.tflite"},
                 {"broken_schema_version.tflite", "net.tflite"}},
      .hostile = {{"a root that lies outside",
                   [](Bytes sound) {
                     for (size_t i = 0; i < 4; ++i) sound[i] = std::byte{0x7f};
                     return sound;
                   },
                   "leads outside"}},
      .kinds = {{"keep outputs", "no operator that is read has outputs that it may leave out"}},
  };
}

FormatSubject keras() {
  return {
      .name = "keras",
      .models = {"net.keras", "net.h5", "sequence.keras"},
      .broken = {{"broken_class_unknown.keras", "net.keras"}, {"broken_key_groups.keras", "net.keras"}},
      .hostile = {{"an entry that would lie outside of the folder",
                   [](const Bytes& sound) { return with_entry(sound, "../evil", "x"); }, "outside"},
                  {"a configuration that is no JSON",
                   [](const Bytes& sound) { return with_entry(sound, "config.json", "{"); }, "config.json"},
                  {"weights that are no HDF5",
                   [](const Bytes& sound) { return with_entry(sound, "model.weights.h5", "x"); }, "HDF5"}},
      .kinds = {{"keep outputs", "a layer gives all that it gives"},
                {"set metadata", "a file has no numbers that decide whether it loads"},
                {"separate output", "a layer's name is its output's"},
                {"sort operators", "a file names what a layer reads: no order is wrong"}},
  };
}

FormatSubject tensorflow() {
  return {
      .name = "tensorflow",
      .models = {"net.pb", "sequence.pb", "net_saved_model"},
      .broken = {},
      .hostile = {{"an operator reads a value that nothing gives",
                   [](const Bytes& sound) { return replaced(sound, "bounded", "nowhere"); },
                   "no node is named so"},
                  {"no operators at all", [](const Bytes&) { return Bytes{}; }, "no output"}},
      .kinds = {{"keep outputs", "an operator gives all that it gives"},
                {"set metadata", "a file has no numbers that decide whether it loads"},
                {"redeclare", "what a file says of shapes is for people: its runtime infers them"},
                {"set output", "a frozen graph's results are the operators that nothing reads"},
                {"separate output", "an operator's name is its output's"},
                {"sort operators", "a file names what an operator reads: no order is wrong"}},
  };
}

FormatSubject torch() {
  return {
      .name = "torch",
      .models = {"net.pt2", "sequence.pt2", "net.pt", "sequence.pt"},
      .broken = {},
      .hostile = {{"an entry that would lie outside of the folder",
                   [](const Bytes& sound) { return with_entry(sound, "../evil", "x"); }, "outside"},
                  {"an operator reads a value that nothing gives",
                   [](const Bytes& sound) { return replaced(sound, "relu", "nono"); }, "damaged"},
                  {"an archive of something else",
                   [](const Bytes&) {
                     return zip({{"a", bytes_of("x")}}).value();
                   },
                   "exported program"}},
      .kinds = {{"keep outputs", "an operator gives all that it gives"},
                {"set metadata", "a file has no numbers that decide whether it loads"},
                {"redeclare", "what a file says of shapes is what PyTorch has traced"},
                {"separate output", "names of values are told apart when a program is read"},
                {"sort operators", "a file names what an operator reads, ahead of it"}},
  };
}

runtimes::Locations no_python() {
  return {"/nonexistent/python", {}, {}};
}

// A user's command: tests/conformance/answer.py runs the file by ONNX Runtime.
RuntimeSubject command() {
  const auto start = [](const std::filesystem::path& model, const runtimes::LoadOptions& options) {
    const std::vector<runtimes::TensorSpec> inputs{{"image", DType::float32, Shape{1, 3, 12, 12}}},
        outputs{{"scores", DType::float32, Shape{1, 5}}};
    const std::string script = (testdata("..") / "answer.py").string();
    return runtimes::load_command("'" + runtimes::own_locations().python.string() + "' '" + script + "'",
                                  model, inputs, outputs, options);
  };
  return {.name = "command",
          .model = "net.onnx",
          .missing = no_python(),
          .install = "pip install numpy",
          .reads_at_load = false,
          .load = start};
}

}  // namespace

const std::vector<FormatSubject>& format_subjects() {
  static const std::vector<FormatSubject> all{onnx(), tflite(), keras(), tensorflow(), torch()};
  return all;
}

const std::vector<RuntimeSubject>& runtime_subjects() {
  static const std::vector<RuntimeSubject> all{
      {.name = "onnxruntime",
       .model = "net.onnx",
       .missing = no_python(),
       .install = "pip install onnxruntime"},
      {.name = "tflite",
       .model = "net.tflite",
       .missing = {{}, {}, "/nonexistent/library.so"},
       .install = "scripts/fetch_runtimes.sh",
       .fits_in_one_mb = true},
      {.name = "litert",
       .model = "net.tflite",
       .missing = no_python(),
       .install = "pip install ai-edge-litert"},
      {.name = "keras", .model = "net.keras", .missing = no_python(), .install = "pip install keras"},
      {.name = "tensorflow", .model = "net.pb", .missing = no_python(), .install = "pip install tensorflow"},
      {.name = "torch", .model = "net.pt2", .missing = no_python(), .install = "pip install torch"},
      command()};
  return all;
}

std::filesystem::path testdata(const std::string& file) {
  return std::filesystem::path(FETAFIX_CONFORMANCE_TESTDATA) / file;
}

}  // namespace fetafix::conformance
