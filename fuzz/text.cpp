// The text form of graphs, which tests are written in: any text as a graph.
#include "fuzz/fuzz.h"
#include "graph/parse_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto graph = fetafix::graph::parse_text({reinterpret_cast<const char*>(data), size});
  if (graph.ok()) (void)fetafix::graph::to_text(*graph);
  return 0;
}
