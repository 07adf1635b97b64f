// A worker that misbehaves on request, for worker_test.cpp.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "channel/serve.h"

namespace {

using namespace fetafix;
using channel::Message;

void raw_send(const char* bytes, size_t count) {
  [[maybe_unused]] const ssize_t sent = send(channel::socket_fd, bytes, count, MSG_NOSIGNAL);
}

// A child of the worker that would outlive it.
Result<Message> leave_a_child() {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  Message reply;
  reply.fields["pid"] = child;
  return reply;
}

Result<Message> allocate(int64_t megabytes) {
  std::vector<char> memory(static_cast<size_t>(megabytes) << 20, 1);
  Message reply;
  reply.fields["byte"] = memory[memory.size() / 2];
  return reply;
}

// A tensor that claims to lie where the arena has no memory.
Result<Message> lie() {
  const std::string text =
      R"({"id":2,"ok":true,"tensors":[{"name":"x","dtype":"float32","shape":[1073741824],)"
      R"("offset":0,"bytes":4294967296}]})";
  const uint64_t length = text.size();
  raw_send(reinterpret_cast<const char*>(&length), sizeof length);
  raw_send(text.data(), text.size());
  std::this_thread::sleep_for(std::chrono::seconds(60));
  return Message{};
}

Result<Message> handle(const std::string& call, const Message& request) {
  if (call == "echo") return Message{request.fields, request.tensors};
  if (call == "pid") return Message{Json{{"pid", getpid()}}, {}};
  if (call == "crash") {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer would report and exit
    raise(SIGSEGV);
  }
  if (call == "abort") std::abort();
  if (call == "exit") {
    std::fputs("first line\nthe reason for leaving\n", stderr);
    _exit(7);
  }
  if (call == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
  if (call == "print") {
    for (int i = 0; i < 200000; ++i) std::puts("a library that talks");
    return Message{};
  }
  if (call == "garbage") raw_send("\xff\xff\xff\xff\xff\xff\xff\xffgarbage", 15);
  if (call == "garbage") std::this_thread::sleep_for(std::chrono::seconds(60));
  if (call == "lie") return lie();
  if (call == "close") {
    shutdown(channel::socket_fd, SHUT_RDWR);
    std::this_thread::sleep_for(std::chrono::seconds(60));
  }
  if (call == "throw") throw std::runtime_error("an exception");
  if (call == "refuse") return Error{ErrorKind::unsupported, "not this one"};
  if (call == "allocate") return allocate(request.fields["megabytes"].get<int64_t>());
  if (call == "fork") return leave_a_child();
  return Error{ErrorKind::internal, "no call '" + call + "'"};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  channel::Service service;
  service.hello = [&]() -> Result<Json> {
    if (mode == "missing") return Error{ErrorKind::runtime_missing, "no such runtime"};
    return Json{{"worker", "naughty"}, {"version", "0"}};
  };
  service.handle = handle;
  return channel::serve(service);
}
