// Places for weights that a file lacks, or holds in another shape than its layer makes.
#pragma once

#include "formats/keras/lift.h"
#include "formats/keras/wanted_weights.h"
#include "graph/edit.h"

namespace fetafix::formats::keras {

// What a layer's call makes, and which datasets of the file (-1: none) hold it.
struct Holding {
  std::vector<WantedWeight> wanted;
  std::vector<int> held;  // by wanted weight
  std::vector<int> more;  // held besides
};

// Of the tensors that an operator's layer is called with, as far as they are known.
std::vector<std::optional<Shape>> operand_shapes(const Lift& lift, int op);

// nullopt: the layer's class is not known here.
std::optional<Holding> holding_of(const File& file, const Tree& tree, const Lift& lift, int op);

// The file in memory with this tensor, in the file's own order of dimensions, as wanted weight k of an
// operator's layer. Error kind `unsupported`: it can't be said where.
Result<File> with_weight(const File& file, const Tree& tree, const Lift& lift, int op, size_t k,
                         const Tensor& tensor);

// The file with something in each place that a patch fills as `retype` says (SetTensor); the patch's own
// numbers come later, through the view that this makes possible.
Result<File> with_places(const File& file, const graph::Patch& patch);

}  // namespace fetafix::formats::keras
