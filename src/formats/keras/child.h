// A child process that tries first what might not be survived.
#pragma once

#include <functional>

namespace fetafix::formats::keras {

// Whether a child with a copy of our memory lived through `work`, within 20 s. Also true where there is no
// trying: in a process with sanitizers, which forks slowly and is there to show what a child would hide, and
// where no child can be made.
bool survives(const std::function<void()>& work);

}  // namespace fetafix::formats::keras
