// The worker's end: reads requests and answers them until the parent goes away.
#pragma once

#include <functional>
#include <string>

#include "channel/protocol.h"

namespace fetafix::channel {

struct Service {
  // Opens the runtime; its members go into the answer to hello: {"worker": ..., "version": ...}.
  std::function<Result<Json>()> hello;
  // Answers a request. Its tensors point into shared memory and are gone after the return: keep no reference.
  // An exception (out of memory, say) is answered as an error.
  std::function<Result<Message>(const std::string& call, const Message& request)> handle;
};

// The exit code for main(): 0 when the parent closed the connection or asked for shutdown, 1 when it spoke
// nonsense, 2 when this was not started by a parent (message on standard error).
int serve(const Service& service);

}  // namespace fetafix::channel
