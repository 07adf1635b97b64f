#include <cstring>

#include "formats/tflite/build_for_test.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

std::string error_of(Bytes bytes) {
  auto parsed = TfliteModel::parse(std::move(bytes));
  if (!parsed.ok()) return parsed.error().message;
  const auto lifted = (*parsed)->lift();
  return lifted.ok() ? "" : lifted.error().message;
}

graph::Patch strides_of(int index) {
  return patch_of({graph::SetAttribute{at(index), "strides", std::vector<int64_t>{1, 1}}});
}

TEST(Read, RecognizesByContent) {
  const Bytes bytes = SmallNet().bytes();
  EXPECT_TRUE(tflite_format().recognizes(bytes));
  EXPECT_FALSE(tflite_format().recognizes(as_bytes("TFL3 is not at its place")));
  EXPECT_FALSE(tflite_format().recognizes({}));
}

TEST(Read, WritesWhatItRead) {
  const Bytes bytes = SmallNet().bytes();
  auto model = TfliteModel::parse(bytes);
  ASSERT_TRUE(model.ok());
  auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE((*model)->write(folder->path() / "same.tflite").ok());
  auto again = read_file(folder->path() / "same.tflite");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, bytes);
  EXPECT_EQ((*model)->sha256(), sha256(bytes));
}

TEST(Read, ExposesInnerTensors) {
  SmallNet net;
  auto model = net.native();
  const Lifted view = lifted(*model);
  std::vector<graph::ValueId> all;
  for (size_t i = 0; i < view.graph.values.size(); ++i) all.push_back(static_cast<graph::ValueId>(i));
  auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  auto exposed = model->expose(all, folder->path() / "exposed.tflite");
  ASSERT_TRUE(exposed.ok()) << exposed.error().message;
  std::vector<std::string> names;
  for (const auto& value : *exposed) names.push_back(value.output_name);
  EXPECT_EQ(names, (std::vector<std::string>{"image", "features", "pooled", "flat", "logits"}));
  auto copy = tflite_format().read(folder->path() / "exposed.tflite");
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(lifted(**copy).graph.outputs.size(), 6u);
}

TEST(Read, SaysWhatIsWrong) {
  EXPECT_NE(error_of(Bytes()).find("not a TFLite file"), std::string::npos);
  SmallNet index;
  index.op(0).inputs[1] = 99;
  EXPECT_NE(error_of(index.bytes()).find("operator 0: an operand is tensor 99, expected below"),
            std::string::npos);
  SmallNet buffer;
  buffer.graph().tensors[0]->buffer = 77;
  EXPECT_NE(error_of(buffer.bytes()).find("tensor 0: has buffer 77"), std::string::npos);
  SmallNet size;
  size.graph().tensors[static_cast<size_t>(size.bias)]->shape = {5};
  EXPECT_NE(error_of(size.bytes()).find("needs 20 bytes, but its buffer holds 16"), std::string::npos);
  SmallNet outside;
  outside.model().buffers[1]->data.clear();
  outside.model().buffers[1]->offset = 1u << 30;
  outside.model().buffers[1]->size = 432;
  EXPECT_NE(error_of(outside.bytes()).find("truncated"), std::string::npos);
}

TEST(Read, AnotherSchemaVersionIsNotLifted) {
  SmallNet version;
  version.model().version = 2;
  const auto view = version.native()->lift();
  ASSERT_FALSE(view.ok());
  EXPECT_NE(view.error().message.find("expected 3"), std::string::npos);
}

// The view is in order and says that the file is not.
TEST(Read, OperatorsOutOfOrder) {
  SmallNet net;
  const auto right = net.native()->lift();
  std::swap(net.graph().operators[0], net.graph().operators[1]);
  const auto view = net.native()->lift();
  ASSERT_TRUE(view.ok() && right.ok());
  EXPECT_TRUE(right->in_order);
  EXPECT_FALSE(view->in_order);
  EXPECT_EQ(graph::to_text(view->graph), graph::to_text(right->graph));
}

// Whatever is cut off or flipped: an error or a model, and a model lifts or says why not.
TEST(Read, SurvivesDamage) {
  const Bytes whole = SmallNet().bytes();
  for (size_t size = 0; size < whole.size(); size += 64) {
    auto model = TfliteModel::parse(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_FALSE(model.ok()) << size;
  }
  uint32_t state = 1;
  for (int round = 0; round < 4000; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 3; ++i) {
      state = state * 1664525u + 1013904223u;
      damaged[(state >> 8) % damaged.size()] = static_cast<std::byte>(state >> 24);
    }
    auto model = TfliteModel::parse(std::move(damaged));
    if (!model.ok()) continue;
    auto view = (*model)->lift();
    if (!view.ok()) continue;
    const auto patch = strides_of(0);
    (void)(*model)->patched(patch).ok();
  }
}

// Data behind the flatbuffer, as models over 2 GB have it, moves with an edit; so does an attached archive.
TEST(Read, KeepsWhatFollowsTheFlatbuffer) {
  SmallNet net;
  auto& buffer = *net.model().buffers[1];
  const std::vector<uint8_t> kernel = buffer.data;
  buffer.data.clear();
  buffer.offset = net.bytes().size() + 100;  // present, so that the size is final
  buffer.size = kernel.size();
  Bytes bytes = net.bytes();
  const size_t behind = (bytes.size() + 15) / 16 * 16;
  schema::GetMutableModel(bytes.data())->mutable_buffers()->GetMutableObject(1)->mutate_offset(behind);
  bytes.resize(behind);
  for (uint8_t b : kernel) bytes.push_back(static_cast<std::byte>(b));
  auto model = TfliteModel::parse(bytes);
  ASSERT_TRUE(model.ok()) << model.error().message;
  const auto patch = patch_of({graph::SetTensor{at(0), 2, Tensor::vector<float>({1, 2, 3, 4})}});
  auto patched = (*model)->patched(patch);
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  const Lifted before = lifted(**model), after = lifted(**patched);
  const auto& conv = node_of(after.graph, "Conv");
  EXPECT_TRUE(operand(after.graph, conv, 1)
                  .constant.identical(operand(before.graph, node_of(before.graph, "Conv"), 1).constant));
  EXPECT_TRUE(operand(after.graph, conv, 2).constant.identical(Tensor::vector<float>({1, 2, 3, 4})));
}

TEST(Read, AttachedArchiveStays) {
  Bytes bytes = SmallNet().bytes();
  const std::string tail = "PK\x05\x06 labels";
  for (char c : tail) bytes.push_back(static_cast<std::byte>(c));
  auto model = TfliteModel::parse(bytes);
  ASSERT_TRUE(model.ok());
  const auto patch = strides_of(1);
  auto patched = (*model)->patched(patch);
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE((*patched)->write(folder->path() / "m").ok());
  auto written = read_file(folder->path() / "m");
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(std::memcmp(written->data() + written->size() - tail.size(), tail.data(), tail.size()), 0);
}

// A field that a later schema would add: reading goes on, rewriting would lose it.
TEST(Read, RefusesToRewriteNewerFiles) {
  flatbuffers::FlatBufferBuilder builder;
  SmallNet net;
  const auto packed = schema::Model::Pack(builder, &net.model());
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(builder.GetCurrentBufferPointer() +
                                                                  builder.GetSize() - packed.o);
  const auto start = builder.StartTable();
  builder.AddElement<uint32_t>(schema::Model::VT_VERSION, 3, 0);
  for (auto slot :
       {schema::Model::VT_OPERATOR_CODES, schema::Model::VT_SUBGRAPHS, schema::Model::VT_BUFFERS}) {
    const auto* target = table->GetPointer<const uint8_t*>(slot);
    const auto from_end =
        static_cast<flatbuffers::uoffset_t>(builder.GetCurrentBufferPointer() + builder.GetSize() - target);
    builder.AddOffset(slot, flatbuffers::Offset<void>(from_end));
  }
  builder.AddElement<uint32_t>(4 + 2 * 30, 1, 0);
  builder.Finish(flatbuffers::Offset<schema::Model>(builder.EndTable(start)), schema::ModelIdentifier());
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  auto model = TfliteModel::parse(Bytes(data, data + builder.GetSize()));
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_TRUE((*model)->lift().ok());
  const auto patch = strides_of(0);
  auto patched = (*model)->patched(patch);
  ASSERT_FALSE(patched.ok());
  EXPECT_NE(patched.error().message.find("field 30, which is newer"), std::string::npos)
      << patched.error().message;
}

}  // namespace
}  // namespace fetafix::formats::tflite
