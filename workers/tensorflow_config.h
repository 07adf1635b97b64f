// How a TensorFlow session computes, as the bytes of the ConfigProto that TF_SetConfig takes.
#pragma once

#include <string>

namespace fetafix::tensorflow {

struct Settings {
  int threads = 1;
  bool optimize = true;  // false: the graph runs as it is written
};

std::string config_bytes(const Settings& settings);

}  // namespace fetafix::tensorflow
