// Files that nobody should have made: a clear error or a model, in bounded time and memory, never a crash.
#include "formats/tensorflow/lift.h"
#include "formats/tensorflow/testing/patches.h"

namespace fetafix::formats::tensorflow {
namespace {

using namespace testing;

using Inputs = std::vector<std::string>;

wire::Node& add(google::protobuf::RepeatedPtrField<wire::Node>& nodes, const std::string& op,
                const std::string& name, const Inputs& inputs = {}) {
  wire::Node& node = *nodes.Add();
  node.set_name(name);
  node.set_op(op);
  for (const std::string& input : inputs) node.add_input(input);
  return node;
}

wire::Node& add(wire::Graph& graph, const std::string& op, const std::string& name,
                const Inputs& inputs = {}) {
  return add(*graph.mutable_node(), op, name, inputs);
}

// A graph with the input `x`.
wire::Graph with_input() {
  wire::Graph graph;
  wire::attribute_of(add(graph, "Placeholder", "x"), "dtype").set_type(1);
  wire::write_shape({2, 3}, *wire::attribute_of(*graph.mutable_node(0), "shape").mutable_shape());
  return graph;
}

void call(wire::Node& node, const std::string& function) {
  wire::attribute_of(node, "f").mutable_func()->set_name(function);
}

// A function of `x` that gives what `returned` names.
wire::Function& function(wire::Graph& graph, const std::string& name, const std::string& returned) {
  wire::Function& out = *graph.mutable_library()->add_function();
  out.mutable_signature()->set_name(name);
  out.mutable_signature()->add_input_arg()->set_name("x");
  out.mutable_signature()->add_output_arg()->set_name("y");
  auto& entry = *out.add_ret();
  entry.set_key("y");
  entry.set_value(returned);
  return out;
}

Result<Lifted> lift_of(const wire::Graph& graph) {
  const std::string text = graph.SerializeAsString();
  const BytesView bytes = as_bytes(text);
  FETAFIX_TRY(const auto model, tensorflow_format().parse(Bytes(bytes.begin(), bytes.end()), {}));
  return model->lift();
}

// What reading or lifting says; of the file, never of us.
std::string complaint(const Result<Lifted>& lifted) {
  EXPECT_FALSE(lifted.ok());
  if (lifted.ok()) return "";
  EXPECT_TRUE(lifted.error().kind == ErrorKind::file || lifted.error().kind == ErrorKind::unsupported)
      << lifted.error().message;
  return lifted.error().message;
}
std::string complaint(const wire::Graph& graph) {
  return complaint(lift_of(graph));
}

Result<Lifted> lift_at(const fs::path& path) {
  FETAFIX_TRY(const auto model, tensorflow_format().read(path));
  return model->lift();
}

#define EXPECT_SAYS(text, words) EXPECT_NE((text).find(words), std::string::npos) << (text)

// --- graphs --------------------------------------------------------------------------------------

TEST(HostileGraph, CyclesAndWhatIsNotThere) {
  wire::Graph itself = with_input(), both = with_input(), missing = with_input(), twice = with_input();
  add(itself, "AddV2", "a", {"x", "a"});
  add(itself, "Neg", "y", {"a"});
  EXPECT_SAYS(complaint(itself), "'a' reads what follows from it");
  add(both, "Neg", "a", {"b"});
  add(both, "Neg", "b", {"a"});
  add(both, "AddV2", "y", {"b", "x"});
  EXPECT_SAYS(complaint(both), "reads what follows from it");
  add(missing, "AddV2", "y", {"x", "nowhere"});
  EXPECT_SAYS(complaint(missing), "'nowhere' is read, and no node is named so");
  add(twice, "Neg", "y", {"x"});
  add(twice, "Abs", "y", {"x"});
  EXPECT_SAYS(complaint(twice), "two nodes are named 'y'");
}

TEST(HostileGraph, OutputsThatNoOperatorHas) {
  for (const char* name : {"x:-1", "x:99999999999", "x:", "x:y", "x:a:b", ":", ":0", "^", ""}) {
    wire::Graph graph = with_input();
    add(graph, "Neg", "y", {name});
    add(graph, "Abs", "z", {"y"});
    const auto lifted = lift_of(graph);
    EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal) << name;
  }
  wire::Graph far = with_input();
  add(far, "Neg", "y", {"x"});
  add(far, "Abs", "z", {"y:5000"});
  EXPECT_SAYS(complaint(far), "which no operator gives");
}

TEST(HostileGraph, ConstantsByTheirShapeAlone) {
  const auto constant = [](const Shape& shape, int dtype, bool one_number) {
    wire::Graph graph = with_input();
    wire::Node& node = add(graph, "Const", "c");
    wire::attribute_of(node, "dtype").set_type(dtype);
    wire::Tensor& value = *wire::attribute_of(node, "value").mutable_tensor();
    value.set_dtype(dtype);
    wire::write_shape(shape, *value.mutable_tensor_shape());
    if (one_number) value.add_float_val(1.f);
    add(graph, "AddV2", "y", {"x", "c"});
    return graph;
  };
  for (const bool one_number : {false, true})
    for (const Shape& shape : {Shape{1 << 20, 1 << 20}, Shape{int64_t{1} << 40, int64_t{1} << 40},
                               Shape{-2, 3}, Shape(300, 2), Shape{int64_t{1} << 62}}) {
      const auto lifted = lift_of(constant(shape, 1, one_number));
      EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal) << to_string(shape);
    }
  for (int dtype : {0, 7, 20, 21, 99, -1, 101}) (void)lift_of(constant({2}, dtype, true));
  EXPECT_TRUE(lift_of(constant({2, 3}, 1, true)).ok());
  EXPECT_TRUE(lift_of(constant({0, 3}, 1, false)).ok());
}

// What a small file asks for in sum: 3 GB by constants, 2 million results of operators.
TEST(HostileGraph, MemoryThatTheFileDoesNotHold) {
  wire::Graph constants = with_input(), results = with_input();
  for (int i = 0; i < 50; ++i) {
    const std::string number = std::to_string(i);
    wire::Node& node = add(constants, "Const", "c" + number);
    wire::Tensor& value = *wire::attribute_of(node, "value").mutable_tensor();
    value.set_dtype(1);
    value.add_float_val(1.f);
    wire::write_shape({1 << 24}, *value.mutable_tensor_shape());
    add(constants, "AddV2", "a" + number, {i == 0 ? "x" : "a" + std::to_string(i - 1), "c" + number});
  }
  EXPECT_SAYS(complaint(constants), "would not fit in memory");
  for (int i = 0; i < 500; ++i)
    wire::attribute_of(add(results, "Unpack", "u" + std::to_string(i), {"x"}), "num").set_i(4096);
  const auto lifted = lift_of(results);
  EXPECT_TRUE(!lifted.ok() || lifted->graph.values.size() < 100000) << lifted->graph.values.size();
}

// A frozen graph may have them; they are no fault of the file.
TEST(HostileGraph, LoopsOfTensorflow1) {
  wire::Graph graph = with_input();
  add(graph, "Enter", "enter", {"x"});
  add(graph, "Merge", "merge", {"enter", "next"});
  add(graph, "Switch", "switch", {"merge", "x"});
  add(graph, "NextIteration", "next", {"switch:1"});
  add(graph, "Exit", "y", {"switch"});
  const auto lifted = lift_of(graph);
  ASSERT_FALSE(lifted.ok());
  EXPECT_EQ(lifted.error().kind, ErrorKind::unsupported);
  EXPECT_SAYS(lifted.error().message, "as TensorFlow 1 writes it");
}

TEST(HostileGraph, OperatorsWithoutOperandsOrWithOddOnes) {
  for (const LiftRule& rule : lift_rules())
    for (int count : {0, 1, 2, 7}) {
      wire::Graph graph = with_input();
      add(graph, std::string(rule.type), "y", Inputs(static_cast<size_t>(count), "x"));
      const auto lifted = lift_of(graph);
      EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal)
          << rule.type << ": " << lifted.error().message;
    }
}

TEST(HostileGraph, AttributesOfOtherTypesAndSizes) {
  for (const LiftRule& rule : lift_rules())
    for (const int64_t number : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
      wire::Graph graph = with_input();
      wire::Node& node = add(graph, std::string(rule.type), "y", {"x", "x", "x"});
      for (const char* key :
           {"strides", "ksize", "dilations", "explicit_paddings", "axis", "num", "num_split", "N",
            "block_size", "begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask",
            "batch_dims", "depth_radius", "squeeze_dims", "seq_dim"})
        number % 2 ? wire::attribute_of(node, key).set_i(number)
                   : wire::attribute_of(node, key).mutable_list()->add_i(number);
      wire::attribute_of(node, "padding").set_s("SAME");
      wire::attribute_of(node, "equation").set_s("->,,,");
      const auto lifted = lift_of(graph);
      EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal)
          << rule.type << ": " << lifted.error().message;
    }
}

TEST(HostileGraph, NamesThatAreNoText) {
  wire::Graph graph = with_input();
  const std::string name = std::string("\xff\xfe\0\n", 4) + "y";
  add(graph, "Neg", name, {"x"});
  add(graph, "\xc3\x28", "odd", {name});
  const auto lifted = lift_of(graph);
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_TRUE(graph::verify(lifted->graph).ok());
}

TEST(HostileGraph, LongChainsInAnyOrder) {
  for (const bool backwards : {false, true}) {
    wire::Graph graph = with_input();
    constexpr int length = 30000;
    for (int i = 0; i < length; ++i) {
      const int own = backwards ? length - 1 - i : i;
      add(graph, "Neg", "n" + std::to_string(own), {own == 0 ? "x" : "n" + std::to_string(own - 1)});
    }
    const auto lifted = lift_of(graph);
    ASSERT_TRUE(lifted.ok()) << lifted.error().message;
    EXPECT_EQ(lifted->graph.nodes.size(), static_cast<size_t>(length));
  }
}

// --- functions -----------------------------------------------------------------------------------

TEST(HostileFunctions, ThatCallThemselves) {
  wire::Graph graph = with_input();
  wire::Function& own = function(graph, "f", "again:output:0");
  call(add(*own.mutable_node_def(), "PartitionedCall", "again", {"x"}), "f");
  call(add(graph, "StatefulPartitionedCall", "y", {"x"}), "f");
  EXPECT_SAYS(complaint(graph), "function 'f' calls itself");
  wire::Graph two = with_input();
  call(add(*function(two, "f", "c:output:0").mutable_node_def(), "PartitionedCall", "c", {"x"}), "g");
  call(add(*function(two, "g", "c:output:0").mutable_node_def(), "PartitionedCall", "c", {"x"}), "f");
  call(add(two, "PartitionedCall", "y", {"x"}), "f");
  EXPECT_SAYS(complaint(two), "calls itself");
}

TEST(HostileFunctions, ThatAreMissingOrTakeSomethingElse) {
  wire::Graph missing = with_input(), nameless = with_input(), few = with_input(), wide = with_input(),
              silent = with_input(), lost = with_input();
  call(add(missing, "PartitionedCall", "y", {"x"}), "f");
  EXPECT_SAYS(complaint(missing), "calls function 'f', which is not in the file");
  add(nameless, "PartitionedCall", "y", {"x"});
  EXPECT_SAYS(complaint(nameless), "which is not in the file");
  add(*function(few, "f", "n:y:0").mutable_node_def(), "Neg", "n", {"x"});
  call(add(few, "PartitionedCall", "y"), "f");
  EXPECT_SAYS(complaint(few), "function 'f' takes 1 arguments, its call gives 0");
  add(*function(wide, "f", "n:y:0").mutable_node_def(), "Neg", "n", {"x"});
  call(add(wide, "PartitionedCall", "c", {"x"}), "f");
  add(wide, "Neg", "y", {"c:1"});
  EXPECT_SAYS(complaint(wide), "the call gives 1 results");
  function(silent, "f", "x").clear_ret();
  call(add(silent, "PartitionedCall", "y", {"x"}), "f");
  EXPECT_SAYS(complaint(silent), "does not say what it returns");
  function(lost, "f", "nothing:y:0");
  call(add(lost, "PartitionedCall", "y", {"x"}), "f");
  EXPECT_SAYS(complaint(lost), "no node is named so");
}

// Each function calls the next twice: 2^40 calls of a file of 5 kB.
TEST(HostileFunctions, CallBombs) {
  wire::Graph graph = with_input();
  constexpr int levels = 40;
  for (int i = 0; i < levels; ++i) {
    auto& nodes = *function(graph, "f" + std::to_string(i), i == levels - 1 ? "n:y:0" : "b:output:0")
                       .mutable_node_def();
    if (i == levels - 1) {
      add(nodes, "Neg", "n", {"x"});
      continue;
    }
    call(add(nodes, "PartitionedCall", "a", {"x"}), "f" + std::to_string(i + 1));
    call(add(nodes, "PartitionedCall", "b", {"a:output:0"}), "f" + std::to_string(i + 1));
  }
  call(add(graph, "PartitionedCall", "y", {"x"}), "f0");
  EXPECT_SAYS(complaint(graph), "call each other more often than any model does");
}

TEST(HostileFunctions, LoopsOverNothing) {
  for (const char* op : {"While", "StatelessWhile"}) {
    wire::Graph graph = with_input();
    wire::Node& loop = add(graph, op, "l", {"x"});
    wire::attribute_of(loop, "cond").mutable_func()->set_name("nowhere");
    wire::attribute_of(loop, "body").mutable_func()->set_name("f");
    // A body that loops over itself.
    wire::Function& body = function(graph, "f", "l:output:0");
    wire::Node& inner = add(*body.mutable_node_def(), op, "l", {"x"});
    *wire::attribute_of(inner, "cond").mutable_func() = wire::attribute_of(loop, "body").func();
    *wire::attribute_of(inner, "body").mutable_func() = wire::attribute_of(loop, "body").func();
    add(graph, "Neg", "y", {"l"});
    auto lifted = lift_of(graph);
    ASSERT_TRUE(lifted.ok()) << lifted.error().message;
    EXPECT_TRUE(lifted->graph.nodes[0].opaque);
    wire::attribute_of(*graph.mutable_node(1), "cond").mutable_func()->set_name("f");
    lifted = lift_of(graph);
    EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal) << lifted.error().message;
  }
}

// Each lifts what it runs: 64 loops over a function of 2^16 operators.
TEST(HostileFunctions, ManyLargeLoops) {
  wire::Graph graph = with_input();
  constexpr int levels = 16;
  for (int i = 0; i < levels; ++i) {
    const bool last = i == levels - 1;
    auto& nodes = *function(graph, "f" + std::to_string(i), last ? "n:y:0" : "b:output:0").mutable_node_def();
    const std::string next = "f" + std::to_string(i + 1);
    if (last) {
      add(nodes, "Neg", "n", {"x"});
      continue;
    }
    call(add(nodes, "PartitionedCall", "a", {"x"}), next);
    call(add(nodes, "PartitionedCall", "b", {"a:output:0"}), next);
  }
  wire::Function& condition = function(graph, "c", "l:z:0");
  add(*condition.mutable_node_def(), "Less", "l", {"x", "x"});
  for (int i = 0; i < 64; ++i) {
    const std::string before = i == 0 ? "x" : "l" + std::to_string(i - 1);
    wire::Node& loop = add(graph, "StatelessWhile", "l" + std::to_string(i), {before});
    wire::attribute_of(loop, "cond").mutable_func()->set_name("c");
    wire::attribute_of(loop, "body").mutable_func()->set_name("f0");
  }
  const auto lifted = lift_of(graph);
  EXPECT_TRUE(lifted.ok() || lifted.error().kind != ErrorKind::internal) << lifted.error().message;
}

// --- folders -------------------------------------------------------------------------------------

fs::path copied(const std::string& name) {
  const fs::path folder = scratch(name);
  fs::copy(testdata(name), folder, fs::copy_options::recursive);
  return folder;
}

TEST(HostileFolder, AGraphThatIsCutOrDamaged) {
  const fs::path folder = copied("functions");
  const Bytes whole = read_file(folder / graph_file).value();
  std::mt19937 random(1);
  for (size_t part = 0; part < 48; ++part) {
    Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * part / 48));
    ASSERT_TRUE(write_file(folder / graph_file, bytes).ok());
    const auto cut = lift_at(folder);
    EXPECT_FALSE(cut.ok() && part < 40) << "cut to " << bytes.size();
    EXPECT_TRUE(cut.ok() || cut.error().kind != ErrorKind::internal) << cut.error().message;
    bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    ASSERT_TRUE(write_file(folder / graph_file, bytes).ok());
    const auto damaged = lift_at(folder);
    EXPECT_TRUE(damaged.ok() || damaged.error().kind != ErrorKind::internal) << damaged.error().message;
    EXPECT_TRUE(!damaged.ok() || graph::verify(damaged->graph).ok());
  }
}

TEST(HostileFolder, VariablesThatAreDamagedOrGone) {
  const auto lifts_with = [](const char* what, const std::function<void(const fs::path&)>& damage) {
    SCOPED_TRACE(what);
    const fs::path folder = copied("functions");
    damage(folder / "variables");
    const auto lifted = lift_at(folder);
    if (!lifted.ok()) {
      EXPECT_NE(lifted.error().kind, ErrorKind::internal);
      EXPECT_FALSE(lifted.error().message.empty());
      return lifted.error().message;
    }
    std::string notes;
    for (const std::string& note : lifted->notes) notes += note + "\n";
    return notes;
  };
  const char* shard = "variables.data-00000-of-00001";
  EXPECT_SAYS(lifts_with("a checksum",
                         [&](const fs::path& folder) {
                           Bytes bytes = read_file(folder / shard).value();
                           bytes[3] ^= std::byte{1};
                           ASSERT_TRUE(write_file(folder / shard, bytes).ok());
                         }),
              "checksum");
  EXPECT_NE(lifts_with("no shard", [&](const fs::path& folder) { fs::remove(folder / shard); }), "");
  EXPECT_NE(lifts_with("no index", [&](const fs::path& folder) { fs::remove(folder / "variables.index"); }),
            "");
  EXPECT_NE(lifts_with("nothing at all", [&](const fs::path& folder) { fs::remove_all(folder); }), "");
  EXPECT_NE(lifts_with("the variables of another model",
                       [&](const fs::path& folder) {
                         fs::remove_all(folder);
                         fs::copy(testdata("session/variables"), folder);
                       }),
            "");
}

TEST(HostileFolder, RestoredFromKeysThatAreNotThere) {
  const fs::path folder = copied("session");
  wire::SavedModel model = *read_saved_model(folder)->saved;
  for (auto& node : *model.mutable_meta_graphs(0)->mutable_graph_def()->mutable_node())
    if (node.name() == "save/RestoreV2/tensor_names")
      for (auto& key : *wire::attribute_of(node, "value").mutable_tensor()->mutable_string_val()) key += "?";
  ASSERT_TRUE(write_file(folder / graph_file, model.SerializeAsString()).ok());
  const auto lifted = lift_at(folder);
  std::string said = lifted.ok() ? "" : lifted.error().message;
  for (const std::string& note : lifted.ok() ? lifted->notes : std::vector<std::string>()) said += note;
  EXPECT_SAYS(said, "w?");
}

}  // namespace
}  // namespace fetafix::formats::tensorflow
