// The document that an exported program would have, made of a TorchScript program.
#pragma once

#include "formats/torch/script.h"

namespace fetafix::formats::torch {

// Fills the document and the tables of `file`, and what `script` knows of where its nodes stand.
Status make_document(File& file, Script& script);

}  // namespace fetafix::formats::torch
