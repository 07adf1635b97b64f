// The last lines of what a worker printed, for the message about its end.
#pragma once

#include <string>
#include <string_view>

namespace fetafix::channel {

class Tail {
 public:
  void add(std::string_view printed);
  // At most 10 lines and 2000 bytes, oldest first, joined by " | "; without the frames of a stack trace that
  // TensorFlow prints. Other control characters become '?'.
  std::string text() const;

 private:
  std::string kept_;
};

}  // namespace fetafix::channel
