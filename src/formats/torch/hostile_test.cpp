// Files that nobody should have made: a clear error or a model, in bounded time and memory, never a crash.
#include "base/json.h"
#include "base/zip.h"
#include "formats/torch/lift.h"
#include "formats/torch/testing/models.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;

void expect_says(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text << " does not say: " << words;
}

Json tensor(const std::string& name) {
  return {{"as_tensor", {{"name", name}}}};
}

Json sizes(const Shape& numbers) {
  Json out = Json::array();
  for (int64_t number : numbers) out.push_back({{"as_int", number}});
  return out;
}

Json meta(const Shape& shape, const Shape& strides, int64_t offset = 0, int dtype = 7) {
  return {{"dtype", dtype},
          {"sizes", sizes(shape)},
          {"requires_grad", false},
          {"device", {{"type", "cpu"}, {"index", nullptr}}},
          {"strides", sizes(strides)},
          {"storage_offset", {{"as_int", offset}}},
          {"layout", 7}};
}

Json node(const std::string& target, const std::vector<std::pair<std::string, Json>>& inputs,
          const Json& outputs) {
  Json list = Json::array();
  for (const auto& [name, value] : inputs) list.push_back({{"name", name}, {"arg", value}, {"kind", 1}});
  return {{"target", "torch.ops." + target},
          {"inputs", list},
          {"outputs", outputs},
          {"metadata", Json::object()}};
}

// y = relu(x + w), of which a test damages one part.
struct Archive {
  Json document, weights, constants = {{"config", Json::object()}};
  std::vector<ZipEntry> others;
  Bytes content{24};

  Archive() {
    const Json values{{"x", meta({2, 3}, {3, 1})},
                      {"w", meta({2, 3}, {3, 1})},
                      {"a", meta({2, 3}, {3, 1})},
                      {"y", meta({2, 3}, {3, 1})}};
    const Json nodes = Json::array(
        {node("aten.add.Tensor", {{"self", tensor("x")}, {"other", tensor("w")}}, Json::array({tensor("a")})),
         node("aten.relu.default", {{"self", tensor("a")}}, Json::array({tensor("y")}))});
    document["graph_module"]["graph"] = {{"inputs", Json::array({tensor("w"), tensor("x")})},
                                         {"outputs", Json::array({tensor("y")})},
                                         {"nodes", nodes},
                                         {"tensor_values", values}};
    document["graph_module"]["signature"] = {
        {"input_specs",
         Json::array({Json{{"parameter", {{"arg", {{"name", "w"}}}, {"parameter_name", "weight"}}}},
                      Json{{"user_input", {{"arg", tensor("x")}}}}})},
        {"output_specs", Json::array({Json{{"user_output", {{"arg", tensor("y")}}}}})}};
    document["schema_version"] = {{"major", 8}, {"minor", 20}};
    weights["config"]["weight"] = {{"path_name", "weight_0"},
                                   {"is_param", true},
                                   {"use_pickle", false},
                                   {"tensor_meta", meta({2, 3}, {3, 1})}};
  }

  Json& nodes() { return document["graph_module"]["graph"]["nodes"]; }
  Json& metas() { return document["graph_module"]["graph"]["tensor_values"]; }
  Json& weight_meta() { return weights["config"]["weight"]["tensor_meta"]; }

  std::vector<ZipEntry> entries() const {
    const auto bytes = [](const std::string& text) {
      const BytesView view = as_bytes(text);
      return Bytes(view.begin(), view.end());
    };
    std::vector<ZipEntry> out{{"m/data/weights/weight_0", content},
                              {"m/data/weights/model_weights_config.json", bytes(dump_json(weights))},
                              {"m/data/constants/model_constants_config.json", bytes(dump_json(constants))},
                              {"m/models/model.json", bytes(dump_json(document))},
                              {"m/byteorder", bytes("little")}};
    for (const ZipEntry& other : others) {
      const auto same = std::ranges::find(out, other.name, &ZipEntry::name);
      same == out.end() ? out.push_back(other) : static_cast<void>(same->bytes = other.bytes);
    }
    return out;
  }
  Archive& with(const std::string& name, const std::string& text) {
    const BytesView view = as_bytes(text);
    others.push_back({name, Bytes(view.begin(), view.end())});
    return *this;
  }
};

Result<Lifted> lift_of(Bytes bytes) {
  FETAFIX_TRY(const auto model, torch_format().parse(std::move(bytes), {}));
  return model->lift();
}
Result<Lifted> lift_of(const Archive& archive) {
  return lift_of(zip(archive.entries()).value());
}

// What reading or lifting says; of the file, never of us.
std::string complaint(const Result<Lifted>& lifted, ErrorKind kind = ErrorKind::file) {
  EXPECT_FALSE(lifted.ok());
  if (lifted.ok()) return "";
  EXPECT_EQ(lifted.error().kind, kind) << lifted.error().message;
  return lifted.error().message;
}
std::string complaint(const Archive& archive, ErrorKind kind = ErrorKind::file) {
  return complaint(lift_of(archive), kind);
}

// A model, or a complaint about the file.
void survives(const Result<Lifted>& lifted, const std::string& what = "") {
  if (lifted.ok()) {
    EXPECT_TRUE(graph::verify(lifted->graph).ok()) << what;
    return;
  }
  EXPECT_TRUE(lifted.error().kind == ErrorKind::file || lifted.error().kind == ErrorKind::unsupported)
      << what << ": " << lifted.error().message;
}

std::string notes_of(const Result<Lifted>& lifted) {
  std::string out = lifted.ok() ? "" : lifted.error().message;
  for (const std::string& note : lifted.ok() ? lifted->notes : std::vector<std::string>()) out += note + "\n";
  return out;
}

// --- archives ------------------------------------------------------------------------------------

TEST(HostileArchive, TheHonestOneLifts) {
  const auto lifted = lift_of(Archive());
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_EQ(notes_of(lifted), "");
}

TEST(HostileArchive, CutOrDamaged) {
  for (const char* name : {"edits.pt2", "recurrent.pt2"}) {
    const Bytes whole = read_file(testdata(name)).value();
    std::mt19937 random(1);
    for (size_t part = 0; part < 48; ++part) {
      Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * part / 48));
      const auto cut = lift_of(bytes);
      EXPECT_FALSE(cut.ok()) << "cut to " << bytes.size();
      survives(cut);
      bytes = whole;
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      survives(lift_of(bytes), "damaged");
    }
  }
}

TEST(HostileArchive, EntriesThatShouldNotBe) {
  expect_says(complaint(lift_of(zip(Archive().entries(), true).value())), "packed");
  auto twice = Archive().entries();
  twice.push_back(twice[3]);
  const auto made = zip(twice);
  if (made.ok()) expect_says(complaint(lift_of(*made)), "twice");
  expect_says(complaint(Archive().with("m/../../etc/x", "x")), "outside of the archive's folder");
  expect_says(complaint(Archive().with("/etc/x", "x")), "outside of the archive's folder");
  expect_says(complaint(Archive().with("m/models/other.json", "{}"), ErrorKind::unsupported),
              "holds 2 programs");
  expect_says(complaint(Archive().with("m/byteorder", "big"), ErrorKind::unsupported), "byte order");
  auto without = Archive().entries();
  without.erase(without.begin());
  expect_says(notes_of(lift_of(zip(without).value())), "no 'm/data/weights/weight_0' in the archive");
  without = Archive().entries();
  without.erase(without.begin() + 1);
  expect_says(complaint(lift_of(zip(without).value())), "model_weights_config.json' in the archive");
  survives(lift_of(Bytes{}));
}

// The archive twice over: two of each name in its directory.
TEST(HostileArchive, AMemberTwice) {
  Archive archive;
  archive.with("m/models/model.jsoX", dump_json(archive.document));
  Bytes bytes = zip(archive.entries()).value();
  const std::string from = "m/models/model.jsoX", to = "m/models/model.json";
  for (auto at = bytes.begin();;) {
    const BytesView wanted = as_bytes(from), put = as_bytes(to);
    at = std::search(at, bytes.end(), wanted.begin(), wanted.end());
    if (at == bytes.end()) break;
    std::ranges::copy(put, at);
  }
  expect_says(complaint(lift_of(bytes)), "twice");
}

TEST(HostileArchive, OtherFilesOfPyTorchSayWhatToDo) {
  const auto said = [](const fs::path& path) {
    const auto model = torch_format().read(path);
    EXPECT_FALSE(model.ok());
    if (model.ok()) return std::string();
    EXPECT_EQ(model.error().kind, ErrorKind::unsupported) << model.error().message;
    return model.error().message;
  };
  expect_says(said(programs("weights.pt")), "weights alone");
  expect_says(complaint(lift_of(zip({{"a/b", Bytes(2)}}).value())), "without an exported program");
}

// --- the JSON ------------------------------------------------------------------------------------

TEST(HostileJson, OfOtherKindsAndTooDeep) {
  for (const char* text :
       {"", "[]", "{}", "3", "null", "{\"graph_module\": 3}", "{\"schema_version\": 8}", "\xff\xfe"}) {
    survives(lift_of(Archive().with("m/models/model.json", text)), text);
    survives(lift_of(Archive().with("m/data/weights/model_weights_config.json", text)), text);
    EXPECT_FALSE(lift_of(Archive().with("m/models/model.json", text)).ok()) << text;
  }
  for (const char* open : {"[", "{\"a\":"})
    for (size_t depth : {size_t{5000}, size_t{2000000}}) {
      std::string deep;
      for (size_t i = 0; i < depth; ++i) deep += open;
      EXPECT_FALSE(lift_of(Archive().with("m/models/model.json", deep)).ok());
    }
}

TEST(HostileJson, OfAnotherVersion) {
  for (int64_t major : {-1, 1, 7, 9}) {
    Archive archive;
    archive.document["schema_version"]["major"] = major;
    expect_says(complaint(archive, ErrorKind::unsupported),
                "schema version " + std::to_string(major) + ", expected 8");
  }
}

// Every value of the document in turn becomes another one.
void each_place(Json& json, const std::function<void(Json&)>& visit, int depth = 0) {
  visit(json);
  if (depth < 12 && json.is_structured())
    for (Json& inner : json) each_place(inner, visit, depth + 1);
}

TEST(HostileJson, AnyPartOfAnotherKind) {
  for (const Json& other :
       {Json(nullptr), Json(-1), Json("text"), Json::array(), Json::object(), Json(INT64_MAX)}) {
    size_t places = 0;
    Archive counted;
    each_place(counted.document, [&](Json&) { ++places; });
    for (size_t place = 0; place < places; ++place) {
      Archive archive;
      size_t at = 0;
      Json* found = nullptr;
      each_place(archive.document, [&](Json& json) { found = at++ == place ? &json : found; });
      if (found) *found = other;
      survives(lift_of(archive), "place " + std::to_string(place) + " " + dump_json(other));
    }
    places = 0;
    each_place(counted.weights, [&](Json&) { ++places; });
    for (size_t place = 0; place < places; ++place) {
      Archive archive;
      size_t at = 0;
      Json* found = nullptr;
      each_place(archive.weights, [&](Json& json) { found = at++ == place ? &json : found; });
      if (found) *found = other;
      survives(lift_of(archive), "weights, place " + std::to_string(place) + " " + dump_json(other));
    }
  }
}

// --- programs ------------------------------------------------------------------------------------

TEST(HostileProgram, NamesThatNothingDefines) {
  Archive missing, cycle, twice, result, weight;
  missing.nodes()[1]["inputs"][0]["arg"] = tensor("nowhere");
  expect_says(notes_of(lift_of(missing)), "reads 'nowhere', which nothing before it computes");
  cycle.nodes()[0]["inputs"][1]["arg"] = tensor("y");
  expect_says(notes_of(lift_of(cycle)), "reads 'y', which nothing before it computes");
  twice.nodes()[1]["outputs"][0] = tensor("a");
  expect_says(complaint(twice), "'a' is computed twice");
  result.document["graph_module"]["signature"]["output_specs"][0]["user_output"]["arg"] = tensor("nowhere");
  expect_says(complaint(result), "returns 'nowhere'");
  weight.document["graph_module"]["signature"]["input_specs"][0]["parameter"]["parameter_name"] = "gone";
  expect_says(notes_of(lift_of(weight)), "'gone', which the program reads, is not in the archive");
}

TEST(HostileProgram, TensorsOutsideOfTheirStorage) {
  const std::vector<Json> metas{meta({2, 4}, {4, 1}),
                                meta({2, 3}, {4, 1}),
                                meta({2, 3}, {3, 1}, 1),
                                meta({2, 3}, {3, 1}, -1),
                                meta({2, 3}, {-3, 1}),
                                meta({2, 3}, {3, INT64_MAX}),
                                meta({2, 3}, {3, 1}, INT64_MAX),
                                meta({int64_t{1} << 62, 4}, {1, 1}),
                                meta({2, 3}, {3, 1}, 0, 8)};
  for (const Json& one : metas) {
    Archive archive;
    archive.weight_meta() = one;
    const auto lifted = lift_of(archive);
    survives(lifted, dump_json(one));
    EXPECT_NE(notes_of(lifted), "") << dump_json(one);
  }
  for (const Json& one : {meta({-2, 3}, {3, 1}), meta({2}, {3, 1}), meta(Shape(100, 1), Shape(100, 1))}) {
    Archive archive;
    archive.weight_meta() = one;
    EXPECT_NE(complaint(archive), "");
  }
}

// 4 bytes that are said to be terabytes.
TEST(HostileProgram, StridesOfNothing) {
  for (const Shape& shape :
       {Shape{1 << 20, 1 << 20}, Shape{1 << 30}, Shape{int64_t{1} << 40}, Shape{1 << 13, 1 << 13}}) {
    Archive archive;
    archive.weight_meta() = meta(shape, Shape(shape.size(), 0));
    const auto lifted = lift_of(archive);
    survives(lifted);
    EXPECT_NE(notes_of(lifted), "") << to_string(shape);
  }
}

TEST(HostileProgram, TypesThatAreNotKnown) {
  for (int code : {-1, 0, 9, 11, 14, 29, 1000}) {
    Archive archive;
    archive.weight_meta()["dtype"] = code;
    archive.metas()["w"]["dtype"] = code;
    expect_says(notes_of(lift_of(archive)), "of a type that is not known here");
  }
  Archive pickled;
  pickled.weights["config"]["weight"]["use_pickle"] = true;
  expect_says(notes_of(lift_of(pickled)), "is pickled");
}

TEST(HostileProgram, TextInTheNumbersPlace) {
  for (const char* name : {"stride", "padding", "dim"}) {
    Archive archive;
    archive.nodes()[0]["inputs"].push_back({{"name", name}, {"arg", {{"as_string", "text"}}}, {"kind", 2}});
    expect_says(notes_of(lift_of(archive)), "argument '" + std::string(name) + "' is text");
  }
}

std::string with_text(const Archive& archive, const std::string& part, const std::string& text) {
  std::string out = dump_json(archive.document);
  return out.replace(out.find(part), part.size(), text);
}

TEST(HostileProgram, LongChains) {
  Archive archive;
  archive.nodes() = "the nodes";
  constexpr int length = 5000;
  std::string nodes;
  for (int i = 0; i < length; ++i)
    nodes +=
        std::string(i == 0 ? "[" : ",") +
        R"({"target":"torch.ops.aten.neg.default","inputs":[{"name":"self","arg":{"as_tensor":{"name":")" +
        (i == 0 ? "x" : "n" + std::to_string(i - 1)) + R"("}}}],"outputs":[{"as_tensor":{"name":")" +
        (i == length - 1 ? "y" : "n" + std::to_string(i)) + R"("}}]})";
  archive.with("m/models/model.json", with_text(archive, "\"the nodes\"", nodes + "]"));
  survives(lift_of(archive));
}

// What an operator that is not known writes into its operand is followed like any other.
TEST(HostileProgram, UnknownOperatorsThatWrite) {
  Archive archive;
  archive.metas()["c"] = archive.metas()["d"] = archive.metas()["y"];
  archive.nodes() =
      Json::array({node("aten.neg.default", {{"self", tensor("x")}}, Json::array({tensor("c")})),
                   node("aten.no_such_thing_.default", {{"self", tensor("c")}}, Json::array({tensor("d")})),
                   node("aten.relu.default", {{"self", tensor("c")}}, Json::array({tensor("y")}))});
  const auto lifted = lift_of(archive);
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  ASSERT_EQ(lifted->graph.nodes.size(), 3u);
  EXPECT_TRUE(lifted->graph.node(1).opaque);
  EXPECT_EQ(lifted->graph.node(2).inputs[0], lifted->graph.node(1).outputs[0]);
}

// Operators of many results in a file of few bytes for each.
TEST(HostileProgram, ManyResults) {
  std::string list;
  for (int i = 0; i < 6000; ++i)
    list += std::string(i == 0 ? "[" : ",") + "{\"name\":\"r" + std::to_string(i) + "\"}";
  for (const char* target : {"aten.unbind.int", "aten.no_such_thing.default"}) {
    Archive archive;
    archive.nodes().push_back(
        node(target, {{"self", tensor("y")}}, Json::array({Json{{"as_tensors", "the list"}}})));
    Archive made;
    made.with("m/models/model.json", with_text(archive, "\"the list\"", list + "]"));
    survives(lift_of(made));
  }
}

// What a small file asks for in sum: constants of 4 MB each.
TEST(HostileProgram, MemoryThatTheFileDoesNotHold) {
  Archive archive;
  archive.nodes() = Json::array();
  for (int i = 0; i < 2000; ++i) archive.metas()["n" + std::to_string(i)] = meta({1}, {1});
  for (int i = 0; i < 2000; ++i)
    archive.nodes().push_back(node("aten.arange.default", {{"end", Json{{"as_int", (1 << 20) - i}}}},
                                   Json::array({tensor(i == 1999 ? "y" : "n" + std::to_string(i))})));
  expect_says(complaint(archive), "would not fit in memory");
}

TEST(HostileProgram, OperatorsWithoutOperandsOrWithOddOnes) {
  const std::vector<Json> odd{tensor("x"),
                              {{"as_none", true}},
                              {{"as_int", -1}},
                              {{"as_int", INT64_MAX}},
                              {{"as_int", INT64_MIN}},
                              {{"as_float", "NaN"}},
                              {{"as_string", "->,,"}},
                              {{"as_bool", true}},
                              {{"as_ints", Json::array({0, -1, INT64_MAX, INT64_MIN})}},
                              {{"as_ints", Json::array()}},
                              {{"as_tensors", Json::array({Json{{"name", "x"}}, Json{{"name", "w"}}})}},
                              {{"as_sym_ints", Json::array({Json{{"as_name", "x"}}, Json{{"as_int", 0}}})}}};
  const char* names[]{"self",
                      "input",
                      "other",
                      "weight",
                      "bias",
                      "dim",
                      "dims",
                      "size",
                      "shape",
                      "pad",
                      "padding",
                      "stride",
                      "dilation",
                      "kernel_size",
                      "output_size",
                      "scale_factors",
                      "tensors",
                      "params",
                      "hx",
                      "num_layers",
                      "indices",
                      "index",
                      "start",
                      "end",
                      "step",
                      "k",
                      "repeats",
                      "split_size",
                      "chunks",
                      "groups",
                      "num_groups",
                      "normalized_shape",
                      "running_mean",
                      "running_var",
                      "query",
                      "key",
                      "value",
                      "shifts",
                      "equation",
                      "upscale_factor",
                      "downscale_factor",
                      "a",
                      "b",
                      "condition",
                      "mask",
                      "exponent"};
  // Every kind of operand for every operator; with sanitizers, which take ten times as long, in turns.
#ifdef FETAFIX_SANITIZE
  constexpr size_t turns = 6;
#else
  constexpr size_t turns = 1;
#endif
  size_t turn = 0;
  for (const LiftRule& rule : lift_rules())
    for (size_t kind = 0; kind <= odd.size(); ++kind) {
      if (++turn % turns != 0) continue;
      Archive archive;
      std::vector<std::pair<std::string, Json>> inputs;
      for (size_t i = 0; kind > 0 && i < std::size(names); ++i)
        inputs.emplace_back(names[i],
                            i == 0 || std::string(names[i]) == "input" ? tensor("x") : odd[kind - 1]);
      archive.nodes()[0] = node(rule.target, inputs, Json::array({tensor("a")}));
      survives(lift_of(archive), std::string(rule.target) + " " + std::to_string(kind));
    }
}

}  // namespace
}  // namespace fetafix::formats::torch
