// The catalogue of fault patterns: knowledge of one kind of fault each. A pattern looks at one place where
// the target computes other than the source and proposes edits; whether they help is for repair to find out.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "align/alignment.h"
#include "align/half_steps.h"
#include "graph/edit.h"

namespace fetafix::faults {

// Both views in canonical form. Exactly one of `segment` and `edge` is set.
struct Place {
  const graph::Graph& source;
  const graph::Graph& target;
  const graph::Uses& target_uses;
  const align::SourceValues& values;
  const align::Alignment& alignment;
  align::HalfSteps& half_steps;  // of the target
  const align::Segment* segment = nullptr;
  const align::EdgeFault* edge = nullptr;
};

struct Candidate {
  std::string pattern;
  std::string fault_class;
  std::string explanation;  // what is wrong here, for a user
  std::string advice;       // how to convert so that it does not happen
  std::vector<graph::Edit> edits;
  bool guess = false;        // nothing but its trial says that it is so
  bool last_resort = false;  // tried when no others mend the place, not even together
};

struct Pattern {
  std::string_view name;
  std::string_view fault_class;
  std::string_view description;  // one line for `fetafix list faults`
  std::function<std::vector<Candidate>(const Place&)> propose;
};

// In the order in which they are tried: what copies the source's exact value comes first.
std::span<const Pattern> catalogue();

// One function a pattern; each lives in the file of its name.
std::vector<Candidate> training_mode(const Place& place);
std::vector<Candidate> attribute(const Place& place);
std::vector<Candidate> epsilon(const Place& place);
std::vector<Candidate> pad_amounts(const Place& place);
std::vector<Candidate> misplaced_pad(const Place& place);
std::vector<Candidate> activation_scale(const Place& place);
std::vector<Candidate> activation_zero_point(const Place& place);
std::vector<Candidate> tensor(const Place& place);
std::vector<Candidate> recurrent_tensor(const Place& place);
std::vector<Candidate> folded_tensor(const Place& place);
std::vector<Candidate> normalization_parameter(const Place& place);
std::vector<Candidate> affine_parameter(const Place& place);
std::vector<Candidate> scale_and_shift(const Place& place);
std::vector<Candidate> reshape_size(const Place& place);
std::vector<Candidate> missing_reshape(const Place& place);
std::vector<Candidate> misfit_tensor(const Place& place);
std::vector<Candidate> operator_type(const Place& place);
std::vector<Candidate> missing_operator(const Place& place);
std::vector<Candidate> extra_operator(const Place& place);
std::vector<Candidate> transpose_order(const Place& place);
std::vector<Candidate> missing_transpose(const Place& place);
std::vector<Candidate> rewired_operand(const Place& place);
std::vector<Candidate> extra_transpose(const Place& place);
std::vector<Candidate> replaced_operator(const Place& place);
std::vector<Candidate> idle_operator(const Place& place);
std::vector<Candidate> known_activation(const Place& place);
std::vector<Candidate> rewired_operator(const Place& place);
std::vector<Candidate> enumerated_attribute(const Place& place);
std::vector<Candidate> upstream_tensor(const Place& place);
std::vector<Candidate> replaced_segment(const Place& place);

}  // namespace fetafix::faults
