// From edits in real numbers to edits in what a file stores: float16, or integers that count in steps.
//
// A view shows quantized constants as they are stored, behind a DequantizeLinear. Patterns compare and give
// real numbers. Both the view's apply() and the formats' patchers put them through here, so that they agree.
#pragma once

#include <string_view>

#include "graph/edit.h"

namespace fetafix::graph {

// The edit in the stored type, and what has to change with it:
//   - integers with the tensor's own scale and zero point (one, or one for each channel);
//   - where values do not fit, the scale (and zero point) of that channel as well;
//   - with a weight's scale the bias, which counts in steps of input scale times weight scale.
// An edit that is in the stored type already comes back as it is. Error kind `unsupported`: a value that does
// not fit float16 or the bias's integers, or a scale that is computed.
Result<std::vector<SetTensor>> stored_form(const Graph& graph, const SetTensor& edit);

// The same for a whole patch; edits see the scales that edits before them set.
Result<Patch> stored_form(const Graph& graph, const Patch& patch);

// Sets scale or zero point (operand 1 or 2) of a value that is quantized by node `quantizer`, also where that
// is a Clip to the range of the type (align/float_form.h). Parts of other operators that read the value count
// in the same steps; ONNX has operators of their own for that, which keep theirs.
Status set_quantization(Graph& graph, NodeId quantizer, int input, const Tensor& value);

// Attributes of an inserted node that say how its output counts between quantized tensors (one float, one
// integer): they belong to the tensor and are no attributes of the operator.
inline constexpr std::string_view output_scale = "output_scale", output_zero_point = "output_zero_point";
bool counts_output(const InsertNode& edit);

// InsertNode whose output counts on its own, on what one operator reads of a quantized tensor.
Status insert_counted(Graph& graph, const InsertNode& edit);

// Where operand `input` of a node is a part of its operator that dequantizes a tensor, and `value` is another
// quantized tensor: makes that part read it, in its steps. False: it is something else, and nothing was done.
Result<bool> reread_quantized(Graph& graph, NodeId node, int input, ValueId value);

// After the scale in operand 1 of node `dequantizer` changed from `before`: constants of the view that follow
// from it and have no place of their own in the file (TFLite's bias scales).
void follow_scale(Graph& graph, NodeId dequantizer, const Tensor& before);

}  // namespace fetafix::graph
