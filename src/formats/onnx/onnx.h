// ONNX files: opset 7 to the newest, external data; nested graphs and functions are kept and opaque.
#pragma once

#include "formats/format.h"

namespace fetafix::formats::onnx {

const Format& onnx_format();

}  // namespace fetafix::formats::onnx
