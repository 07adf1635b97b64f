// Files that PyTorch refuses: each broken in one way, found, and mended so that it runs.
#include "formats/torch/sound.h"

#include "base/python_json.h"
#include "formats/torch/editor.h"
#include "formats/torch/testing/patches.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;

// A file taken apart, to be broken and put together again.
struct Parted {
  File file = parse_file(read_file(testdata("edits.pt2")).value()).value();
  Json document = *file.document;
  Json weights = *file.tables.at(Table::weights);
  std::vector<ZipEntry> entries;  // in the place of the file's own

  Json& node(const std::string& name) {
    for (Json& one : document["graph_module"]["graph"]["nodes"])
      if (one["name"] == name) return one;
    ADD_FAILURE() << "no node '" << name << "'";
    return document;
  }
  Json& argument(const std::string& name, const std::string& argument) {
    for (Json& one : node(name)["inputs"])
      if (one["name"] == argument) return one["arg"];
    ADD_FAILURE() << "'" << name << "' has no '" << argument << "'";
    return document;
  }
  Json& stem() { return weights["config"]["stem.weight"]; }
  void replace(const std::string& name, const std::string& text) {
    const BytesView view = as_bytes(text);
    entries.push_back({name, Bytes(view.begin(), view.end())});
  }
  Bytes bytes() {
    replace(file.program_entry, python_json(document));
    replace(file.table_entries.at(Table::weights), python_json(weights));
    return rezip(*file.bytes, entries, "archive", {}).value();
  }
};

struct Broken {
  const char* name;
  void (*change)(Parted& parts);
  const char* pattern;
  const char* says;
};

const Broken kinds[]{
    {"a weight that is in no entry", [](Parted& p) { p.stem()["path_name"] = "weight_of_none"; },
     "missing-tensor", "no 'edits/data/weights/weight_of_none' in the archive"},
    {"a weight that is cut off",
     [](Parted& p) { p.replace(p.file.stored.at(Table::weights).at("stem.weight").entry, "abcd"); },
     "missing-tensor", "holds 4 bytes, too few"},
    {"a weight that the table does not name", [](Parted& p) { p.weights["config"].erase("stem.weight"); },
     "missing-tensor", "the archive's table does not name it"},
    {"sizes that are not stored",
     [](Parted& p) {
       p.stem()["tensor_meta"]["sizes"][0] = {{"as_int", 4000}};
     },
     "tensor-shape", "the archive's table says"},
    {"a type that is not known", [](Parted& p) { p.stem()["tensor_meta"]["dtype"] = 99; }, "tensor-shape",
     "the archive's table says"},
    {"an operand that nothing computes",
     [](Parted& p) { p.argument("conv2d_1", "input") = as_tensor("nowhere"); }, "dangling-operand",
     "reads 'nowhere', which nothing computes"},
    {"an operand that is computed later",
     [](Parted& p) { p.argument("conv2d_1", "input") = as_tensor("linear_1"); }, "cycle",
     "reads 'linear_1', which is computed after it"},
    {"an operand that is left out", [](Parted& p) { p.node("conv2d_1")["inputs"].erase(0); },
     "dangling-operand", "its operand 'input' is absent"},
    {"another result than the signature's",
     [](Parted& p) { p.document["graph_module"]["graph"]["outputs"][0] = as_tensor("nowhere"); },
     "missing-output", "name different values"},
    {"a module that is called after fused operators",
     [](Parted& p) {
       p.node("conv2d_1")["metadata"]["nn_module_stack"] = "L__self__,,Net;L__self___a;b,a;b,torch.nn.Conv2d";
     },
     "unreadable-note", "what 1 operators note"},
    {"a comma in a module's name",
     [](Parted& p) {
       p.node("conv2d_1")["metadata"]["nn_module_stack"] = "L__self___a,b,a,b,torch.nn.Conv2d";
     },
     "unreadable-note", "what 1 operators note"},
};

TEST(Sound, RightFilesHaveNoDefect) {
  for (const auto& entry : fs::directory_iterator(FETAFIX_TORCH_TESTDATA)) {
    if (entry.path().extension() != ".pt2") continue;
    const auto file = parse_file(read_file(entry.path()).value());
    ASSERT_TRUE(file.ok()) << entry.path();
    EXPECT_TRUE(defects_of(*file).empty()) << entry.path();
  }
}

TEST(Sound, WhatIsBrokenIsFoundAndMended) {
  for (const Broken& kind : kinds) {
    SCOPED_TRACE(kind.name);
    Parted parts;
    kind.change(parts);
    const auto file = parse_file(parts.bytes());
    ASSERT_TRUE(file.ok()) << file.error().message;
    const auto defects = defects_of(*file);
    ASSERT_EQ(defects.size(), 1u);
    EXPECT_EQ(defects[0].pattern, kind.pattern);
    EXPECT_NE(defects[0].explanation.find(kind.says), std::string::npos) << defects[0].explanation;
    const auto mended = patch_file(*file, {"torch", "", {{defects[0].ways[0], "a test"}}});
    ASSERT_TRUE(mended.ok()) << mended.error().message;
    const auto whole = parse_file(*mended);
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    EXPECT_TRUE(defects_of(*whole).empty());
#ifndef FETAFIX_SANITIZE  // PyTorch is not what is looked at
    const fs::path written = scratch("mended.pt2");
    ASSERT_TRUE(write_file(written, *mended).ok());
    const auto run = run_natively(written, inputs_of(lift_file(*whole)->lifted.graph));
    EXPECT_TRUE(run.ok()) << run.error().message;
#endif
  }
}

// What the source says of a weight comes behind the zeros that let the file be read.
TEST(Sound, AStopgapAndWhatBelongsThereAreOnePatch) {
  Parted parts;
  const Tensor right = parts.file.read(parts.file.stored.at(Table::weights).at("stem.weight")).value();
  parts.weights["config"].erase("stem.weight");
  const auto file = parse_file(parts.bytes());
  auto edits = defects_of(*file).at(0).ways[0];
  auto second = std::get<graph::SetTensor>(edits[0]);
  second.value = right;
  edits.push_back(second);
  const auto mended = parse_file(patch_file(*file, {"torch", "", {{edits, "a test"}}}).value());
  EXPECT_TRUE(mended->read(mended->stored.at(Table::weights).at("stem.weight"))->identical(right));
}

TEST(Sound, WeightsOfAnotherPrecisionThanWhatTheyAreAppliedTo) {
  Parted parts;
  const auto& stored = parts.file.stored.at(Table::weights).at("stem.weight");
  const Tensor wide = cast(parts.file.read(stored).value(), DType::float64).value();
  parts.entries.push_back({stored.entry, Bytes(wide.bytes().begin(), wide.bytes().end())});
  parts.stem()["tensor_meta"]["dtype"] = dtype_code(DType::float64);
  const auto defects = defects_of(parse_file(parts.bytes()).value());
  ASSERT_EQ(defects.size(), 1u);
  EXPECT_EQ(defects[0].pattern, "tensor-type");
  EXPECT_EQ(std::get<graph::SetTensor>(defects[0].ways[0][0]).value.dtype(), DType::float32);
}

}  // namespace
}  // namespace fetafix::formats::torch
