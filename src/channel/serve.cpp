#include "channel/serve.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <optional>

#include "channel/arena.h"
#include "channel/frame.h"

namespace fetafix::channel {
namespace {

// nullopt: the parent is gone or speaks nonsense.
std::optional<std::string> receive(int socket) {
  FrameReader reader;
  std::array<char, 16384> buffer;
  while (reader.missing() > 0) {
    const ssize_t got = recv(socket, buffer.data(), std::min(buffer.size(), reader.missing()), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !reader.feed({buffer.data(), static_cast<size_t>(got)}).ok()) return std::nullopt;
  }
  return reader.take();
}

bool send_all(int socket, const std::string& frame) {
  size_t sent = 0;
  while (sent < frame.size()) {
    const ssize_t moved = send(socket, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) return false;
    sent += static_cast<size_t>(moved);
  }
  return true;
}

Result<Message> greet(const Service& service, const Message& request) {
  FETAFIX_TRY(const int64_t version, json_int(request.fields, "protocol"));
  if (version != protocol_version)
    return Error{ErrorKind::internal, "fetafix speaks worker protocol " + std::to_string(version) +
                                          ", this worker " + std::to_string(protocol_version) +
                                          "; both must come from one build"};
  FETAFIX_TRY(Json fields, service.hello());
  fields["protocol"] = protocol_version;
  return Message{std::move(fields), {}};
}

Result<Message> answer(const Service& service, const std::string& call, const Message& request) {
  try {
    if (call == "hello") return greet(service, request);
    if (call == "shutdown") return Message{};
    return service.handle(call, request);
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::runtime_failed, "out of memory"};
  } catch (const std::exception& e) {
    return Error{ErrorKind::runtime_failed, e.what()};
  }
}

// The reply's text; whatever goes wrong becomes an error in it.
std::string encode_reply(Result<Message> reply, const Json& id, Arena& out) {
  Json fields = Json::object();
  if (reply.ok()) {
    auto tensors = out.write(reply->tensors);
    if (tensors.ok()) {
      fields = std::move(reply->fields);
      fields["ok"] = true;
      fields["tensors"] = std::move(*tensors);
    } else {
      fields["error"] = error_to_json(tensors.error());
    }
  } else {
    fields["error"] = error_to_json(reply.error());
  }
  fields["id"] = id;
  return dump_json(fields);
}

int loop(const Service& service, Arena& in, Arena& out) {
  while (auto text = receive(socket_fd)) {
    auto json = parse_json(*text, "request");
    if (!json.ok()) return 1;
    Message request{std::move(*json), {}};
    const auto call = json_string(request.fields, "call");
    if (!call.ok()) return 1;
    auto tensors = in.read(request.fields.value("tensors", Json()), Arena::Mode::view);
    const Json id = request.fields.value("id", Json());
    Result<Message> reply = Error{};
    if (tensors.ok()) {
      request.tensors = std::move(*tensors);
      reply = answer(service, *call, request);
    } else {
      reply = std::move(tensors).error();
    }
    if (!send_all(socket_fd, encode_frame(encode_reply(std::move(reply), id, out)))) return 0;
    if (*call == "shutdown") return 0;
  }
  return 0;
}

}  // namespace

int serve(const Service& service) {
  auto in = Arena::adopt(Descriptor(to_worker_fd));
  auto out = Arena::adopt(Descriptor(from_worker_fd));
  if (!in.ok() || !out.ok()) {
    std::fputs(
        "this program is started by fetafix and answers on inherited descriptors; see "
        "docs/worker-protocol.md\n",
        stderr);
    return 2;
  }
  return loop(service, *in, *out);
}

}  // namespace fetafix::channel
