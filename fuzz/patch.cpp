// The reader of patches: any text as a patch, applied to a small view when it can be read.
#include <string_view>

#include "base/json.h"
#include "fuzz/fuzz.h"
#include "graph/edit.h"
#include "graph/parse_text.h"
#include "graph/patch_delta.h"

namespace fetafix {
namespace {

// Operators 0 to 3: a bias that may be set, an optional output, a value with two readers.
constexpr std::string_view small_model = R"(input %x float32[1,2,4,4]
const %w float32[2,2,1,1] {1, 2, 3, 4}
%y = Conv(%x, %w) {kernel_shape=[1,1]}
%z = Relu(%y)
%d,_ = Dropout(%z)
%s = Add(%d, %z)
output %s
)";

graph::Graph small_graph() {
  auto graph = graph::parse_text(small_model);
  fuzz::promise(graph.ok(), "the small model can be read");
  return *graph;
}

void read_and_apply(std::string_view text) {
  static const graph::Graph graph = small_graph();
  auto json = parse_json(text, "patch");
  if (!json.ok()) return;
  auto patch = graph::patch_from_json(*json);
  if (!patch.ok()) return;

  const std::string written = dump_json(graph::to_json(*patch));
  auto again = parse_json(written, "patch");
  fuzz::promise(again.ok(), "a written patch is JSON");
  auto same = graph::patch_from_json(*again);
  fuzz::promise(same.ok() && dump_json(graph::to_json(*same)) == written, "a written patch reads back");

  graph::Graph patched = graph;
  for (const auto& group : patch->groups)
    for (const auto& edit : group.edits) (void)graph::describe(edit);
  if (graph::apply(patched, *patch).ok()) (void)graph::to_text(patched);
  (void)graph::rebase(*patch, graph).ok();
  if (patch->reverse)
    (void)graph::apply_delta(as_bytes(std::string(small_model)), patch->reverse->delta).ok();
}

}  // namespace
}  // namespace fetafix

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::read_and_apply({reinterpret_cast<const char*>(data), size});
  return 0;
}
