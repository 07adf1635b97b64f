// One operator of the target against its counterpart, without running either. Private to diagnose/.
#pragma once

#include "diagnose/static.h"
#include "diagnose/static_units.h"

namespace fetafix::diagnose {

struct OperatorComparison {
  std::vector<StaticDifference> differences;  // nodes are for the caller to fill in
  bool unknown = false;                       // something is there that can't be compared
};

// `distance`: of the kernels of linear units. `fewer_bits`: one of the files stores numbers in fewer bits.
OperatorComparison compare_operators(const graph::Graph& source, const Unit& its, const graph::Graph& target,
                                     const Unit& mine, double distance, bool fewer_bits);

}  // namespace fetafix::diagnose
