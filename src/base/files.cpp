#include "base/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace fetafix {
namespace fs = std::filesystem;
namespace {

Error file_error(const fs::path& path, const std::string& what) {
  return {ErrorKind::file, path.string() + ": " + what + ": " + std::strerror(errno)};
}

// Closes on every way out.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

bool write_all(int fd, BytesView bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Result<Bytes> read_file(const fs::path& path) {
  // Not waiting: a named pipe would never open.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return file_error(path, "can't open");
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return file_error(path, "can't read");
  if (!S_ISREG(info.st_mode)) return Error{ErrorKind::file, path.string() + ": not a regular file"};
  Bytes bytes(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(path, "can't read");
    if (n == 0) break;  // truncated while we read: return what is there
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Status write_file(const fs::path& path, BytesView bytes) {
  std::string temporary = path.string() + ".XXXXXX";
  Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) return file_error(path, "can't create a temporary file beside it");
  const bool written = write_all(file.fd, bytes) && ::fsync(file.fd) == 0 && ::fchmod(file.fd, 0644) == 0;
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    Error error = file_error(path, "can't write");
    ::unlink(temporary.c_str());
    return error;
  }
  return {};
}

Status write_file(const fs::path& path, const std::string& text) {
  return write_file(path, as_bytes(text));
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  if (path.empty() || folder.empty()) return false;
  std::error_code failure;
  const auto real = [&](const fs::path& p) {
    const fs::path out = fs::weakly_canonical(p, failure);
    return out.has_filename() ? out : out.parent_path();  // "folder/"
  };
  const fs::path inner = real(path), outer = real(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

bool overwrites(const fs::path& output, const fs::path& input) {
  std::error_code failure;
  return fs::equivalent(output, input, failure) || lies_in(input, output) ||
         (fs::is_directory(input, failure) && lies_in(output, input));
}

std::string sha256(BytesView bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code ignored;
  fs::path base = fs::temp_directory_path(ignored);
  std::string name = (ignored ? fs::path(".") : base) / "fetafix-XXXXXX";
  if (!::mkdtemp(name.data())) return file_error(name, "can't create a temporary folder");
  return TemporaryFolder(name);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, fs::path())) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace fetafix
