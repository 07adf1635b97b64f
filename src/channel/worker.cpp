#include "channel/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "channel/frame.h"
#include "channel/tail.h"

namespace fetafix::channel {
namespace {

using Clock = std::chrono::steady_clock;

// How often a waiting call looks at the interrupt flag.
constexpr Milliseconds glance{100};
// A process that has closed its socket is about to end; more would be a hang.
constexpr Milliseconds farewell{1000};

std::string seconds(Milliseconds time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

Status set_nonblocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    return Error{ErrorKind::internal, std::string("worker pipe: ") + std::strerror(errno)};
  return {};
}

Result<std::pair<Descriptor, Descriptor>> make_socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{ErrorKind::internal, std::string("worker socket: ") + std::strerror(errno)};
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

}  // namespace

struct Worker::Connection {
  enum class Event { progress, waiting, closed, error };

  static Result<std::unique_ptr<Connection>> open(const WorkerProgram& program, const WorkerOptions& options);
  // Waits at most so long, moves what can be moved.
  Event step(const std::string& frame, size_t& sent, Milliseconds wait);
  Event receive();
  void drain_output();

  Process process;
  Descriptor socket;
  Descriptor output;  // what it prints, on either stream
  Arena to_worker;
  Arena from_worker;
  FrameReader reader;
  Tail tail;
  std::string problem;  // after Event::error
};

Result<std::unique_ptr<Worker::Connection>> Worker::Connection::open(const WorkerProgram& program,
                                                                     const WorkerOptions& options) {
  FETAFIX_TRY(auto sockets, make_socket_pair());
  FETAFIX_TRY(auto output, make_pipe());
  FETAFIX_TRY(Arena to_worker, Arena::create());
  FETAFIX_TRY(Arena from_worker, Arena::create());
  FETAFIX_CHECK(set_nonblocking(sockets.first.get()));
  FETAFIX_CHECK(set_nonblocking(output.first.get()));
  ProcessOptions child{program.program, program.arguments, {}, options.memory_limit_mb};
  child.descriptors = {{output.second.get(), 1},
                       {output.second.get(), 2},
                       {sockets.second.get(), socket_fd},
                       {to_worker.descriptor(), to_worker_fd},
                       {from_worker.descriptor(), from_worker_fd}};
  FETAFIX_TRY(Process process, Process::start(child));
  return std::make_unique<Connection>(Connection{std::move(process),
                                                 std::move(sockets.first),
                                                 std::move(output.first),
                                                 std::move(to_worker),
                                                 std::move(from_worker),
                                                 {},
                                                 {},
                                                 {}});
}

void Worker::Connection::drain_output() {
  std::array<char, 4096> buffer;
  ssize_t got;
  while ((got = read(output.get(), buffer.data(), buffer.size())) > 0)
    tail.add({buffer.data(), static_cast<size_t>(got)});
  if (got == 0) output.close();  // else poll would wake up for its end again and again
}

Worker::Connection::Event Worker::Connection::receive() {
  std::array<char, 16384> buffer;
  while (reader.missing() > 0) {
    const ssize_t got = recv(socket.get(), buffer.data(), std::min(buffer.size(), reader.missing()), 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return Event::closed;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Event::waiting;
    if (got < 0) return problem = std::strerror(errno), Event::error;
    const Status fed = reader.feed({buffer.data(), static_cast<size_t>(got)});
    if (!fed.ok()) return problem = fed.error().message, Event::error;
  }
  return Event::progress;
}

Worker::Connection::Event Worker::Connection::step(const std::string& frame, size_t& sent,
                                                   Milliseconds wait) {
  const bool sending = sent < frame.size();
  std::array<pollfd, 3> ends{{{socket.get(), static_cast<short>(sending ? POLLIN | POLLOUT : POLLIN), 0},
                              {output.get(), POLLIN, 0},
                              {process.descriptor(), POLLIN, 0}}};
  if (poll(ends.data(), ends.size(), static_cast<int>(std::min<int64_t>(wait.count(), INT_MAX))) < 0)
    return Event::waiting;  // interrupted by a signal
  if (ends[1].revents != 0) drain_output();
  if (sending && (ends[0].revents & POLLOUT) != 0) {
    const ssize_t moved = send(socket.get(), frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (moved > 0) sent += static_cast<size_t>(moved);
    if (moved < 0 && (errno == EPIPE || errno == ECONNRESET)) return Event::closed;
  }
  if ((ends[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    const Event event = receive();
    if (event != Event::waiting) return event;
  }
  // Checked after the socket, so that a last answer before the end still counts.
  return ends[2].revents != 0 ? Event::closed : Event::waiting;
}

Worker::Worker(WorkerProgram program, WorkerOptions options)
    : program_(std::move(program)), options_(options) {}
Worker::Worker(Worker&&) noexcept = default;
Worker& Worker::operator=(Worker&&) noexcept = default;
Worker::~Worker() = default;

Result<Worker> Worker::start(WorkerProgram program, WorkerOptions options) {
  Worker worker(std::move(program), options);
  FETAFIX_CHECK(worker.restart());
  return worker;
}

Status Worker::restart() {
  connection_.reset();
  auto connection = Connection::open(program_, options_);
  if (!connection.ok()) return in_context(program_.name, std::move(connection).error());
  connection_ = std::move(*connection);
  Message greeting;
  greeting.fields["protocol"] = protocol_version;
  auto reply = call("hello", std::move(greeting), options_.start_timeout);
  if (!reply.ok()) {
    connection_.reset();
    return std::move(reply).error();
  }
  const auto version = json_int(reply->fields, "protocol");
  if (!version.ok() || *version != protocol_version)
    return failed("hello",
                  "speaks protocol " + (version.ok() ? std::to_string(*version) : "unknown") + ", expected " +
                      std::to_string(protocol_version) + "; fetafix and its workers must come from one build",
                  true);
  hello_ = std::move(reply->fields);
  return {};
}

void Worker::stop() {
  if (!connection_) return;
  connection_->socket.close();
  connection_->process.wait(farewell);
  connection_.reset();
}

pid_t Worker::pid() const {
  return connection_ ? connection_->process.pid() : -1;
}

Result<Message> Worker::call(const std::string& name, Message request, std::optional<Milliseconds> timeout) {
  if (!connection_)
    return Error{ErrorKind::runtime_failed, program_.name + " is not running" +
                                                (last_failure_.empty() ? "" : "; earlier: " + last_failure_)};
  FETAFIX_TRY(Json tensors, connection_->to_worker.write(request.tensors));
  Json& fields = request.fields;
  fields["call"] = name;
  fields["id"] = next_id_;
  fields["tensors"] = std::move(tensors);
  FETAFIX_TRY(const std::string text,
              exchange(encode_frame(dump_json(fields)), name, timeout.value_or(options_.call_timeout)));
  return read_reply(text, name);
}

Result<std::string> Worker::exchange(const std::string& frame, const std::string& call,
                                     Milliseconds timeout) {
  using Event = Connection::Event;
  const Clock::time_point deadline = Clock::now() + timeout;
  size_t sent = 0;
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return failed(call, "did not answer within " + seconds(timeout), true);
    switch (connection_->step(frame, sent, options_.interrupted ? std::min(left, glance) : left)) {
      case Event::progress:
        return connection_->reader.take();
      case Event::closed:
        return failed(call, "", false);
      case Event::error:
        return failed(call, connection_->problem, true);
      case Event::waiting:
        break;
    }
    if (options_.interrupted && options_.interrupted->load()) {
      connection_.reset();
      return Error{ErrorKind::interrupted, program_.name + ": interrupted during '" + call + "'"};
    }
  }
}

Result<Message> Worker::read_reply(const std::string& text, const std::string& call) {
  auto json = parse_json(text, "answer");
  if (!json.ok()) return failed(call, json.error().message, true);
  Message reply{std::move(*json), {}};
  const auto id = json_int(reply.fields, "id");
  if (!id.ok() || *id != next_id_) return failed(call, "answered another request", true);
  ++next_id_;
  if (reply.fields.contains("error"))
    return in_context(program_.name, error_from_json(reply.fields["error"]));
  auto tensors = connection_->from_worker.read(reply.fields.value("tensors", Json()), Arena::Mode::copy);
  if (!tensors.ok()) return failed(call, tensors.error().message, true);
  reply.fields.erase("tensors");
  reply.tensors = std::move(*tensors);
  return reply;
}

Error Worker::failed(const std::string& call, const std::string& what, bool kill) {
  std::optional<std::string> ending;
  if (!kill) ending = connection_->process.wait(farewell);
  std::string message = program_.name + ", during '" + call + "': " + what;
  if (ending) {
    message += *ending;
  } else {
    connection_->process.end();
    if (!kill) message += "closed its connection";
    message += "; it was ended";
  }
  if (options_.memory_limit_mb > 0)
    message += " (its memory was limited to " + std::to_string(options_.memory_limit_mb) + " MB)";
  if (connection_->output) connection_->drain_output();
  if (const std::string printed = connection_->tail.text(); !printed.empty())
    message += "; it printed: " + printed;
  connection_.reset();
  last_failure_ = message;
  return {ErrorKind::runtime_failed, message};
}

}  // namespace fetafix::channel
