// TorchScript files that nobody should have made: a clear error or a model, in bounded time and memory.
#include "base/zip.h"
#include "formats/torch/testing/models.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

// A module without attributes, and no constants.
const std::string no_attributes(
    "\x80\x02"
    "c__torch__\nM\n)\x81}b.");
const std::string no_constants("\x80\x02).");

Bytes archive(const std::string& code, const std::string& data = no_attributes,
              const std::string& constants = no_constants) {
  return zip({{"m/data.pkl", bytes_of(data)},
              {"m/code/__torch__.py", bytes_of(code)},
              {"m/constants.pkl", bytes_of(constants)}},
             true)
      .value();
}

std::string forward(const std::string& body, const std::string& others = "") {
  return "class M(Module):\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n" + body + others;
}

std::string refusal(const Bytes& bytes) {
  const auto model = torch_format().parse(bytes, {});
  if (!model.ok()) return model.error().message;
  const auto lift = (*model)->lift();
  return lift.ok() ? "" : lift.error().message;
}

void expect_refused(const std::string& code, const std::string& words) {
  const std::string said = refusal(archive(code));
  EXPECT_NE(said.find(words), std::string::npos) << said << " does not say: " << words;
}

TEST(HostileScript, ASoundOneIsRead) {
  EXPECT_EQ(refusal(archive(forward("    return torch.relu(x)\n"))), "");
}

TEST(HostileScript, ABranchOfTheRunIsNamedByItsPlace) {
  expect_refused(
      forward("    if bool(torch.gt(torch.sum(x), 0)):\n      y = torch.neg(x)\n    else:\n      y = x\n"
              "    return y\n"),
      "'m/code/__torch__.py' line 4: a branch that depends on the run");
}

// Whether a constant is another one is asked of what it holds.
TEST(HostileScript, WhatIsDecidedHere) {
  const auto branch = [](const std::string& asked) {
    return forward("    if " + asked +
                   ":\n      y = torch.relu(x)\n    else:\n      y = torch.foo(y)\n    return y\n");
  };
  expect_refused(branch("torch.__is__(False, True)"), "'y' is not known");
  expect_refused(branch("torch.__isnot__(True, True)"), "'y' is not known");
  EXPECT_EQ(refusal(archive(branch("torch.__is__(True, True)"))), "");
  expect_refused(branch("torch.__is__(torch.size(x, 0), torch.size(x, 1))"),
                 "a branch that depends on the run");
  expect_refused(branch("torch.is_floating_point(ops.own.unknown(x))"), "a branch that depends on the run");
  expect_refused(forward("    return torch.slice(x, 0, torch.neg(torch.size(x, 0)))\n"),
                 "it depends on the run");
}

TEST(HostileScript, CodeThatIsNone) {
  expect_refused(forward("    return torch.relu(x"), "line 4: expected ','");
  expect_refused(forward("    return $\n"), "line 4: '$'");
  expect_refused("class M(Module):\n  x : Tensor\n", "no method 'forward'");
  expect_refused("", "no method 'forward'");
  expect_refused(forward("    with x:\n      y = x\n    return x\n"), "a 'with' block");
  expect_refused(forward("    return \"a\n"), "without an end");
  expect_refused(forward("    return 99999999999999999999999\n"), "an integer of 64 bits");
}

TEST(HostileScript, NamesThatNothingDefines) {
  expect_refused(forward("    return y\n"), "'y' is not known");
  expect_refused(forward("    return __torch__.f(x)\n"), "'__torch__.f' is not in the file");
  expect_refused(forward("    return (self).g(x)\n"), "no method 'g'");
  expect_refused(forward("    return torch.relu(CONSTANTS.c7)\n"), "no such constant");
  expect_refused(forward("    return eval(x)\n"), "'eval' is not known here");
  expect_refused(forward("    return torch.relu(self.w)\n"), "attribute 'w' is not in the file");
}

TEST(HostileScript, CallsAndLoopsWithoutAnEnd) {
  expect_refused(forward("    return (self).forward(x)\n"), "calls in calls");
  const std::string f = "def f(x: Tensor) -> Tensor:\n  return __torch__.g(x)\n";
  expect_refused(
      f + "def g(x: Tensor) -> Tensor:\n  return __torch__.f(x)\n" + forward("    return __torch__.f(x)\n"),
      "calls in calls");
  expect_refused(forward("    while True:\n      pass\n    return x\n"), "runs too long");
  expect_refused(forward("    for i in range(99999999999):\n      pass\n    return x\n"), "too many turns");
  std::string twice = "def f0(x: Tensor) -> Tensor:\n  return torch.relu(x)\n";
  for (int i = 1; i < 60; ++i) {
    const std::string inner = "__torch__.f" + std::to_string(i - 1) + "(";
    twice += "def f" + std::to_string(i) + "(x: Tensor) -> Tensor:\n  return " + inner + inner + "x))\n";
  }
  EXPECT_NE(refusal(archive(twice + forward("    return __torch__.f59(x)\n"))), "");
}

// Each holds the one before twice.
TEST(HostileScript, ListsOfListsOfLists) {
  std::string body = "    a0 = [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string inner = "a" + std::to_string(i - 1);
    body += "    a" + std::to_string(i) + " = [" + inner + ", " + inner + "]\n";
  }
  expect_refused(forward(body + "    return a59\n"), "too many results");
  EXPECT_EQ(refusal(archive(forward(body + "    b = torch.eq(a59, a58)\n    return x\n"))), "");
  std::string sums = "    n0 = torch.size(x, 0)\n";
  for (int i = 1; i < 400; ++i) {
    const std::string inner = "n" + std::to_string(i - 1);
    sums += "    n" + std::to_string(i) + " = torch.add(" + inner + ", " + inner + ")\n";
  }
  EXPECT_NE(refusal(archive(forward(sums + "    return torch.view(x, [n399])\n"))), "");
  std::string list = "    a = [1, 2]\n    b0 = torch.add(a, a)\n";
  for (int i = 1; i < 60; ++i)
    list += "    b" + std::to_string(i) + " = torch.add(b" + std::to_string(i - 1) + ", b" +
            std::to_string(i - 1) + ")\n";
  EXPECT_NE(refusal(archive(forward(list + "    return torch.view(x, b59)\n"))), "");
}

TEST(HostileScript, OtherPicklesThanModules) {
  EXPECT_NE(refusal(archive(forward("    return x\n"), "\x80\x02K\x01.")), "");
  EXPECT_NE(refusal(archive(forward("    return x\n"),
                            "\x80\x02"
                            "cos\nsystem\n.")),
            "");
  EXPECT_NE(refusal(archive(forward("    return torch.relu(CONSTANTS.c0)\n"), no_attributes, "cut")), "");
}

TEST(HostileScript, CutAnywhere) {
  const Bytes whole = read_file(testdata("scripted.pt")).value();
  for (size_t size = 0; size < whole.size(); size += 97) {
    const auto model =
        torch_format().parse(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), {});
    EXPECT_FALSE(model.ok()) << size;
  }
}

}  // namespace
}  // namespace fetafix::formats::torch
