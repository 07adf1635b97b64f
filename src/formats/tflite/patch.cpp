#include "formats/tflite/model.h"
namespace fetafix::formats::tflite {
Status patch_model(schema::ModelT&, const graph::Graph&, const graph::Patch&) { return Error{ErrorKind::unsupported, "later"}; }
}
