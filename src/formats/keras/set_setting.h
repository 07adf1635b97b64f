// Edits that need no view because they make one possible: they speak of places in the configuration.
#pragma once

#include "formats/keras/file.h"
#include "graph/edit.h"

namespace fetafix::formats::keras {

// The file in memory with all settings that a patch changes by their place (graph/file_setting.h); its other
// edits want the view of what this gives.
Result<File> with_settings(const File& file, const graph::Patch& patch);

// Sets what stands at a place of a configuration, which must hold what is around it; nullopt takes it out.
graph::Edit setting_edit(const Json& config, const std::string& place, const std::optional<Json>& value);

}  // namespace fetafix::formats::keras
