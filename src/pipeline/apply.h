// Replaying a written patch: on its own file, on another one (rebase), or backwards (reverse).
#pragma once

#include "fetafix/fetafix.h"
#include "formats/format.h"

namespace fetafix::pipeline {

// Makes a patch fit to be written: with the SHA-256 of its file, the fingerprints of what it addresses, and
// the way back from the patched file.
Status complete_patch(graph::Patch& patch, const formats::NativeModel& model,
                      const std::filesystem::path& model_path, const std::filesystem::path& patched_path);

Status write_patch(const graph::Patch& patch, const std::filesystem::path& path);

Status apply(const ApplyOptions& options);

}  // namespace fetafix::pipeline
