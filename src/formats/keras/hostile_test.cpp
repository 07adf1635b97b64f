// Files that are wrong in one way each: a clear error, and nothing that grows beyond what the file holds.
#include <unistd.h>

#include <algorithm>

#include "formats/keras/testing/files.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;

const std::string honest = small_config().dump();

Bytes with_weights(const std::function<void(hid_t)>& fill) {
  return archive(honest, hdf5(fill));
}

std::string with(const std::function<void(Json&)>& change) {
  Json config = small_config();
  change(config);
  return config.dump();
}

Json& layers(Json& config) {
  return config["config"]["layers"];
}

Json reference(const char* layer, int64_t node = 0, int64_t tensor = 0) {
  return Json::array({layer, node, tensor});
}

Json tensor(const Json& history) {
  return {{"class_name", "__keras_tensor__"}, {"config", {{"keras_history", history}}}};
}

// Replaces a name in an archive's own records by another of the same length.
Bytes renamed(Bytes bytes, const std::string& from, const std::string& to) {
  const auto word = as_bytes(from);
  for (auto at = bytes.begin();;) {
    at = std::search(at, bytes.end(), word.begin(), word.end());
    if (at == bytes.end()) return bytes;
    std::memcpy(&*at, to.data(), to.size());
  }
}

// Sets a byte of each record, counted from its signature.
Bytes flagged(Bytes bytes, size_t local, size_t central, std::byte value) {
  for (size_t i = 0; i + 4 <= bytes.size(); ++i) {
    if (std::memcmp(&bytes[i], "PK\x03\x04", 4) == 0) bytes[i + local] = value;
    if (std::memcmp(&bytes[i], "PK\x01\x02", 4) == 0) bytes[i + central] = value;
  }
  return bytes;
}

TEST(Hostile, TheHonestFileIsRead) {
  EXPECT_EQ(complaint(archive(honest)), "");
  EXPECT_EQ(notes(archive(honest)), "");
}

// --- archives ---------------------------------------------------------------------------------------------

TEST(Hostile, Archives) {
  const Bytes good = archive(honest);
  expect_complaint({}, "HDF5");
  expect_complaint(bytes_of("PK\x03\x04 nothing"), "not a readable zip archive");
  expect_complaint(*zip({{"a.txt", bytes_of("a")}}), "no 'config.json' in the archive");
  expect_complaint(*zip({{"config.json", bytes_of(honest)}}), "no 'metadata.json'");
  expect_complaint(*zip({{"config.json", bytes_of(honest)}, {"metadata.json", bytes_of("{}")}}),
                   "no 'model.weights.h5'");
  expect_complaint(renamed(good, "metadata.json", "../adata.json"), "outside");
  expect_complaint(renamed(good, "config.json", "/etc/passwd"), "outside");
  const auto two = zip({{"configxjson", bytes_of("{}")},
                        {"config.json", bytes_of(honest)},
                        {"metadata.json", bytes_of("{}")},
                        {"model.weights.h5", small_weights()}});
  expect_complaint(renamed(*two, "configxjson", "config.json"), "twice");
  expect_complaint(flagged(good, 6, 8, std::byte{1}), "'");  // encrypted
  expect_complaint(renamed(good, "\"class_name\": \"D", "\"class_name\": \"E"), "");
  Bytes damaged = good;
  const std::string key = "\"units\"";
  const auto word = as_bytes(key);
  *std::search(damaged.begin(), damaged.end(), word.begin(), word.end()) = std::byte{'\''};
  expect_complaint(damaged, "damaged");  // its check sum
  for (size_t size = 0; size < good.size(); size += 7)
    EXPECT_NE(complaint({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), "");
}

TEST(Hostile, WhatUnpacksToFarMoreIsNotTaken) {
  const auto bomb = [](const std::string& name, size_t size) {
    std::vector<ZipEntry> parts{{"config.json", bytes_of(honest)},
                                {"metadata.json", bytes_of("{}")},
                                {"model.weights.h5", small_weights()}};
    for (ZipEntry& part : parts)
      if (part.name == name) part.bytes.resize(part.bytes.size() + size, std::byte{' '});
    auto packed = zip(parts, true);
    EXPECT_TRUE(packed.ok());
    return packed.ok() ? *packed : Bytes();
  };
  EXPECT_EQ(complaint(bomb("config.json", 1 << 20)), "");
  expect_complaint(bomb("config.json", 200 << 20), "unpacks to more than is taken");
  expect_complaint(bomb("model.weights.h5", 200 << 20), "unpacks to more than is taken");
  // What is not read costs nothing.
  std::vector<ZipEntry> parts{{"config.json", bytes_of(honest)},
                              {"metadata.json", bytes_of("{}")},
                              {"model.weights.h5", small_weights()},
                              {"assets/much", Bytes(200 << 20)}};
  EXPECT_EQ(complaint(*zip(parts, true)), "");
}

// --- HDF5 -------------------------------------------------------------------------------------------------

TEST(Hostile, Links) {
  expect_complaint(with_weights([](hid_t file) {
                     H5Lcreate_external("/etc/passwd", "/", file, "out", H5P_DEFAULT, H5P_DEFAULT);
                   }),
                   "'out' is a link to somewhere else");
  expect_complaint(with_weights([](hid_t file) {
                     add_group(file, "a");
                     H5Lcreate_soft("/a", file, "a/b", H5P_DEFAULT, H5P_DEFAULT);
                   }),
                   "'a/b' is a link to somewhere else");
  expect_complaint(with_weights([](hid_t file) {
                     add_group(file, "a/b");
                     H5Lcreate_hard(file, "a", file, "a/b/c", H5P_DEFAULT, H5P_DEFAULT);
                   }),
                   "in the file under two names");
  expect_complaint(with_weights([](hid_t file) {
                     add_dataset(file, "a", {2});
                     H5Lcreate_hard(file, "a", file, "b", H5P_DEFAULT, H5P_DEFAULT);
                   }),
                   "in the file under two names");
  expect_complaint(with_weights([](hid_t file) {
                     std::string path = "g";
                     for (int i = 0; i < 60; ++i) path += "/g";
                     add_group(file, path.c_str());
                   }),
                   "deep");
}

struct Layout {
  hid_t id = H5Pcreate(H5P_DATASET_CREATE);
  ~Layout() { H5Pclose(id); }
};

TEST(Hostile, DataSomewhereElse) {
  expect_complaint(with_weights([](hid_t file) {
                     const Layout layout;
                     H5Pset_external(layout.id, "/etc/passwd", 0, 24);
                     add_dataset(file, "w", {6}, {.layout = layout.id, .filled = false});
                   }),
                   "keeps its data in another file");
  expect_complaint(with_weights([](hid_t file) {
                     const Layout layout;
                     const hsize_t size = 6;
                     const hid_t space = H5Screate_simple(1, &size, nullptr);
                     H5Pset_virtual(layout.id, space, "other.h5", "w", space);
                     add_dataset(file, "w", {6}, {.layout = layout.id, .filled = false});
                     H5Sclose(space);
                   }),
                   "keeps its data in another file");
}

TEST(Hostile, Sizes) {
  const auto chunked = [](std::vector<hsize_t> shape, std::vector<hsize_t> chunk, std::vector<hsize_t> most,
                          bool filled) {
    return with_weights([&](hid_t file) {
      const Layout layout;
      H5Pset_chunk(layout.id, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_deflate(layout.id, 9);
      add_dataset(file, "layers/dense/vars/0", shape, {.layout = layout.id, .most = most, .filled = filled});
      add_dataset(file, "layers/dense/vars/1", {2});
    });
  };
  EXPECT_EQ(complaint(chunked({3, 2}, {3, 2}, {}, true)), "");
  EXPECT_EQ(complaint(chunked({3, 2}, {2, 1}, {}, true)), "");
  const hsize_t much = hsize_t{1} << 40;
  expect_complaint(chunked({much, 2}, {3, 2}, {}, false), "says that it has shape");
  expect_complaint(chunked({3, 2}, {1 << 13, 1 << 14}, {H5S_UNLIMITED, H5S_UNLIMITED}, false),
                   "says that it has");
  // A chunk is made whole in memory, whatever of it is used.
  expect_complaint(chunked({3, 2}, {1 << 12, 1 << 13}, {H5S_UNLIMITED, H5S_UNLIMITED}, true), "pieces");
  expect_complaint(with_weights([&](hid_t file) {
                     add_dataset(file, "w", {much, much}, {.filled = false});
                   }),
                   "says that it has shape");
  expect_complaint(with_weights([](hid_t file) {
                     const Layout layout;
                     const hsize_t chunk = 6;
                     H5Pset_chunk(layout.id, 1, &chunk);
                     H5Pset_scaleoffset(layout.id, H5Z_SO_INT, 0);
                     add_dataset(file, "w", {6}, {.type = H5T_STD_I32LE, .layout = layout.id});
                   }),
                   "packed in a way");
}

TEST(Hostile, MissingAndForeignData) {
  const auto kernel = [](hid_t type) {
    return with_weights([type](hid_t file) {
      add_dataset(file, "layers/dense/vars/0", {3, 2}, {.type = type});
      add_dataset(file, "layers/dense/vars/1", {2});
    });
  };
  EXPECT_NE(notes(with_weights([](hid_t file) {
              add_group(file, "layers/dense/vars");
            })).find("weight 0 is not in the file"),
            std::string::npos);
  EXPECT_NE(notes(with_weights([](hid_t file) {
              add_dataset(file, "layers/dense/vars/0", {3, 2});
            })).find("weight 1"),
            std::string::npos);
  expect_complaint(kernel(H5T_IEEE_F32BE), "of a type that no weight has");
  const hid_t text = H5Tcopy(H5T_C_S1), pair = H5Tcreate(H5T_COMPOUND, 8), strange = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_size(text, 4);
  H5Tinsert(pair, "a", 0, H5T_STD_I32LE);
  H5Tinsert(pair, "b", 4, H5T_STD_I32LE);
  H5Tset_fields(strange, 31, 20, 11, 0, 20);
  for (hid_t type : {text, pair, strange}) {
    expect_complaint(kernel(type), "of a type that no weight has");
    H5Tclose(type);
  }
  // What no layer asks for may be of any type.
  EXPECT_EQ(complaint(with_weights([](hid_t file) {
              add_dataset(file, "layers/dense/vars/0", {3, 2});
              add_dataset(file, "layers/dense/vars/1", {2});
              add_dataset(file, "optimizer/vars/0", {}, {.type = H5T_STD_I64BE});
            })),
            "");
}

TEST(Hostile, OldFiles) {
  expect_complaint(hdf5([](hid_t) {}), "an HDF5 file without a Keras model");
  expect_complaint(hdf5([](hid_t file) { add_text(file, "/", "layer_names", "d"); }), "weights alone");
  const auto configured = [](
                              const std::string& config,
                              const std::function<void(hid_t)>& more = [](hid_t) {}) {
    return hdf5([&](hid_t file) {
      add_text(file, "/", "model_config", config);
      more(file);
    });
  };
  expect_complaint(configured("{"), "model_config: not valid JSON");
  expect_complaint(configured(""), "model_config: not valid JSON");
  // An attribute of another type is none.
  expect_complaint(
      hdf5([](hid_t file) {
        const hid_t space = H5Screate(H5S_SCALAR);
        H5Aclose(H5Acreate2(file, "model_config", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
      }),
      "without a Keras model");
  Json old = small_config();
  for (Json& entry : layers(old)) entry.erase("module");
  layers(old)[1]["inbound_nodes"] = Json::array({Json::array({Json::array({"x", 0, 0, Json::object()})})});
  const auto listed = [&](const std::string& name) {
    return configured(old.dump(), [&](hid_t file) {
      add_group(file, "model_weights/d");
      add_text(file, "model_weights/d", "weight_names", name);
    });
  };
  expect_complaint(listed("d/kernel:0"), "weight 'd/kernel:0' of layer 'd' is not in the file");
  expect_complaint(listed("../../etc"), "is not in the file");
}

// --- configurations ---------------------------------------------------------------------------------------

TEST(Hostile, TextsThatAreNoConfiguration) {
  expect_complaint(archive(""), "config.json: not valid JSON");
  expect_complaint(archive("{\"a\": }"), "config.json: not valid JSON");
  expect_complaint(archive(std::string(100000, '[') + std::string(100000, ']')), "levels deep");
  expect_complaint(archive("[]"), "a thing without a class");
  expect_complaint(archive("3"), "a thing without a class");
  expect_complaint(archive(R"({"class_name": 7})"), "a thing without a class");
  expect_complaint(archive(R"({"class_name": "Mine", "config": {}})"), "the model is a Mine");
  expect_complaint(archive(R"({"class_name": "Functional"})"), "lists no");
  expect_complaint(archive(R"({"class_name": "Sequential", "config": []})"), "has no layers");
  expect_complaint(archive(R"({"class_name": "Sequential", "config": {"layers": [3]}})"),
                   "a layer is no object");
  expect_complaint(
      archive(
          R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"name": "d"}}]}})"),
      "does not say what its input is");
  expect_complaint(archive(honest, small_weights(), "{"), "metadata.json: not valid JSON");
  EXPECT_EQ(complaint(archive(honest, small_weights(), "[]")), "");
  EXPECT_EQ(complaint(archive(honest, small_weights(), R"({"keras_version": 3})")), "");
}

TEST(Hostile, ConfigurationsThatContradictThemselves) {
  struct Case {
    const char* part;
    std::function<void(Json&)> change;
  };
  const auto call = [](Json& config) -> Json& { return layers(config)[1]["inbound_nodes"][0]["args"][0]; };
  const std::vector<Case> cases{
      {"two layers of model 'm' are called 'd'", [](Json& c) { layers(c).push_back(layers(c)[1]); }},
      {"a layer without name or class", [](Json& c) { layers(c)[1].erase("class_name"); }},
      {"a layer without name or class",
       [](Json& c) { layers(c)[1]["name"] = layers(c)[1]["config"]["name"] = 3; }},
      {"reads layer 'nobody', which does not exist", [&](Json& c) { call(c) = tensor(reference("nobody")); }},
      {"call 7 of layer 'x' is read", [&](Json& c) { call(c) = tensor(reference("x", 7)); }},
      {"output 3 of layer 'x' is read", [&](Json& c) { call(c) = tensor(reference("x", 0, 3)); }},
      {"output 0 of layer 'd' is read before it is there",
       [&](Json& c) { call(c) = tensor(reference("d")); }},
      {"lists no outputs", [](Json& c) { c["config"]["output_layers"] = Json::array(); }},
      {"lists no outputs", [](Json& c) { c["config"].erase("output_layers"); }},
      {"lists no outputs", [](Json& c) { c["config"]["output_layers"] = Json::array({reference("d", -1)}); }},
      {"lists no inputs", [](Json& c) { c["config"]["input_layers"] = "x"; }},
      {"'nobody', which does not exist",
       [](Json& c) { c["config"]["output_layers"] = Json::array({reference("nobody")}); }},
      {"call 1 of layer 'd' is read",
       [](Json& c) { c["config"]["output_layers"] = Json::array({reference("d", 1)}); }},
      {"output 9 of layer 'd'",
       [](Json& c) { c["config"]["output_layers"] = Json::array({reference("d", 0, 9)}); }},
      {"outputs of layer 'd' are read",
       [](Json& c) { c["config"]["output_layers"] = Json::array({reference("d", 0, int64_t{1} << 62)}); }},
      {"model input 'd' is no InputLayer",
       [](Json& c) { c["config"]["input_layers"] = Json::array({reference("d")}); }},
      {"model input 'nobody'",
       [](Json& c) { c["config"]["input_layers"] = Json::array({reference("nobody")}); }},
      {"input 'x' has no shape", [](Json& c) { layers(c)[0]["config"]["batch_shape"] = 3; }},
      {"input 'x' has no shape", [](Json& c) { layers(c)[0]["config"]["batch_shape"] = Json::array({"a"}); }},
      {"input 'x' is of type", [](Json& c) { layers(c)[0]["config"]["dtype"] = "string"; }},
      {"a layer is no object", [](Json& c) { layers(c)[1] = nullptr; }},
      {"arguments are no list", [](Json& c) { layers(c)[1]["inbound_nodes"][0]["args"] = 7; }},
      {"the calls of layer 'd' are no list", [](Json& c) { layers(c)[1]["inbound_nodes"] = "x"; }},
      {"the settings of layer 'd' are no object", [](Json& c) { layers(c)[1]["config"] = 7; }},
      {"a call is no list", [](Json& c) { layers(c)[1]["inbound_nodes"][0] = 7; }},
      {"a call that names no tensor", [](Json& c) {
         layers(c)[1]["inbound_nodes"][0] = Json::array({1, 2, 3});
       }}};
  for (const Case& one : cases) expect_complaint(archive(with(one.change)), one.part);
}

TEST(Hostile, LoopsOfLayers) {
  const std::string loop = with([](Json& config) {
    Json other = layers(config)[1];
    other["name"] = other["config"]["name"] = "e";
    other["inbound_nodes"][0]["args"][0] = tensor(reference("d"));
    layers(config)[1]["inbound_nodes"][0]["args"][0] = tensor(reference("e"));
    layers(config).push_back(other);
  });
  expect_complaint(archive(loop), "read before it is there");
}

// A model of models, each of which calls the next twice: 2^n calls.
TEST(Hostile, ModelsThatMultiply) {
  Json inner = small_config();
  for (int i = 0; i < 9; ++i) {
    Json outer = small_config();
    Json& entry = layers(outer)[1];
    entry["class_name"] = "Functional";
    entry["config"] = inner["config"];
    const Json call = entry["inbound_nodes"][0];
    entry["inbound_nodes"] = Json::array();
    for (int k = 0; k < 8; ++k) entry["inbound_nodes"].push_back(call);
    outer["config"]["output_layers"] = Json::array({reference("d", 1)});
    inner = outer;
  }
  expect_complaint(archive(inner.dump()), "are called more than");
}

TEST(Hostile, NumbersOfAnySize) {
  for (const char* number :
       {"-1", "0", "1e300", "-1e300", "9223372036854775807", "18446744073709551615", "1e-300", "\"3\"",
        "null", "[]", "{}", "true", "[1, -1]", "NaN", "Infinity", "-Infinity"}) {
    for (const char* key : {"units",          "kernel_size",   "strides",     "filters",
                            "groups",         "epsilon",       "axis",        "padding",
                            "rate",           "size",          "n",           "dims",
                            "target_shape",   "dilation_rate", "pool_size",   "scale",
                            "offset",         "mean",          "variance",    "alpha",
                            "negative_slope", "max_value",     "threshold",   "cropping",
                            "height",         "width",         "equation",    "data_format",
                            "activation",     "layer",         "merge_mode",  "return_sequences",
                            "use_bias",       "dtype",         "batch_shape", "key_dim"}) {
      const std::string text = with([&](Json& config) {
        int i = 0;
        for (const char* name : {"Conv2D",
                                 "DepthwiseConv2D",
                                 "MaxPooling2D",
                                 "BatchNormalization",
                                 "LayerNormalization",
                                 "GroupNormalization",
                                 "ZeroPadding2D",
                                 "Cropping2D",
                                 "Reshape",
                                 "Permute",
                                 "RepeatVector",
                                 "UpSampling2D",
                                 "Resizing",
                                 "Rescaling",
                                 "Normalization",
                                 "ReLU",
                                 "LeakyReLU",
                                 "Softmax",
                                 "LSTM",
                                 "Bidirectional",
                                 "EinsumDense",
                                 "Concatenate",
                                 "MultiHeadAttention",
                                 "TimeDistributed",
                                 "ELU",
                                 "UnitNormalization",
                                 "GlobalMaxPooling2D",
                                 "Conv2DTranspose",
                                 "SeparableConv2D",
                                 "PReLU"}) {
          Json entry = layers(config)[1];
          entry["class_name"] = name;
          entry["name"] = "l" + std::to_string(i++);
          entry["config"][key] = "@";
          layers(config).push_back(entry);
        }
      });
      std::string put;
      for (size_t at = 0; at < text.size(); ++at)
        if (text.compare(at, 3, "\"@\"") == 0) {
          put += number;
          at += 2;
        } else {
          put += text[at];
        }
      EXPECT_EQ(complaint(archive(put)), "") << key << ": " << number;
    }
  }
}

TEST(Hostile, NamesOfNothing) {
  const auto noted = [](const std::function<void(Json&)>& change) { return notes(archive(with(change))); };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(
      has(noted([](Json& c) { layers(c)[1]["class_name"] = "os.system"; }), "its class is not known here"));
  EXPECT_TRUE(has(noted([](Json& c) { layers(c)[1]["module"] = "my_layers"; }), "my_layers"));
  EXPECT_TRUE(has(noted([](Json& c) { layers(c)[1]["module"] = "kerasish.layers"; }), "kerasish"));
  EXPECT_TRUE(
      has(noted([](Json& c) { layers(c)[1]["config"]["activation"] = "system"; }), "'system' is not known"));
  const Json function = {
      {"class_name", "function"}, {"module", "os"}, {"config", "relu"}, {"registered_name", "relu"}};
  EXPECT_TRUE(has(noted([&](Json& c) { layers(c)[1]["config"]["activation"] = function; }), "is not known"));
  EXPECT_EQ(noted([](Json& c) { layers(c)[1]["module"] = "keras.src.layers.core.dense"; }), "");
}

TEST(Hostile, ShapesThatNobodyHas) {
  // A layer without weights of its own makes no constant of a size that only the configuration says.
  const std::string wide = with([](Json& config) {
    layers(config)[0]["config"]["batch_shape"] = Json::array({nullptr, int64_t{1} << 32});
    Json& entry = layers(config)[1];
    entry["class_name"] = "LayerNormalization";
    entry["config"].update(Json{{"scale", false}, {"center", false}, {"axis", -1}});
  });
  EXPECT_NE(notes(archive(wide)).find("opaque"), std::string::npos);
  std::string group = wide;
  group.replace(group.find("LayerNormalization"), 18, "GroupNormalization");
  EXPECT_NE(notes(archive(group)).find("opaque"), std::string::npos);
}

TEST(Hostile, PythonsNumbersAreRead) {
  const std::string text = with([](Json& config) {
    Json& entry = layers(config)[1];
    entry["class_name"] = "ReLU";
    entry["config"].update(Json{{"max_value", "@"}, {"negative_slope", 0.0}, {"threshold", 0.0}});
    config["NaN"] = "a \"NaN\", Infinity and -Infinity in a text stay";
  });
  for (const char* number : {"Infinity", "-Infinity", "NaN"}) {
    std::string put = text;
    put.replace(put.find("\"@\""), 3, number);
    EXPECT_EQ(notes(archive(put)), "") << number;
  }
  for (const char* number : {"Infinityy", "nan", "-NaN", "inf", "+Infinity"}) {
    std::string put = text;
    put.replace(put.find("\"@\""), 3, number);
    expect_complaint(archive(put), "not valid JSON");
  }
}

TEST(Hostile, EveryDamagedByteIsAnErrorOrAModel) {
  const Bytes good = archive(honest);
  for (size_t at = 0; at < good.size(); at += 3)
    for (int flip : {0x01, 0x80, 0xff}) {
      Bytes damaged = good;
      damaged[at] ^= static_cast<std::byte>(flip);
      (void)complaint(damaged);
    }
}

#ifdef FETAFIX_SANITIZE
// libhdf5 loses memory where it gives a damaged file up.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\n";
}
#else
// Files of Keras with some bytes changed, each of which ended a process that read it with the library. Read
// in a process of its own, for what lives through it may still have harmed the library's memory.
TEST(Hostile, DamageThatTheLibraryDoesNotSurvive) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(FETAFIX_KERAS_TESTDATA "/../testing/damaged")) {
    auto bytes = read_file(entry.path());
    ASSERT_TRUE(bytes.ok());
    EXPECT_EXIT(
        {
          (void)complaint(*bytes);
          _exit(0);
        },
        ::testing::ExitedWithCode(0), "")
        << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 6);
}
#endif

}  // namespace
}  // namespace fetafix::formats::keras
