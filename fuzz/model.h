// A model file: read, checked, lifted.
#pragma once

#include "formats/format.h"
#include "fuzz/fuzz.h"

namespace fetafix::fuzz {

inline void read_and_lift(const formats::Format& format, BytesView bytes) {
  static InputFile file;
  auto model = format.read(file.write(bytes));
  if (!model.ok()) {
    promise(model.error().kind == ErrorKind::file || model.error().kind == ErrorKind::unsupported,
            "a file that can't be read is a fault of the file");
    return;
  }
  auto lifted = (*model)->lift();
  if (!lifted.ok()) {
    promise(lifted.error().kind != ErrorKind::internal, "a view is given or refused, but never malformed");
    return;
  }
  promise(graph::verify(lifted->graph).ok(), "a view is well formed");
}

}  // namespace fetafix::fuzz
