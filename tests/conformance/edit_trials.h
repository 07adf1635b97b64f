// Edits of each kind, found in a view: whatever a format can hold, they are the same questions to all.
#pragma once

#include "tests/conformance/format_checks.h"

namespace fetafix::conformance {

struct Trial {
  std::string kind;
  std::string what;                // for messages
  std::vector<graph::Edit> edits;  // of that kind, with what it needs
  int64_t batch = 1;               // of the inputs that show it
};

// Those that a view can take, of every kind but the ones that only broken files need. `shapes`: of its
// values, as they come out.
std::vector<Trial> trials(const graph::Graph& view, const std::map<graph::ValueId, Shape>& shapes);

// How the trials of a kind went.
struct Tally {
  int seen = 0;  // applied, written, read, lifted, loaded, run: and what came out is what the
                 // edited view computes
  std::vector<std::string> refused;  // by the format, with its reason
  std::vector<std::string> wrong;    // the file is not what its edited view says
};

// Tries up to `most` of each kind that the file shows, and all kinds that there are: an error is a file that
// is not what its edited view says. An edit that the view itself can't take, or that changes nothing, is no
// trial.
Status try_edits(const Opened& opened, int most, std::map<std::string, Tally>& tallies);

}  // namespace fetafix::conformance
