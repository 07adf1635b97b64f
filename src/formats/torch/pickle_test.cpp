// Pickles as PyTorch writes them, and such as nobody should have made.
#include "formats/torch/pickle.h"

#include <gtest/gtest.h>

namespace fetafix::formats::torch {
namespace {

using Kind = PickleValue::Kind;

// The text of a value, as tests read it: {'a': [1, 2.5]}.
std::string shown(const PickleValue& value) {
  const auto list = [&](size_t from = 0) {
    std::string out;
    for (size_t i = from; i < value.items.size(); ++i) {
      if (value.is(Kind::dict)) {
        out += shown(*value.items[i]) + ": " + shown(*value.items[i + 1]) + ", ";
        ++i;
      } else {
        out += shown(*value.items[i]) + ", ";
      }
    }
    return out.empty() ? out : out.substr(0, out.size() - 2);
  };
  switch (value.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.integer ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::real:
      return std::to_string(value.real);
    case Kind::text:
      return "'" + value.text + "'";
    case Kind::bytes:
      return "b'" + value.text + "'";
    case Kind::list:
      return value.type_tag + "[" + list() + "]";
    case Kind::tuple:
      return "(" + list() + ")";
    case Kind::dict:
      return value.type_tag + "{" + list() + "}";
    case Kind::set:
      return "set{" + list() + "}";
    case Kind::name:
      return value.text;
    case Kind::object:
      return value.text + "<" + (value.state ? shown(*value.state) : "") + ">";
    case Kind::storage:
    case Kind::tensor: {
      const PickleTensor& tensor = *value.tensor;
      return std::string(tensor.is_parameter ? "parameter " : "tensor ") +
             std::string(dtype_name(tensor.dtype)) + to_string(tensor.sizes) + " of '" + tensor.storage.key +
             "' " + std::to_string(tensor.storage.count) + " from " + std::to_string(tensor.offset) + " by " +
             to_string(tensor.strides) + (tensor.requires_grad ? " grad" : "");
    }
  }
  return "?";
}

std::string shown(const std::string& pickle) {
  const auto read = read_pickle(as_bytes(pickle));
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return read.ok() ? shown(read->root()) : "";
}

std::string complaint(const std::string& pickle, ErrorKind kind = ErrorKind::file) {
  const auto read = read_pickle(as_bytes(pickle));
  EXPECT_FALSE(read.ok());
  if (read.ok()) return "";
  EXPECT_EQ(read.error().kind, kind) << read.error().message;
  return read.error().message;
}

void expect_says(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text << " does not say: " << words;
}

// --- a pickle piece by piece ---

std::string number(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<char>(value));
  return out;
}
std::string text(const std::string& content) {
  return "X" + number(content.size(), 4) + content;
}
std::string integer(int32_t value) {
  return "J" + number(static_cast<uint32_t>(value), 4);
}
std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const auto& item : items) out += item;
  return out + "t";
}
std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
std::string call(const std::string& module, const std::string& name, const std::vector<std::string>& items) {
  return global(module, name) + tuple(items) + "R";
}
std::string storage(const std::string& type = "FloatStorage", const std::string& key = "0", int count = 6) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), integer(count)}) + "Q";
}
std::string rebuilt(const std::string& of, const std::string& grad = "\x89") {
  return call("torch._utils", "_rebuild_tensor_v2",
              {of, integer(1), tuple({integer(2), integer(2)}), tuple({integer(3), integer(1)}), grad,
               call("collections", "OrderedDict", {})});
}
std::string bytes_of(const char* content, size_t size) {
  return {content, size};
}
template <size_t size>
std::string raw(const char (&content)[size]) {
  return bytes_of(content, size - 1);
}

// --- what is read --------------------------------------------------------------------------------

// pickle.dumps({"a": [1, -2, 70000, 2**40, -2**40], "b": (1.5, None, True), "c": b"\xff\0", "d":
// "h\u00e9\n"}, protocol)
TEST(Pickle, ReadsEachProtocolOfPython) {
  const std::string expected =
      "{'a': [1, -2, 70000, 1099511627776, -1099511627776], 'b': (1.500000, None, True), 'c': b'\xff" +
      std::string(1, '\0') + "', 'd': 'h\xc3\xa9\n'}";
  EXPECT_EQ(
      shown(raw(
          "(dp0\012Va\012p1\012(lp2\012I1\012aI-2\012aI70000\012aL1099511627776L\012aL-1099511627776L\012a"
          "sVb\012p3\012(F1.5\012NI01\012tp4\012sVc\012p5\012c_codecs\012encode\012p6\012(V\377\\u0000\012"
          "p7\012Vlatin1\012p8\012tp9\012Rp10\012sVd\012p11\012Vh\351\\u000a\012p12\012s.")),
      expected);
  EXPECT_EQ(
      shown(raw(
          "}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377\377Jp\021\001\000L1099511627776L\012L-1"
          "099511627776L\012eX\001\000\000\000bq\003(G\077\370\000\000\000\000\000\000NI01\012tq\004X\001"
          "\000\000\000cq\005c_codecs\012encode\012q\006(X\003\000\000\000\303\277\000q\007X\006\000\000"
          "\000latin1q\010tq\011Rq\012X\001\000\000\000dq\013X\004\000\000\000h\303\251\012q\014u.")),
      expected);
  EXPECT_EQ(
      shown(
          raw("\200\002}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377\377Jp\021\001\000\212\006\000"
              "\000\000\000\000\001\212\006\000\000\000\000\000\377eX\001\000\000\000bq\003G\077\370\000\000"
              "\000\000\000\000N\210\207q\004X\001\000\000\000cq\005c_codecs\012encode\012q\006X\003\000\000"
              "\000\303\277\000q\007X\006\000\000\000latin1q\010\206q\011Rq\012X\001\000\000\000dq\013X\004"
              "\000\000\000h\303\251\012q\014u.")),
      expected);
  EXPECT_EQ(
      shown(raw(
          "\200\003}q\000(X\001\000\000\000aq\001]q\002(K\001J\376\377\377\377Jp\021\001\000\212\006\000"
          "\000\000\000\000\001\212\006\000\000\000\000\000\377eX\001\000\000\000bq\003G\077\370\000\000"
          "\000\000\000\000N\210\207q\004X\001\000\000\000cq\005C\002\377\000q\006X\001\000\000\000dq\007X"
          "\004\000\000\000h\303\251\012q\010u.")),
      expected);
  EXPECT_EQ(
      shown(raw(
          "\200\004\225N\000\000\000\000\000\000\000}\224(\214\001a\224]\224(K\001J\376\377\377\377Jp\021"
          "\001\000\212\006\000\000\000\000\000\001\212\006\000\000\000\000\000\377e\214\001b\224G\077\370"
          "\000\000\000\000\000\000N\210\207\224\214\001c\224C\002\377\000\224\214\001d\224\214\004h\303"
          "\251\012\224u.")),
      expected);
  EXPECT_EQ(
      shown(raw(
          "\200\005\225N\000\000\000\000\000\000\000}\224(\214\001a\224]\224(K\001J\376\377\377\377Jp\021"
          "\001\000\212\006\000\000\000\000\000\001\212\006\000\000\000\000\000\377e\214\001b\224G\077\370"
          "\000\000\000\000\000\000N\210\207\224\214\001c\224C\002\377\000\224\214\001d\224\214\004h\303"
          "\251\012\224u.")),
      expected);
}

TEST(Pickle, ReadsTextOfPython2) {
  EXPECT_EQ(shown("S'it\\'s \\x41'\n."), "'it's A'");
  EXPECT_EQ(shown("U\x03"
                  "abc."),
            "'abc'");
  EXPECT_EQ(shown("T" + number(3, 4) + "abc."), "'abc'");
}

TEST(Pickle, ReadsTensorsOfAStorage) {
  EXPECT_EQ(shown(rebuilt(storage()) + "."), "tensor float32[2,2] of '0' 6 from 1 by [3,1]");
  EXPECT_EQ(shown(rebuilt(storage("HalfStorage", "w"), "\x88") + "."),
            "tensor float16[2,2] of 'w' 6 from 1 by [3,1] grad");
  EXPECT_EQ(shown(rebuilt(storage("QInt8Storage")) + "."), "tensor unknown[2,2] of '0' 6 from 1 by [3,1]");
  EXPECT_EQ(shown(call("torch._utils", "_rebuild_tensor",
                       {storage("LongStorage"), integer(0), tuple({}), tuple({})}) +
                  "."),
            "tensor int64[] of '0' 6 from 0 by []");
}

TEST(Pickle, ATensorOfBytesSaysItsType) {
  const std::string untyped = tuple({text("storage"), global("torch.storage", "UntypedStorage"), text("3"),
                                     text("cpu"), integer(4)}) +
                              "Q";
  EXPECT_EQ(shown(call("torch._utils", "_rebuild_tensor_v3",
                       {untyped, integer(0), tuple({integer(2)}), tuple({integer(1)}), "\x89",
                        call("collections", "OrderedDict", {}), global("torch", "uint16")}) +
                  "."),
            "tensor uint16[2] of '3' 4 from 0 by [1]");
}

TEST(Pickle, ReadsParameters) {
  const std::string hooks = call("collections", "OrderedDict", {});
  EXPECT_EQ(shown(call("torch._utils", "_rebuild_parameter", {rebuilt(storage()), "\x88", hooks}) + "."),
            "parameter float32[2,2] of '0' 6 from 1 by [3,1] grad");
  EXPECT_EQ(
      shown(call("torch._utils", "_rebuild_parameter_with_state", {rebuilt(storage()), "\x89", hooks, "}"}) +
            "."),
      "parameter float32[2,2] of '0' 6 from 1 by [3,1]");
  EXPECT_EQ(
      shown(call("torch._tensor", "_rebuild_from_type_v2",
                 {global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"),
                  tuple({storage(), integer(1), tuple({integer(2)}), tuple({integer(1)}), "\x89", hooks}),
                  "}"}) +
            "."),
      "tensor float32[2] of '0' 6 from 1 by [1]");
}

TEST(Pickle, ReadsContainersOfPyTorch) {
  EXPECT_EQ(shown(call("collections", "OrderedDict", {}) + "(" + text("b") + "K\x01" + text("a") + "K\x02u}" +
                  text("_metadata") + "}sb."),
            "{'b': 1, 'a': 2}");
  EXPECT_EQ(shown(call("torch", "Size", {tuple({"K\x01", "K\x02"})}) + "."), "(1, 2)");
  EXPECT_EQ(shown(call("builtins", "set",
                       {"]K\x01"
                        "a"}) +
                  "."),
            "set{1}");
  EXPECT_EQ(shown(call("_codecs", "encode", {text("a\xc3\xbf"), text("latin1")}) + "."), "b'a\xff'");
  EXPECT_EQ(
      shown(tuple({global("torch", "float32"), call("torch", "device", {text("cuda"), "K\x01"})}) + "."),
      "(torch.float32, cuda:1)");
}

TEST(Pickle, AKeyThatIsSetAgainHasTheLaterValue) {
  EXPECT_EQ(
      shown("}(" + text("a") + "K\x01" + text("b") + "K\x02u(" + text("a") + "K\x03" + text("c") + "K\x04u."),
      "{'a': 3, 'b': 2, 'c': 4}");
  EXPECT_EQ(shown("}(K\x01NK\x01]NNu."), "{1: [], None: None}");
}

TEST(Pickle, ReadsObjectsAndTypedListsOfTorchScript) {
  const std::string list = call("torch.jit._pickle", "build_intlist",
                                {"](K\x01K\x02"
                                 "e"});
  const std::string dict = call("torch.jit._pickle", "restore_type_tag", {"}", text("Dict[str, int]")});
  const std::string inner = global("__torch__.b", "Inner") + ")\x81}b";
  EXPECT_EQ(shown(global("__torch__", "Net") + ")\x81}(" + text("k") + list + text("d") + dict + text("i") +
                  inner + "ub."),
            "__torch__.Net<{'k': List[int][1, 2], 'd': Dict[str, int]{}, 'i': __torch__.b.Inner<{}>}>");
  EXPECT_EQ(shown(call("torch.jit._pickle", "build_tensorlist", {"]" + rebuilt(storage()) + "a"}) + "."),
            "List[Tensor][tensor float32[2,2] of '0' 6 from 1 by [3,1]]");
  EXPECT_EQ(shown(call("__torch__", "Color", {"K\x01"}) + "."), "__torch__.Color<(1)>");
}

// --- what is refused -----------------------------------------------------------------------------

TEST(HostilePickle, CodeIsNamedAndNotRun) {
  expect_says(complaint(call("os", "system", {text("true")}) + ".", ErrorKind::unsupported),
              "byte 0: the pickle names 'os.system', which is code; expected tensors and plain containers");
  expect_says(complaint(text("builtins") + text("eval") + "\x93.", ErrorKind::unsupported),
              "'builtins.eval'");
  expect_says(complaint(global("torch", "load") + ".", ErrorKind::unsupported), "'torch.load'");
  expect_says(
      complaint(global("torch._utils", "_rebuild_device_tensor_from_numpy") + ".", ErrorKind::unsupported),
      "'torch._utils._rebuild_device_tensor_from_numpy'");
  expect_says(complaint("i"
                        "os\nsystem\n.",
                        ErrorKind::unsupported),
              "instruction 105 is not known");
}

TEST(HostilePickle, ItIsCutOffAnywhere) {
  const std::string whole =
      "\x80\x02}(" + text("w") + rebuilt(storage()) + text("k") + "G\x3f\xf0" + std::string(6, '\0') + "u.";
  EXPECT_FALSE(shown(whole).empty());
  for (size_t size = 0; size < whole.size(); ++size) complaint(whole.substr(0, size));
  expect_says(complaint(whole + "x"), "ends at byte");
}

TEST(HostilePickle, TheStackHasTooLittle) {
  for (const char* bad :
       {".",     "0.", "a.", "]a.", "}s.",    "}K\x01s.", "t.",  "e.",    "R.",          ")R.",
        "\x85.", "b.", "Q.", "2.",  "q\x01.", "\x93.",    "(a.", "(](a.", "K\x01K\x02.", "(K\x01."})
    complaint(bad);
  expect_says(complaint("h\x07."), "nothing was remembered as 7");
}

TEST(HostilePickle, InstructionsMeetOtherKinds) {
  expect_says(complaint("}K\x01"
                        "a."),
              "a list is expected on the stack, found a dict");
  expect_says(complaint("](K\x01u."), "a dict is expected");
  expect_says(complaint("}(K\x01u."), "a key without a value");
  expect_says(complaint("}]K\x01s."), "a key of a dict is a list");
  expect_says(complaint("K\x01)R."), "an integer is called");
  expect_says(complaint("K\x01}b."), "is given a state");
  expect_says(complaint(global("torch", "float32") + ")R."), "'torch.float32' is called");
  expect_says(complaint(global("torch", "FloatStorage") + ")R."), "'torch.FloatStorage' is called");
}

TEST(HostilePickle, NumbersAreTooLong) {
  expect_says(complaint("\x8a\x09" + std::string(9, '\1') + ".", ErrorKind::unsupported),
              "an integer of 9 bytes");
  expect_says(complaint("I99999999999999999999\n.", ErrorKind::unsupported), "more than 64 bits");
  complaint("I1x\n.");
  complaint("Fx\n.");
}

TEST(HostilePickle, TextsLieBeyondTheEnd) {
  expect_says(complaint("X" + number(0xFFFFFFFF, 4) + "a."),
              "4294967295 bytes are to follow, the file has 2");
  complaint("\x8d" + number(~uint64_t{0}, 8) + "a.");
  complaint("B" + number(3, 4) + "a.");
  complaint("S'a\n.");
}

TEST(HostilePickle, ValuesContainThemselves) {
  EXPECT_EQ(complaint("]q\x01h\x01"
                      "a."),
            "pickle: a list contains itself");
  expect_says(complaint("}q\x01" + text("a") + "h\x01s."), "a dict contains itself");
  expect_says(complaint(global("__torch__", "A") + ")\x81q\x01h\x01"
                                                   "b."),
              "an object contains itself");
}

TEST(HostilePickle, ContainersLieTooDeep) {
  expect_says(complaint(")" + std::string(100'000, '\x85') + "."), "deep");
  expect_says(complaint(std::string(100'000, ']') + std::string(99'999, 'a') + "."), "deep");
  EXPECT_FALSE(shown(")" + std::string(150, '\x85') + ".").empty());
}

// Ten lists of which each holds the one before it ten times.
TEST(HostilePickle, SharedValuesWouldFillTheWorld) {
  std::string laughs = text("ha");
  for (char i = 0; i < 10; ++i) {
    laughs += std::string("q") + i + "0](";
    for (int k = 0; k < 10; ++k) laughs += std::string("h") + i;
    laughs += "e";
  }
  expect_says(complaint(laughs + "."), "shared so often");
}

TEST(HostilePickle, CopiesWouldFillTheMemory) {
  std::string many = text("a") +
                     "q\x01"
                     "0](";
  for (int i = 0; i < 100'000; ++i) many += "h\x01";
  many +=
      "eq\x02"
      "0](";
  for (int i = 0; i < 1000; ++i) many += global("builtins", "set") + "h\x02\x85R";
  expect_says(complaint(many + "e."), "more memory");
  std::string values = "](" + std::string(size_t{2} << 20, 'N') + "e.";
  expect_says(complaint(values), "more than 1048576 values");
}

TEST(HostilePickle, TensorsAreCalledWithSomethingElse) {
  const std::string hooks = call("collections", "OrderedDict", {});
  const auto tensor = [&](const std::string& of, const std::string& offset, const std::string& sizes,
                          const std::string& strides) {
    return complaint(call("torch._utils", "_rebuild_tensor_v2", {of, offset, sizes, strides, "\x89", hooks}) +
                     ".");
  };
  const std::string two = tuple({integer(2)}), none = tuple({});
  expect_says(tensor(text("0"), integer(0), two, two), "other arguments");
  expect_says(tensor(storage(), integer(-1), two, two), "other arguments");
  expect_says(tensor(storage(), integer(0), two, none), "1 sizes and 0 strides");
  expect_says(tensor(storage(), integer(0), tuple({integer(-2)}), two), "no number from 0 on");
  expect_says(tensor(storage(), integer(0), tuple({text("a")}), two), "no number from 0 on");
  const std::string wide = tuple(std::vector<std::string>(65, integer(1)));
  expect_says(tensor(storage(), integer(0), wide, wide), "65 dimensions");
  complaint(call("torch._utils", "_rebuild_tensor_v2", {}) + ".");
  complaint(call("torch._utils", "_rebuild_parameter", {storage(), "\x89", hooks}) + ".");
}

TEST(HostilePickle, StoragesAreNone) {
  const auto persistent = [](const std::vector<std::string>& items) {
    return complaint(tuple(items) + "Q.");
  };
  const std::string type = global("torch", "FloatStorage");
  expect_says(persistent({text("module"), type, text("0"), text("cpu"), integer(1)}), "no storage");
  expect_says(persistent({text("storage"), type, text("0"), text("cpu"), integer(-1)}), "no storage");
  expect_says(persistent({text("storage"), text("x"), text("0"), text("cpu"), integer(1)}), "no storage");
  expect_says(persistent({text("storage"), type, text(std::string(300, 'k')), text("cpu"), integer(1)}),
              "no storage");
  expect_says(complaint(text("x") + "Q."), "no storage");
}

}  // namespace
}  // namespace fetafix::formats::torch
