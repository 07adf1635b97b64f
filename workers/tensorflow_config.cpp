#include "workers/tensorflow_config.h"

#include <cstdint>

namespace fetafix::tensorflow {
namespace {

// Numbers of fields and values: tensorflow/core/protobuf/config.proto and rewriter_config.proto, the same in
// every TensorFlow 2.
namespace config {
constexpr int device_count = 1, intra_op_threads = 2, inter_op_threads = 5, soft_placement = 7;
constexpr int threads_per_session = 9, graph_options = 10;
}  // namespace config
namespace graph {
constexpr int optimizer_options = 3, rewrite_options = 10;
}  // namespace graph
constexpr int optimizer_level = 3, disable_meta_optimizer = 19;
constexpr int64_t level_none = -1;

void add_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void add_number(std::string& out, int field, int64_t value) {
  add_varint(out, static_cast<uint64_t>(field) << 3);
  add_varint(out, static_cast<uint64_t>(value));
}

void add_bytes(std::string& out, int field, const std::string& bytes) {
  add_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  add_varint(out, bytes.size());
  out += bytes;
}

std::string as_written() {
  std::string optimizer, rewriter, out;
  add_number(optimizer, optimizer_level, level_none);
  add_number(rewriter, disable_meta_optimizer, 1);
  add_bytes(out, graph::optimizer_options, optimizer);
  add_bytes(out, graph::rewrite_options, rewriter);
  return out;
}

std::string no_gpu() {
  std::string out;
  add_bytes(out, 1, "GPU");
  add_number(out, 2, 0);
  return out;
}

}  // namespace

std::string config_bytes(const Settings& settings) {
  std::string out;
  add_bytes(out, config::device_count, no_gpu());
  add_number(out, config::intra_op_threads, settings.threads);
  add_number(out, config::inter_op_threads, settings.threads);
  add_number(out, config::soft_placement, 1);  // what was saved for a GPU runs on the CPU
  add_number(out, config::threads_per_session, 1);
  if (!settings.optimize) add_bytes(out, config::graph_options, as_written());
  return out;
}

}  // namespace fetafix::tensorflow
