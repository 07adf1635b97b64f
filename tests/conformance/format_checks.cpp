#include "tests/conformance/format_checks.h"

#include <algorithm>
#include <random>

#include "base/packed_folder.h"
#include "tests/conformance/natives.h"
#include "tests/conformance/values.h"

namespace fetafix::conformance {
namespace {

namespace fs = std::filesystem;
using formats::Format;

const Format* format_named(const std::string& name) {
  for (const Format* format : formats::all_formats())
    if (format->name() == name) return format;
  return nullptr;
}

const fs::path& scratch() {
  static const TemporaryFolder folder = TemporaryFolder::make().value();
  return folder.path();
}

// Of a folder, the file that it is known by: the first of those beside its folders.
Result<Bytes> head_of(const fs::path& path) {
  fs::path known_by = path;
  if (fs::is_directory(path))
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file() && (known_by == path || entry.path() < known_by)) known_by = entry.path();
  FETAFIX_TRY(Bytes bytes, read_file(known_by));
  bytes.resize(std::min<size_t>(bytes.size(), 4096));
  return bytes;
}

// Files that are no model.
const std::vector<std::string>& foreign() {
  static const std::vector<std::string> heads{std::string(),
                                              std::string(100, '\0'),
                                              "plain text of some kind",
                                              "PK\x03\x04 zip zip",
                                              "\x89PNG\r\n\x1a\n0000 0000 0000",
                                              "\xff\xd8\xff\xe0 JFIF",
                                              "{\"json\": [1, 2]}",
                                              "#!/bin/sh\nexit 0\n"};
  return heads;
}

// Reading or lifting may fail, of what is damaged; never as our own fault.
Status survives(const Format& format, Bytes bytes, const std::string& what) {
  auto model = format.parse(std::move(bytes), scratch());
  if (!model.ok()) {
    if (model.error().kind == ErrorKind::internal) return in_context(what, std::move(model).error());
    return {};
  }
  auto lifted = (*model)->lift();
  if (!lifted.ok() && lifted.error().kind == ErrorKind::internal)
    return in_context(what, std::move(lifted).error());
  if (lifted.ok())
    if (auto sound = graph::verify(lifted->graph); !sound.ok())
      return in_context(what, std::move(sound).error());
  return {};
}

// What the pipeline does with defects: those that are sure at once, with the first of their ways that loads;
// the others as long as the file does not load.
class Mender {
 public:
  Mender(const formats::NativeModel& model, const std::string& format, const fs::path& file,
         const std::vector<Tensor>& inputs)
      : model_(model),
        format_(format),
        file_(scratch() / ("mended" + file.extension().string())),
        inputs_(inputs) {
    patch_.format = format;
    patch_.model_sha256 = model.sha256();
  }
  const graph::Patch& patch() const { return patch_; }
  bool harmless() const { return harmless_; }

  Status keep(const formats::Defect& defect) {
    if (defect.ways.empty()) return wrong("'" + defect.explanation + "' has no way to be mended");
    harmless_ = harmless_ && defect.though_it_loads;
    patch_.groups.push_back({defect.ways[0], defect.explanation});
    for (size_t way = 1; way < defect.ways.size() && !run().ok(); ++way)
      patch_.groups.back().edits = defect.ways[way];
    return {};
  }
  Status keep_if_needed(const formats::Defect& defect) {
    const graph::Patch before = patch_;
    if (run().ok()) return {};
    FETAFIX_CHECK(keep(defect));
    if (!run().ok()) patch_ = before;
    return {};
  }
  Result<std::vector<Tensor>> run() {
    FETAFIX_TRY(const auto patched, model_.patched(patch_));
    FETAFIX_CHECK(patched->write(file_));
    FETAFIX_TRY(const auto lifted, patched->lift());
    if (!lifted.in_order) return wrong("its operators still stand in the wrong order");
    return run_natively(format_, file_, inputs_);
  }

 private:
  const formats::NativeModel& model_;
  std::string format_;
  fs::path file_;
  const std::vector<Tensor>& inputs_;
  graph::Patch patch_;
  bool harmless_ = true;
};

}  // namespace

Result<Opened> open(const fs::path& path, const std::string& format) {
  Opened out;
  out.path = path;
  out.format = format_named(format);
  if (!out.format) return wrong("no format '" + format + "'");
  FETAFIX_TRY(out.model, formats::read_model(path));
  FETAFIX_TRY(auto lifted, out.model->lift());
  out.view = std::move(lifted.graph);
  FETAFIX_TRY(out.inputs, noise_for(out.view, 1));
  FETAFIX_TRY(auto session, load_natively(format, path));
  FETAFIX_TRY(out.outputs, session->run(out.inputs));
  FETAFIX_TRY(const auto moved, session->run(disturbed(out.view, out.inputs)));
  session.reset();  // its worker takes the next
  FETAFIX_TRY(const auto plain, run_natively(format, path, out.inputs, {.optimize = false}));
  out.floor = std::max({spread(out.outputs, moved), spread(out.outputs, plain), 1e-6});
  return out;
}

Status recognized(const fs::path& path, const std::string& format) {
  FETAFIX_TRY(const Bytes head, head_of(path));
  for (const Format* one : formats::all_formats()) {
    if (one->recognizes(head) != (one->name() == format))
      return wrong(std::string(one->name()) +
                   (one->name() == format ? " does not recognize " : " recognizes ") + path.string());
  }
  const fs::path misnamed = scratch() / "misnamed.txt";
  std::error_code failure;
  fs::remove_all(misnamed, failure);
  fs::copy(path, misnamed, fs::copy_options::recursive, failure);
  if (failure) return wrong("can't be copied");
  FETAFIX_TRY(const auto model, formats::read_model(misnamed));
  if (model->format() != format) return wrong("read as " + std::string(model->format()));
  for (const std::string& text : foreign())
    if (format_named(format)->recognizes(as_bytes(text))) return wrong("recognizes '" + text + "'");
  return {};
}

Status untouched(const fs::path& path) {
  FETAFIX_TRY(const Bytes bytes, read_packed(path));
  FETAFIX_TRY(const auto model, formats::read_model(path));
  FETAFIX_TRY(const auto same, model->patched({}));
  for (const formats::NativeModel* one : {&*model, &*same}) {
    const fs::path copy = scratch() / ("copy" + path.extension().string());
    FETAFIX_CHECK(one->write(copy));
    FETAFIX_TRY(const Bytes written, read_packed(copy));
    if (written != bytes) return wrong("written other than it was read");
    if (one->sha256() != model->sha256()) return wrong("two fingerprints of the same file");
  }
  FETAFIX_TRY(const auto first, model->lift());
  FETAFIX_TRY(const auto again, same->lift());
  FETAFIX_CHECK(graph::verify(first.graph));
  if (graph::to_text(first.graph) != graph::to_text(again.graph)) return wrong("two views of the same file");
  return {};
}

Status lift_is_native(const Opened& opened, double& distance) {
  FETAFIX_TRY(const auto viewed, run_view(opened.view, opened.inputs));
  distance = spread(opened.outputs, viewed);
  if (distance > opened.limit())
    return wrong("the view is " + number(distance) + " from the runtime; right computations are " +
                 number(opened.floor) + " apart");
  return {};
}

Status exposes(const Opened& opened, size_t& count) {
  std::vector<graph::ValueId> wanted;
  for (size_t id = 0; id < opened.view.values.size(); ++id) {
    const graph::Value& value = opened.view.values[id];
    const auto as_id = static_cast<graph::ValueId>(id);
    if (value.native_tensor >= 0 && !value.is_constant() &&
        std::ranges::find(opened.view.outputs, as_id) == opened.view.outputs.end() &&
        std::ranges::find(opened.view.inputs, as_id) == opened.view.inputs.end())
      wanted.push_back(as_id);
  }
  const fs::path copy = scratch() / ("exposed" + opened.path.extension().string());
  FETAFIX_TRY(const auto exposed, opened.model->expose(wanted, copy));
  count = exposed.size();
  if (exposed.empty()) return wrong("of " + std::to_string(wanted.size()) + " inner values none is exposed");
  FETAFIX_TRY(const auto given, run_natively(std::string(opened.model->format()), copy, opened.inputs));
  const size_t own = opened.outputs.size();
  if (given.size() != own + exposed.size())
    return wrong("the copy has " + std::to_string(given.size()) + " outputs");
  const std::vector<Tensor> outputs(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(own));
  if (const double apart = spread(opened.outputs, outputs); apart > opened.limit())
    return wrong("the copy answers otherwise: " + number(apart));
  for (size_t i = 0; i < exposed.size(); ++i) {
    FETAFIX_TRY(const auto viewed, run_view(opened.view, opened.inputs, {exposed[i].value}));
    if (const double apart = spread({given[own + i]}, viewed); apart > opened.limit())
      return wrong("the inner value '" + opened.view.value(exposed[i].value).name + "' is " + number(apart) +
                   " from the view's");
  }
  return {};
}

Status survives_damage(const fs::path& path) {
  FETAFIX_TRY(const Bytes whole, read_packed(path));
  FETAFIX_TRY(const auto model, formats::read_model(path));
  const Format& format = *format_named(std::string(model->format()));
  for (size_t part = 0; part < 32; ++part) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * part / 32));
    const std::string what = "cut to " + std::to_string(cut.size()) + " bytes";
    if (auto parsed = format.parse(cut, scratch()); parsed.ok() && cut.size() < whole.size() / 2)
      return wrong(what + " it is still a model");
    FETAFIX_CHECK(survives(format, std::move(cut), what));
  }
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    FETAFIX_CHECK(survives(format, std::move(damaged), "damaged, round " + std::to_string(round)));
  }
  return {};
}

Status refuses(const Hostile& hostile, const fs::path& sound, const std::string& format) {
  FETAFIX_TRY(const Bytes bytes, read_file(sound));
  auto model = format_named(format)->parse(hostile.make(bytes), scratch());
  Status said;
  if (!model.ok()) {
    said = model.error();
  } else if (auto lifted = (*model)->lift(); !lifted.ok()) {
    said = lifted.error();
  }
  if (said.ok()) return wrong("it is taken");
  if (said.error().kind == ErrorKind::internal ||
      said.error().message.find(hostile.words) == std::string::npos)
    return wrong("it says '" + said.error().message + "', not '" + hostile.words + "'");
  return {};
}

Status refuses_edits(const Opened& opened, const std::vector<Excluded>& taken) {
  const graph::Uses uses(opened.view);
  const graph::Address nowhere{{"", 1000000}, graph::Role::core, 0};
  const graph::Address first = graph::address_of(opened.view, 0);
  FETAFIX_TRY(const auto edge, graph::address_of(opened.view, uses, opened.view.inputs[0]));
  graph::Redeclare redeclare;
  redeclare.value.graph_input = 1000;
  redeclare.dtype = DType::float32;
  redeclare.shape = Shape{1};
  const std::vector<graph::Edit> edits{graph::SetTensor{nowhere, 0, Tensor::scalar(1.0f)},
                                       graph::SetAttribute{nowhere, "axis", int64_t{0}},
                                       graph::RemoveNode{nowhere, 0},
                                       graph::RemoveNode{first, 1000},
                                       graph::ChangeType{nowhere, "Relu", {}},
                                       graph::InsertNode{edge, {}, "NoSuchOperator", {}, {std::nullopt}, {}},
                                       graph::SetOperand{first, 1000, edge},
                                       graph::SetOutput{1000, edge},
                                       graph::KeepOutputs{nowhere, 1},
                                       graph::SetMetadata{"no_such_field", 1},
                                       redeclare,
                                       graph::SeparateOutput{nowhere, 0}};
  for (const graph::Edit& edit : edits) {
    const auto patched =
        opened.model->patched({std::string(opened.model->format()), "", {{{edit}, "a test"}}});
    const std::string what = kind_of(edit) + " (" + graph::describe(edit) + ")";
    const bool excused = std::ranges::find(taken, kind_of(edit), &Excluded::what) != taken.end();
    if (patched.ok() != excused) return wrong(what + (excused ? " needs no excuse" : " is taken"));
    if (!patched.ok() && (patched.error().kind == ErrorKind::internal || patched.error().message.empty()))
      return in_context(what, patched.error());
  }
  return {};
}

Status mends(const fs::path& broken, const Opened& sound, std::map<std::string, int>& kinds) {
  const std::string format(sound.model->format());
  FETAFIX_TRY(const auto model, formats::read_model(broken));
  const auto defects = model->defects(sound.view);
  const auto as_it_is = run_natively(format, broken, sound.inputs);
  Mender mender(*model, format, broken, sound.inputs);
  for (const auto& defect : defects)
    if (!defect.only_if_it_loads) FETAFIX_CHECK(mender.keep(defect));
  for (const auto& defect : defects)
    if (defect.only_if_it_loads) FETAFIX_CHECK(mender.keep_if_needed(defect));
  // An order that its runtime puts up with is no defect; it can be set right all the same.
  const auto lifted = model->lift();
  if (mender.patch().groups.empty() && lifted.ok() && !lifted->in_order) {
    formats::Defect order;
    order.ways = {{graph::SortOperators{}}};
    order.though_it_loads = true;
    FETAFIX_CHECK(mender.keep(order));
  }
  if (mender.patch().groups.empty()) return wrong("nothing is found in it");
  if (as_it_is.ok() && spread(sound.outputs, *as_it_is) <= sound.limit() && !mender.harmless())
    return wrong("it runs as it is, and is said not to");
  FETAFIX_TRY(const auto outputs, mender.run());
  if (const double apart = spread(sound.outputs, outputs); apart > sound.limit())
    return wrong("mended it is " + number(apart) + " from the file without the fault");
  for (const auto& group : mender.patch().groups)
    for (const graph::Edit& edit : group.edits) ++kinds[kind_of(edit)];
  return {};
}

const std::vector<std::string>& edit_kinds() {
  static const std::vector<std::string> names{
      "set tensor",   "set attribute", "set operand", "change type", "insert node",     "remove node",
      "keep outputs", "set metadata",  "redeclare",   "set output",  "separate output", "sort operators"};
  static_assert(std::variant_size_v<graph::Edit> == 12);
  return names;
}

std::string kind_of(const graph::Edit& edit) {
  return edit_kinds()[edit.index()];
}

}  // namespace fetafix::conformance
