// .pt2 files of torch.export, and TorchScript, in the user's PyTorch (2.5 or newer).
//
// Option torch.kernels: default | native. The default is what users get: oneDNN's kernels where PyTorch takes
// them. `native` are PyTorch's own.
#pragma once

#include "channel/locate.h"
#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& torch();

// An interpreter whose PyTorch reads exported programs. Error kind runtime_missing.
Result<channel::PythonPackage> find_torch(const std::filesystem::path& python);

}  // namespace fetafix::runtimes
