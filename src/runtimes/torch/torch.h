// .pt2 files of torch.export, and TorchScript, in the user's PyTorch (2.5 or newer).
//
// Option torch.kernels: default | native. The default is what users get: oneDNN's kernels where PyTorch takes
// them. `native` are PyTorch's own.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& torch();

}  // namespace fetafix::runtimes
