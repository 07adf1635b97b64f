// Errors as values. Nothing in the library prints, exits or throws across its API: a function that
// can fail returns Result<T>, and the command line is the one place that formats an Error.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace fetafix {

// Decides the exit code of the command line (docs/command-line.md).
enum class ErrorKind {
  usage,            // the caller asked for something that makes no sense
  file,             // a file can't be parsed, read or written
  unsupported,      // well formed, but outside what is built
  runtime_missing,  // a runtime or library is not installed
  runtime_failed,   // a worker crashed, hung or refused the model
  interrupted,      // Ctrl-C or a time limit
  internal,         // our own fault
};

// A message says what, where, expected, found and the way out; lower case, no full stop.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return std::get<Error>(state_); }
  Error&& error() && { return std::get<Error>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

// Puts where it happened in front of an error: "a.onnx: node 3: ...".
inline Error in_context(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return error;
}

}  // namespace fetafix

#define FETAFIX_CONCAT_(a, b) a##b
#define FETAFIX_CONCAT(a, b) FETAFIX_CONCAT_(a, b)

// FETAFIX_TRY(auto model, read(path)); declares `model` or returns the error.
#define FETAFIX_TRY(declaration, expression) \
  FETAFIX_TRY_(declaration, expression, FETAFIX_CONCAT(fetafix_result_, __LINE__))
#define FETAFIX_TRY_(declaration, expression, result) \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result).error(); \
  declaration = std::move(result).value()

// FETAFIX_CHECK(write(path)); returns the error, if there is one.
#define FETAFIX_CHECK(expression) FETAFIX_CHECK_(expression, FETAFIX_CONCAT(fetafix_status_, __LINE__))
#define FETAFIX_CHECK_(expression, status) \
  if (auto status = (expression); !status.ok()) return std::move(status).error()
