#include "diagnose/static_operators.h"

#include <algorithm>

#include "diagnose/static_match.h"
#include "faults/attributes.h"

namespace fetafix::diagnose {
namespace {

using graph::Graph;
using graph::Node;

constexpr double exactly = 1e-5;         // relative: normalization folded in float32
constexpr double exactly_biased = 1e-4;  // biases of folded normalization cancel
constexpr double in_fewer_bits = 0.02;

class Comparison {
 public:
  Comparison(const Graph& source, const Unit& its, const Graph& target, const Unit& mine, bool fewer_bits)
      : source_(source.node(its.node)),
        target_(target.node(mine.node)),
        its_(its),
        mine_(mine),
        tolerance_(fewer_bits ? in_fewer_bits : exactly) {}

  OperatorComparison run(double distance) {
    if (mine_.linear)
      compare_linear(distance);
    else
      compare_plain();
    return std::move(out_);
  }

 private:
  void add(const char* fault_class, std::string pattern, std::string explanation, double confidence,
           double distance = 0) {
    out_.differences.push_back(
        {-1, -1, fault_class, std::move(pattern), std::move(explanation), confidence, distance});
  }

  void compare_attributes() {
    if (source_.type != target_.type) {
      out_.unknown = true;
      return;
    }
    for (const auto& one : faults::differing_attributes(source_, target_))
      add("hyperparameters", one.name,
          one.name + " is " + graph::to_text(one.target) + " where the source has " +
              graph::to_text(one.source),
          0.9);
  }

  void compare_linear(double distance) {
    compare_attributes();
    compare_weights(distance);
    const auto theirs = its_.linear->bias(), mine = mine_.linear->bias();
    const double apart = faults::distance(theirs, mine);
    if (apart > std::max(exactly_biased, tolerance_)) {
      const bool lost = std::all_of(mine.begin(), mine.end(), [](double v) { return v == 0; });
      add("parameters", lost ? "lost-bias" : "bias",
          lost ? "the bias of this layer was lost" : "the bias is not the source's", 0.9, apart);
    }
    compare_pads();
  }

  void compare_weights(double distance) {
    if (distance <= tolerance_) return;
    const bool permuted = sorted_distance(its_.linear->kernel(), mine_.linear->kernel()) <= tolerance_;
    // The order of a flattened picture is the layout's: another order of the rows may be right.
    if (permuted && (its_.operands[0].flattened || mine_.operands[0].flattened))
      out_.unknown = true;
    else
      add("parameters", permuted ? "weights-permuted" : "weights",
          permuted ? "the weights are the source's numbers in another order"
                   : "the weights are not the source's",
          0.9, distance);
  }

  void compare_pads() {
    const auto &theirs = its_.linear->pads, &mine = mine_.linear->pads;
    if (target_.type != "Conv") return;
    if (its_.padded_apart || mine_.padded_apart) {
      out_.unknown = true;
      return;
    }
    if (!theirs.empty() && !mine.empty()) {
      if (theirs != mine)
        add("hyperparameters", "pads",
            "pads are " + graph::to_text(graph::Attribute(mine)) + " where the source has " +
                graph::to_text(graph::Attribute(theirs)),
            0.9);
      return;
    }
    // Automatic padding follows from sizes that only a run knows.
    const std::string automatic = graph::attribute_or(source_, "auto_pad", std::string("NOTSET"));
    if (automatic == "NOTSET" || automatic != graph::attribute_or(target_, "auto_pad", std::string("NOTSET")))
      out_.unknown = true;
  }

  void compare_plain() {
    if (mine_.label.starts_with("Reduce")) return;  // static_order.h
    const bool bounds = mine_.label == "Clip";      // of which Relu is one
    if (!bounds) {
      const size_t before = out_.differences.size();
      compare_attributes();
      const bool found = out_.differences.size() > before;
      if (!found && !faults::knows_all_attributes(target_) && !same_attributes()) out_.unknown = true;
    }
    if (its_.constants.size() != mine_.constants.size()) {
      out_.unknown = true;
      return;
    }
    for (size_t i = 0; i < mine_.constants.size(); ++i)
      compare_constants(its_.constants[i], mine_.constants[i], bounds);
  }

  bool same_attributes() const {
    return source_.attributes.size() == target_.attributes.size() &&
           std::equal(source_.attributes.begin(), source_.attributes.end(), target_.attributes.begin(),
                      [](const auto& a, const auto& b) {
                        return a.first == b.first && graph::to_text(a.second) == graph::to_text(b.second);
                      });
  }

  void compare_constants(const Tensor& theirs, const Tensor& mine, bool bounds) {
    if (!theirs.empty() && theirs.identical(mine)) return;
    // Whole numbers are sizes and axes, which the layout decides.
    if (theirs.empty() || mine.empty() || !is_floating(theirs.dtype()) || !is_floating(mine.dtype()) ||
        theirs.size() != mine.size()) {
      out_.unknown = true;
      return;
    }
    if (bounds) {
      add("hyperparameters", "bounds",
          "values are cut off at " + cut(mine) + " where the source has " + cut(theirs), 0.9);
      return;
    }
    if (const double apart = tensor_distance(theirs, mine); apart > tolerance_)
      add("parameters", "constant", "a constant operand is not the source's", 0.8, apart);
  }

  static std::string cut(const Tensor& bounds) {
    const auto values = bounds.as<float>();
    const auto text = [](float v) {
      return v > 1e38f    ? "no upper bound"
             : v < -1e38f ? "no lower bound"
                          : graph::to_text(graph::Attribute(v));
    };
    return text(values[0]) + " and " + text(values[1]);
  }

  const Node& source_;
  const Node& target_;
  const Unit& its_;
  const Unit& mine_;
  double tolerance_;
  OperatorComparison out_;
};

}  // namespace

OperatorComparison compare_operators(const Graph& source, const Unit& its, const Graph& target,
                                     const Unit& mine, double distance, bool fewer_bits) {
  return Comparison(source, its, target, mine, fewer_bits).run(distance);
}

}  // namespace fetafix::diagnose
