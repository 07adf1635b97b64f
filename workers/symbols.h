// The functions of a runtime's shared library, looked up by name.
#pragma once

#include <dlfcn.h>

#include <string>

namespace fetafix::workers {

class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}

  template <class F>
  void get(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library_, name));
    if (!function && missing_.empty()) missing_ = name;
  }
  // The first that was not there; "": all were.
  const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

}  // namespace fetafix::workers
