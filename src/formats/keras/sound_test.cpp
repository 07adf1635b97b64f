// Files that Keras refuses: each broken in one way, found, and mended to what it was.
#include "formats/keras/sound.h"

#include "formats/keras/testing/patches.h"
#include "graph/file_setting.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;

// Of the archives and .h5 files of both generations.
const char* const all_nets[]{"activation_2", "activation_3", "attention_2",  "attention_3",  "chain_2",
                             "chain_3",      "conv_2",       "conv_3",       "dense_2",      "dense_3",
                             "edits_2",      "edits_2h",     "edits_3",      "edits_3h",     "functions_2",
                             "functions_3",  "masked_2",     "masked_3",     "merge_2",      "merge_3",
                             "normalize_2",  "normalize_3",  "open_2",       "open_3",       "pool_2",
                             "pool_3",       "recurrent_2",  "recurrent_2h", "recurrent_3",  "recurrent_3h",
                             "shape_2",      "shape_3",      "structure_2",  "structure_2h", "structure_3",
                             "structure_3h", "chain_2h",     "chain_3h",     "attention_2h", "attention_3h"};

Json& layer(Json& config, const std::string& name) {
  for (Json& entry : config["config"]["layers"])
    if (name_of(entry) == name) return entry;
  ADD_FAILURE() << "no layer '" << name << "'";
  return config;
}

// The first tensor that a layer is called with, as [layer, call, output].
Json& read_by(Json& json) {
  if (as_reference(json)) return json;
  for (Json& item : json)
    if (item.is_structured()) {
      Json& found = read_by(item);
      if (!found.is_null()) return found;
    }
  static Json none;
  return none = nullptr;
}

struct Broken {
  const char* name;
  void (*change)(Json& config);
  const char* pattern;
};

const Broken kinds[]{
    {"an unknown class", [](Json& c) { layer(c, "conv")["class_name"] = "Planted"; }, "unknown-layer"},
    {"a misspelled class", [](Json& c) { layer(c, "pool")["class_name"] = "MaxPooling2d"; }, "unknown-layer"},
    {"an unknown class of the model", [](Json& c) { c["class_name"] = "Functionall"; }, "unknown-layer"},
    {"a setting too many", [](Json& c) { layer(c, "a")["config"]["planted"] = 2; }, "unknown-setting"},
    {"a misspelled setting",
     [](Json& c) {
       Json& config = layer(c, "a")["config"];
       config["unitss"] = config["units"];
       config.erase("units");
     },
     "unknown-setting"},
    {"a setting that it can't do without", [](Json& c) { layer(c, "conv")["config"].erase("filters"); },
     "missing-setting"},
    {"an unknown function", [](Json& c) { layer(c, "a")["config"]["activation"] = "relo"; }, "unknown-name"},
    {"an unknown initializer",
     [](Json& c) {
       Json& one = layer(c, "conv")["config"]["kernel_initializer"];
       if (one.is_object()) one["class_name"] = "GlorotUnifrm";
     },
     "unknown-name"},
    {"an impossible number", [](Json& c) { layer(c, "a")["config"]["units"] = -4; }, "impossible-setting"},
    {"an impossible window",
     [](Json& c) {
       layer(c, "conv")["config"]["kernel_size"] = {0, 0};
     },
     "impossible-setting"},
    {"an impossible word", [](Json& c) { layer(c, "conv")["config"]["padding"] = "sam"; },
     "impossible-setting"},
    {"an axis out of range", [](Json& c) { layer(c, "join")["config"]["axis"] = 9; }, "impossible-setting"},
    {"other sizes than the weights have", [](Json& c) { layer(c, "a")["config"]["units"] = 5; },
     "weights-shape"},
    {"a tensor of no layer", [](Json& c) { read_by(layer(c, "act")["inbound_nodes"])[0] = "no_such"; },
     "missing-tensor"},
    {"an output that a layer does not have",
     [](Json& c) { read_by(layer(c, "act")["inbound_nodes"])[2] = 7; }, "missing-tensor"},
    {"a circle", [](Json& c) { read_by(layer(c, "norm")["inbound_nodes"])[0] = "deep"; }, "circle"},
    {"an output of no layer", [](Json& c) { c["config"]["output_layers"][0][0] = "no_such"; },
     "missing-output"},
    {"an input of no layer", [](Json& c) { c["config"]["input_layers"][0][0] = "no_such"; }, "missing-input"},
    {"a name that is there twice",
     [](Json& c) {
       Json& entry = layer(c, "norm");
       entry["name"] = entry["config"]["name"] = "conv";
     },
     "duplicate-name"},
    {"an input that is no shape",
     [](Json& c) {
       Json& config = c["config"]["layers"][0]["config"];
       config[config.contains("batch_shape") ? "batch_shape" : "batch_input_shape"] = "planted";
     },
     "input-shape"},
};

class Sound : public ::testing::TestWithParam<std::string> {};

// Mends all that is found, each in its first way.
Bytes mended(const Bytes& broken, const graph::Graph& source, std::set<std::string>& patterns) {
  auto model = read_bytes(broken);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  if (!model.ok()) return {};
  graph::Patch patch;
  for (const Defect& defect : (*model)->defects(source)) {
    if (defect.only_if_it_loads) continue;
    patterns.insert(defect.pattern);
    patch.groups.push_back({defect.ways.at(0), defect.explanation});
  }
  auto patched = (*model)->patched(patch);
  EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
  return patched.ok() ? written(**patched) : Bytes();
}

TEST_P(Sound, WhatIsBrokenBecomesWhatItWas) {
  const Net given = net(GetParam());
  const graph::Graph right = lifted(given.model).graph;
  const auto file = parse_file(given.model, Origin::ours);
  ASSERT_TRUE(file.ok());
  for (const Broken& kind : kinds) {
    SCOPED_TRACE(kind.name);
    Json config = file->config;
    kind.change(config);
    if (config == file->config) continue;  // this generation writes it otherwise
    const auto broken = with_parts(*file, &config, nullptr);
    ASSERT_TRUE(broken.ok());
    std::set<std::string> patterns;
    const Bytes after = mended(*broken, right, patterns);
    EXPECT_TRUE(patterns.contains(kind.pattern)) << (patterns.empty() ? "nothing" : *patterns.begin());
    if (after.empty()) continue;
    const auto again = read_bytes(after);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE((*again)->lift().ok());
  }
}

// What the file says itself leads back to where it was.
TEST_P(Sound, WhatTheFileSaysItselfIsPutBack) {
  const Net given = net(GetParam());
  const graph::Graph right = lifted(given.model).graph;
  const auto file = parse_file(given.model, Origin::ours);
  ASSERT_TRUE(file.ok());
  static const std::set<std::string> exact{"an unknown class",
                                           "a misspelled class",
                                           "a setting too many",
                                           "a misspelled setting",
                                           "an unknown function",
                                           "an impossible number",
                                           "an impossible word",
                                           "an axis out of range",
                                           "other sizes than the weights have",
                                           "an output that a layer does not have",
                                           "an input of no layer",
                                           "a name that is there twice"};
  for (const Broken& kind : kinds) {
    if (!exact.contains(kind.name)) continue;
    SCOPED_TRACE(kind.name);
    Json config = file->config;
    kind.change(config);
    const auto broken = with_parts(*file, &config, nullptr);
    ASSERT_TRUE(broken.ok());
    std::set<std::string> patterns;
    const auto after = parse_file(mended(*broken, right, patterns), Origin::ours);
    ASSERT_TRUE(after.ok());
    // The order of settings means nothing.
    EXPECT_EQ(nlohmann::json::parse(after->config.dump()), nlohmann::json::parse(file->config.dump()));
  }
}

TEST_P(Sound, MissingAndMisfitWeights) {
  const Net given = net(GetParam());
  const graph::Graph right = lifted(given.model).graph;
  const auto file = parse_file(given.model, Origin::ours);
  ASSERT_TRUE(file.ok());
  const auto tree = parse_tree(*file);
  ASSERT_TRUE(tree.ok());
  for (const char* name : {"conv", "a", "norm", "gru", "both"})
    for (const int weight : tree->model.find(name)->weights)
      for (const bool lost : {true, false}) {
        SCOPED_TRACE(tree->weights[static_cast<size_t>(weight)].path + (lost ? " lost" : " cut"));
        auto store = Store::open_for_writing(file->weights.view);
        ASSERT_TRUE(store.ok());
        const std::string& path = tree->weights[static_cast<size_t>(weight)].path;
        ASSERT_TRUE(
            (lost ? store->remove(path) : store->write(path, *Tensor::zeros(DType::float32, {1, 7}))).ok());
        const auto image = store->image();
        ASSERT_TRUE(image.ok());
        const auto broken = with_parts(*file, nullptr, &*image);
        ASSERT_TRUE(broken.ok());
        std::set<std::string> patterns;
        const Bytes after = mended(*broken, right, patterns);
        EXPECT_TRUE(patterns.contains(lost ? "missing-weight" : "weights-shape"));
        if (after.empty()) continue;
        const auto now = parse_file(after, Origin::ours);
        ASSERT_TRUE(now.ok());
        const Dataset* put = now->store->find(path);
        ASSERT_TRUE(put);
        EXPECT_EQ(put->shape, tree->weights[static_cast<size_t>(weight)].shape);
        EXPECT_TRUE(read_bytes(after).ok() && (*read_bytes(after))->lift().ok());
      }
}

INSTANTIATE_TEST_SUITE_P(Nets, Sound, ::testing::ValuesIn(some_of_each("edits_")));

TEST(SoundFiles, ARightFileHasNoDefect) {
  for (const char* name : all_nets) {
    const Net given = net(name);
    auto model = read_bytes(given.model);
    ASSERT_TRUE(model.ok());
    for (const Defect& defect : (*model)->defects(lifted(**model).graph))
      EXPECT_TRUE(defect.only_if_it_loads) << name << ": " << defect.explanation;
  }
}

TEST(SoundFiles, AnEditOfAPlaceWantsWhatStandsThere) {
  const Net given = net("edits_3");
  auto model = read_bytes(given.model);
  ASSERT_TRUE(model.ok());
  const auto patched = [&](const graph::FileSetting& setting) {
    graph::Patch patch;
    patch.groups.push_back({{graph::to_edit(setting)}, ""});
    return (*model)->patched(patch);
  };
  EXPECT_TRUE(patched({"/config/name", "\"edits_3\"", "\"other\""}).ok());
  EXPECT_FALSE(patched({"/config/name", "\"edits\"", "\"other\""}).ok());
  EXPECT_FALSE(patched({"/config/nothing/at", "", "1"}).ok());
  EXPECT_FALSE(patched({"/config/name", "\"edits_3\"", "{"}).ok());
  EXPECT_FALSE(patched({"no pointer", "", "1"}).ok());
}

}  // namespace
}  // namespace fetafix::formats::keras
