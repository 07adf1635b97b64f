// What a program notes of the modules around each operator: "key,path,class;key,path,class", outermost first.
// Nothing computes with it, yet PyTorch does not load a program in which one can't be taken apart, as where a
// module's name has a semicolon (a converter named it after fused operators).
#pragma once

#include "base/json.h"

namespace fetafix::formats::torch {

constexpr const char* unreadable_notes_field = "unreadable_module_notes";  // of graph::SetMetadata

// How many operators have a note that PyTorch can't take apart.
int unreadable_module_notes(const Json& document);

// Takes those notes out.
void drop_unreadable_module_notes(Json& document);

}  // namespace fetafix::formats::torch
