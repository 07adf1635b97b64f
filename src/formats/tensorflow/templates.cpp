#include "formats/tensorflow/templates.h"

#include <algorithm>

namespace fetafix::formats::tensorflow {
namespace {

bool is(const Program& program, int op, std::initializer_list<const char*> types) {
  if (op < 0) return false;
  const std::string& type = program.ops[static_cast<size_t>(op)].node->op();
  return std::any_of(types.begin(), types.end(), [&](const char* one) { return type == one; });
}

class Finder {
 public:
  explicit Finder(const Program& program) : program_(program), readers_(program.ops.size()) {
    for (size_t i = 0; i < program.ops.size(); ++i)
      for (const Source& source : program.ops[i].inputs)
        if (source.op >= 0) readers_[static_cast<size_t>(source.op)].push_back(static_cast<int>(i));
    for (const Source& source : program.outputs)
      if (source.op >= 0) readers_[static_cast<size_t>(source.op)].push_back(-1);
  }

  Normalizations run() {
    for (size_t i = 0; i < program_.ops.size(); ++i)
      if (is(program_, static_cast<int>(i), {"AddV2", "Add"})) normalization(static_cast<int>(i));
    return std::move(out_);
  }

 private:
  int maker(const Slot& slot) const {
    const auto& inputs = program_.ops[static_cast<size_t>(slot.op)].inputs;
    return static_cast<size_t>(slot.slot) < inputs.size() ? inputs[static_cast<size_t>(slot.slot)].op : -1;
  }

  // The two ways in which an operator of two operands may hold them; the other operand.
  Slot other(const Slot& slot) const { return {slot.op, 1 - slot.slot}; }

  bool read_by_these_alone(int op, std::initializer_list<int> ops) const {
    return std::ranges::all_of(readers_[static_cast<size_t>(op)], [&](int reader) {
      return std::find(ops.begin(), ops.end(), reader) != ops.end();
    });
  }

  bool one_scope(std::initializer_list<int> ops) const {
    const int scope = program_.ops[static_cast<size_t>(*ops.begin())].scope;
    return std::all_of(ops.begin(), ops.end(),
                       [&](int op) { return program_.ops[static_cast<size_t>(op)].scope == scope; });
  }

  void normalization(int last) {
    for (int side : {0, 1}) {
      const int scaled = maker({last, side}), shift = maker({last, 1 - side});
      if (!is(program_, scaled, {"Mul"}) || !is(program_, shift, {"Sub"})) continue;
      const int moved = maker({shift, 1});
      if (!is(program_, moved, {"Mul"})) continue;
      for (const Slot factor : {Slot{scaled, 0}, Slot{scaled, 1}})
        for (const Slot same : {Slot{moved, 0}, Slot{moved, 1}})
          if (maker(factor) >= 0 && maker(factor) == maker(same) &&
              complete(last, {other(factor), {}, {shift, 0}, other(same), {}, {}, {}}, maker(factor)))
            return;
    }
  }

  // `factor`: rsqrt(variance + epsilon), times gamma if there is one.
  bool complete(int last, Normalization found, int factor) {
    int root = factor;
    if (is(program_, factor, {"Mul"}))
      for (const Slot side : {Slot{factor, 0}, Slot{factor, 1}})
        if (is(program_, maker(side), {"Rsqrt"})) {
          root = maker(side);
          found.gamma = other(side);
        }
    if (!is(program_, root, {"Rsqrt"})) return false;
    const int sum = maker({root, 0});
    if (!is(program_, sum, {"AddV2", "Add"})) return false;
    found.variance = {sum, 0};
    found.epsilon = {sum, 1};
    const int scaled = found.x.op, moved = found.mean.op, shift = found.beta.op;
    if (!one_scope({last, scaled, moved, shift, factor, root, sum})) return false;
    if (!read_by_these_alone(scaled, {last}) || !read_by_these_alone(shift, {last}) ||
        !read_by_these_alone(moved, {shift}) || !read_by_these_alone(factor, {scaled, moved}) ||
        !read_by_these_alone(root, {factor, scaled, moved}) || !read_by_these_alone(sum, {root}))
      return false;
    found.others = {scaled, moved, shift, factor, root, sum};
    out_[last] = std::move(found);
    return true;
  }

  const Program& program_;
  std::vector<std::vector<int>> readers_;
  Normalizations out_;
};

}  // namespace

Normalizations normalizations_of(const Program& program) {
  return Finder(program).run();
}

}  // namespace fetafix::formats::tensorflow
