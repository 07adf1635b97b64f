// What a recurrent layer comes down to, gate by gate, whatever one exporter wrote as one operator and another
// as a loop over the steps. The cells are those of ONNX's LSTM and GRU (its operator documentation), with
// their usual functions.
#pragma once

#include <optional>

#include "faults/stored.h"

namespace fetafix::faults {

// Numbers that lie in a constant: number k is its element index[k].
struct Held {
  std::vector<float> numbers;
  std::vector<size_t> index;
  std::optional<Stored> stored;  // of the target; nullopt: they can't be written
};

struct Gate {
  std::string name;                // as ONNX calls it: i, o, f, c; z, r, h
  std::vector<Held> weights;       // none, or one of [units, inputs]: none where a loop is given the products
  std::vector<Held> recurrence;    // one of [units, units]
  std::vector<Held> biases;        // [units] each; only their sum counts
  std::vector<Held> reset_biases;  // ... and of those that a GRU's reset scales
};

struct Recurrent {
  std::string type;  // LSTM or GRU
  bool linear_before_reset = false;
  std::vector<Gate> gates;  // in ONNX's order
  enum class Direction { unknown, forward, reverse } direction = Direction::unknown;
};

// The form of an LSTM or GRU, one for each direction, or of a Loop whose step is such a cell. Empty: it is
// none.
std::vector<Recurrent> recurrent_of_source(const Place& place, graph::NodeId node);
std::vector<Recurrent> recurrent_of_target(const Place& place, graph::NodeId node);

}  // namespace fetafix::faults
