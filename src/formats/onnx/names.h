// The names by which nodes read values, those that nested graphs read included.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {

// How often a node reads a value.
int uses_of(const onnx_wire::Node& node, const std::string& name);
// Makes it read another.
void rename_uses(onnx_wire::Node& node, const std::string& from, const std::string& to);

// The values of the main graph by name: who writes and who reads them, in the order of the file.
class Names {
 public:
  explicit Names(const onnx_wire::Graph& graph);

  bool is_given(const std::string& name) const { return given_.contains(name); }  // input or initializer
  bool exists(const std::string& name) const { return is_given(name) || writers_.contains(name); }
  bool is_read(const std::string& name) const { return read_.contains(name); }
  // Indices of the nodes that write it, in the order of the file.
  std::vector<int> writers(const std::string& name) const;
  // Nodes on a cycle or behind one; empty: there is an order.
  std::vector<size_t> unordered() const;
  const std::vector<std::string>& inputs() const { return inputs_; }  // without initializers

 private:
  const onnx_wire::Graph& graph_;
  std::set<std::string> given_, read_;
  std::vector<std::string> inputs_;
  std::map<std::string, std::vector<int>> writers_;
};

}  // namespace fetafix::formats::onnx
