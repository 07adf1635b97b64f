// Archives of PyTorch 2.5 to 2.8 (tests/zoo/make_old_torch_testdata.py), whose tensors lie in archives of
// their own, and such as nobody should have made.
#include <cstring>
#include <limits>

#include "base/zip.h"
#include "formats/torch/arguments.h"
#include "formats/torch/testing/patches.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;
using Names = std::set<std::string>;

// Archives with a folder begin with it; `inner` is where the weights lie.
struct Old {
  std::string version;
  std::string weights, constants;
  bool loads;  // in the PyTorch of the tests: not where the schema's version is 7

  fs::path path() const { return testdata("old-" + version + ".pt2"); }
};
const std::vector<Old>& all_old() {
  const std::string state = "serialized_state_dict.pt", constants = "serialized_constants.pt";
  static const std::vector<Old> old{{"2.5", state, constants, false},
                                    {"2.6", state, constants, true},
                                    {"2.7", state, constants, true},
                                    {"2.8", "data/weights/model.pt", "data/constants/model.pt", true}};
  return old;
}

void expect_says(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text << " does not say: " << words;
}

// The values of the file beside them.
std::vector<float> told(const char* key) {
  const auto bytes = read_file(testdata("old.json")).value();
  const auto json = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "old.json");
  return json.value()[key].get<std::vector<float>>();
}

// The name of the first or second sum; each PyTorch numbers them in its way.
std::string sum(const graph::Graph& view, int count) {
  for (const graph::Node& node : view.nodes)
    if (node.type == "Add" && count-- == 0) return node.name;
  ADD_FAILURE() << "no such sum";
  return "";
}

Tensor stored(const fs::path& path, Table table, const std::string& name) {
  const auto file = parse_file(read_file(path).value());
  return file->read(file->stored.at(table).at(name)).value();
}

// --- what PyTorch wrote --------------------------------------------------------------------------

TEST(OldArchive, ComputesWhatItsPyTorchComputed) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const Lifted view = lifted(*read(old.path()));
    for (const graph::Node& node : view.graph.nodes) EXPECT_FALSE(node.opaque) << node.name;
    const auto scores = run_view(view.graph, {Tensor::of(told("image"), {2, 1, 6, 6})}, view.graph.outputs);
    ASSERT_TRUE(scores.ok()) << scores.error().message;
    EXPECT_LT(apart(Tensor::of(told("scores"), {2, 8}), (*scores)[0]), 1e-5);
  }
}

TEST(OldArchive, ViewsOfOneStorageAreRead) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const auto file = parse_file(read_file(old.path()).value());
    const auto& weights = file->stored.at(Table::weights);
    EXPECT_EQ(weights.at("first").entry, weights.at("second").entry);
    EXPECT_EQ(weights.at("second").meta.offset, 16);
    EXPECT_EQ(weights.at("second").meta.strides, (std::vector<int64_t>{1, 4}));
    EXPECT_EQ(stored(old.path(), Table::weights, "same").size(), 8);
    EXPECT_EQ(to_text(stored(old.path(), Table::constants, "shift"), 4), "float32[1] {-0.25}");
  }
}

// --- edits ---------------------------------------------------------------------------------------

TEST(OldArchive, AWeightIsWrittenInItsPlaceAndNoOtherByteChanges) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const Edit edit = testing::set(view, "stem/conv2d", "weight");
    const auto file = parse_file(read_file(old.path()).value());
    const std::string entry = file->stored.at(Table::weights).at("stem.weight").entry;
    EXPECT_EQ(expect_agreement(old.path(), {edit}, old.loads),
              (Names{old.weights, entry.substr(file->prefix.size())}));
    const fs::path written = scratch("patched.pt2");
    ASSERT_TRUE((*read(old.path())->patched({"torch", "", {{{edit}, "a test"}}}))->write(written).ok());
    const Bytes before = read_file(old.path()).value(), after = read_file(written).value();
    ASSERT_EQ(before.size(), after.size());
    size_t differs = 0;
    for (size_t i = 0; i < before.size(); ++i) differs += before[i] != after[i] ? 1 : 0;
    EXPECT_LE(differs, 18 * sizeof(float) + 2 * 3 * 4);  // with check sums, of both archives
  }
}

TEST(OldArchive, APartOfAStorageGetsOneOfItsOwn) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const Edit edit = testing::set(view, "matmul_1", "other");
    const Names changed = expect_agreement(old.path(), {edit}, old.loads);
    EXPECT_TRUE(changed.contains(old.weights + "/archive/data.pkl"));
    const auto patched = read(old.path())->patched({"torch", "", {{{edit}, "a test"}}});
    const fs::path written = scratch("patched.pt2");
    ASSERT_TRUE((*patched)->write(written).ok());
    EXPECT_TRUE(
        stored(written, Table::weights, "first").identical(stored(old.path(), Table::weights, "first")));
    const auto file = parse_file(read_file(written).value());
    const Stored& second = file->stored.at(Table::weights).at("second");
    EXPECT_EQ(second.meta.offset, 0);
    EXPECT_NE(second.entry, file->stored.at(Table::weights).at("first").entry);
  }
}

TEST(OldArchive, ConstantsAndSharedElementsAreWritten) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const Names shift = expect_agreement(old.path(), {testing::set(view, sum(view, 0), "other")}, old.loads);
    EXPECT_TRUE(shift.contains(old.constants) && shift.size() == 2) << ::testing::PrintToString(shift);
    const Names same = expect_agreement(old.path(), {testing::set(view, sum(view, 1), "other")}, old.loads);
    EXPECT_TRUE(same.contains(old.weights + "/archive/data.pkl"));
  }
}

// In a place where the first puts as many numbers as there are columns, and the others one.
TEST(OldArchive, OfSeveralEditsOfAWeightTheLastCounts) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const auto shift = [&](const std::vector<float>& value) -> Edit {
      return graph::SetTensor{testing::at(view, sum(view, 0)), slot_of("other"),
                              Tensor::vector<float>(value)};
    };
    const Edit wide = shift({1, 2, 3, 4, 5, 6});
    expect_agreement(old.path(), {wide, shift({0.75f})}, old.loads);
    expect_agreement(old.path(), {wide, shift({-0.25f}), testing::set(view, "stem/conv2d", "weight")},
                     old.loads);
  }
}

TEST(OldArchive, APatchedFileIsPatchedAgain) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    auto model = read(old.path());
    for (const size_t count : {6, 1, 6, 1}) {
      const graph::Graph view = lifted(*model).graph;
      const Edit edit = graph::SetTensor{testing::at(view, sum(view, 0)), slot_of("other"),
                                         Tensor::vector<float>(std::vector<float>(count, 0.5f))};
      auto patched = model->patched({"torch", "", {{{edit}, "a test"}}});
      ASSERT_TRUE(patched.ok()) << patched.error().message;
      model = std::move(*patched);
    }
  }
}

TEST(OldArchive, CallsAreChangedAddedAndRemoved) {
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const auto node = [&](const std::string& name) { return testing::at(view, name); };
    expect_agreement(old.path(),
                     {graph::SetAttribute{node("stem/conv2d"), "strides", std::vector<int64_t>{1, 1}}},
                     old.loads);
    expect_agreement(old.path(), {graph::RemoveNode{node("tanh")}}, old.loads);
    expect_agreement(old.path(), {testing::insert(testing::out_of(view, "relu"), "Neg")}, old.loads);
    expect_agreement(old.path(),
                     {testing::insert(testing::out_of(view, "linear"), "Add", {},
                                      {std::nullopt, Tensor::of(std::vector<float>{1, 2, 3, 4}, {4})})},
                     old.loads);
  }
}

// PyTorch 2.5 and 2.6 would not know what to do with more.
TEST(OldArchive, AnAddedCallSaysNoMoreThanTheOthers) {
  constexpr float endless = std::numeric_limits<float>::infinity();
  for (const Old& old : all_old()) {
    SCOPED_TRACE(old.version);
    const graph::Graph view = lifted(*read(old.path())).graph;
    const Edit edit = testing::insert(testing::out_of(view, "linear"), "Clip", {},
                                      {std::nullopt, Tensor::scalar(0.f), Tensor::scalar(endless)});
    const auto patched = read(old.path())->patched({"torch", "", {{{edit}, "a test"}}});
    ASSERT_TRUE(patched.ok()) << patched.error().message;
    const fs::path written = scratch("patched.pt2");
    ASSERT_TRUE((*patched)->write(written).ok());
    const auto file = parse_file(read_file(written).value());
    const Json& nodes = graph_of(*file->document)["nodes"];
    std::set<std::string> keys;
    for (const Json& node : nodes) {
      std::string all;
      for (const auto& [key, value] : node.items()) all += key + " ";
      for (const auto& [key, value] : node["inputs"][0].items()) all += key + " ";
      keys.insert(all);
    }
    EXPECT_EQ(keys.size(), 1u) << ::testing::PrintToString(keys);
  }
}

// --- what nobody should have made ----------------------------------------------------------------

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

// old-2.5.pt2 in parts, of which a test changes one; a part without bytes is left out.
struct Parcel {
  std::vector<ZipEntry> outer, weights;

  Parcel() {
    outer = unzip(read_file(all_old()[0].path()).value(), "outer").value();
    weights = unzip(part(outer, "serialized_state_dict.pt").bytes, "inner").value();
  }
  static ZipEntry& part(std::vector<ZipEntry>& entries, const std::string& name) {
    for (ZipEntry& entry : entries)
      if (entry.name == name) return entry;
    return entries.emplace_back(ZipEntry{name, {}});
  }
  Parcel& inner(const std::string& name, const std::string& content) {
    part(weights, "archive/" + name).bytes = bytes_of(content);
    return *this;
  }
  std::string pickle() {
    const Bytes& bytes = part(weights, "archive/data.pkl").bytes;
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  Bytes bytes(bool packed = false) {
    std::erase_if(weights, [](const ZipEntry& entry) { return entry.bytes.empty(); });
    part(outer, "serialized_state_dict.pt").bytes = zip(weights, packed).value();
    std::erase_if(outer, [](const ZipEntry& entry) { return entry.bytes.empty(); });
    return zip(outer).value();
  }
};

Result<Lifted> lift_of(Bytes bytes) {
  FETAFIX_TRY(const auto model, torch_format().parse(std::move(bytes), {}));
  return model->lift();
}
std::string complaint(Bytes bytes, ErrorKind kind = ErrorKind::file) {
  const auto lifted = lift_of(std::move(bytes));
  EXPECT_FALSE(lifted.ok());
  if (lifted.ok()) return "";
  EXPECT_EQ(lifted.error().kind, kind) << lifted.error().message;
  return lifted.error().message;
}

TEST(HostileOldArchive, TheHonestOneLifts) {
  EXPECT_TRUE(lift_of(Parcel().bytes()).ok());
}

TEST(HostileOldArchive, ItsPickleIsCodeOrSomethingElse) {
  const auto says = [](const std::string& pickle, const std::string& words,
                       ErrorKind kind = ErrorKind::file) {
    expect_says(complaint(Parcel().inner("data.pkl", pickle).bytes(), kind), words);
  };
  says("cos\nsystem\n(X\4\0\0\0", "which is code", ErrorKind::unsupported);
  says("].", "holds a list, expected a dict of tensors");
  says("}K\1Ns.", "a name that is no text");
  says("}", "bytes are to follow");
  says("]q\1h\1a.", "contains itself");
  says(std::string(1, '\0'), "is not known", ErrorKind::unsupported);
}

TEST(HostileOldArchive, ItsArchiveIsNone) {
  expect_says(complaint(Parcel().inner("data.pkl", "").bytes()), "no 'data.pkl'");
  expect_says(complaint(Parcel().inner("byteorder", "big").bytes(), ErrorKind::unsupported), "byte order");
  expect_says(complaint(Parcel().inner("../x", "y").bytes()), "twice or outside");
  expect_says(complaint(Parcel().bytes(true)), "packed or damaged");
  Parcel other;
  Parcel::part(other.outer, "serialized_constants.pt").bytes = bytes_of("no archive");
  expect_says(complaint(other.bytes()), "not a readable zip archive");
  Parcel less;
  Parcel::part(less.outer, "serialized_constants.pt").bytes.clear();
  expect_says(complaint(less.bytes()), "no 'serialized_constants.pt'");
}

TEST(HostileOldArchive, ItIsOfAnotherVersion) {
  Parcel given;
  Json document = *parse_file(read_file(all_old()[0].path()).value())->document;
  document["schema_version"]["major"] = 6;
  Parcel::part(given.outer, "serialized_exported_program.json").bytes = bytes_of(dump_json(document));
  expect_says(complaint(given.bytes(), ErrorKind::unsupported), "schema version 6, expected 7 or 8");
}

// Whatever a byte of the pickle becomes: a view or a complaint.
TEST(HostileOldArchive, BytesOfThePickleAreOthers) {
  const std::string pickle = Parcel().pickle();
  for (size_t i = 0; i < pickle.size(); i += 7)
    for (char other : {'\0', '.', '\xff'}) {
      std::string damaged = pickle;
      damaged[i] = other;
      const auto lifted = lift_of(Parcel().inner("data.pkl", damaged).bytes());
      if (lifted.ok()) continue;
      EXPECT_TRUE(lifted.error().kind == ErrorKind::file || lifted.error().kind == ErrorKind::unsupported)
          << i << ": " << lifted.error().message;
    }
}

TEST(HostileOldArchive, StoragesAreMissingOrShort) {
  Parcel missing;
  missing.inner("data/0", "");
  const auto lifted = lift_of(missing.bytes());
  EXPECT_TRUE(!lifted.ok() || std::ranges::any_of(lifted->graph.nodes, &graph::Node::opaque));
  const auto shorter = lift_of(Parcel().inner("data/0", "abc").bytes());
  EXPECT_TRUE(!shorter.ok() || std::ranges::any_of(shorter->graph.nodes, &graph::Node::opaque));
}

}  // namespace
}  // namespace fetafix::formats::torch
