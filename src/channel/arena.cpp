#include "channel/arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace fetafix::channel {
namespace {

// File size costs nothing until it is written, so a generous step saves remapping.
constexpr size_t smallest_arena = size_t{1} << 20;
// Memory of an earlier large message is returned when a later one needs less than a quarter of it.
// Below this it is kept: touching fresh pages costs more than copying.
constexpr size_t keep_warm = size_t{64} << 20;
// No honest message needs more; the sum of sizes below can't overflow either.
constexpr size_t largest_arena = size_t{1} << 46;

Error system_error(const std::string& what) {
  return {ErrorKind::internal, "shared memory: " + what + ": " + std::strerror(errno)};
}

size_t aligned(size_t bytes) {
  return (bytes + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

Result<size_t> size_of(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return system_error("size");
  return static_cast<size_t>(status.st_size);
}

}  // namespace

struct Arena::Mapping {
  Mapping(std::byte* start, size_t bytes) : data(start), size(bytes) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(data, size); }
  std::byte* data;
  size_t size;
};

Result<Arena> Arena::create() {
  Descriptor fd(memfd_create("fetafix-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("memfd_create");
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) return system_error("seal");
  Arena arena(std::move(fd));
  FETAFIX_CHECK(arena.reserve(smallest_arena));
  return arena;
}

Result<Arena> Arena::adopt(Descriptor descriptor) {
  Arena arena(std::move(descriptor));
  FETAFIX_TRY(const size_t size, size_of(arena.descriptor()));
  if (size == 0) return Error{ErrorKind::internal, "shared memory: expected an arena, found an empty file"};
  FETAFIX_CHECK(arena.map(size));
  return arena;
}

Status Arena::map(size_t bytes) {
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (start == MAP_FAILED) return system_error("map of " + std::to_string(bytes) + " bytes");
  mapping_ = std::make_shared<Mapping>(static_cast<std::byte*>(start), bytes);
  return {};
}

Status Arena::reserve(size_t bytes) {
  if (mapping_ && bytes <= mapping_->size) return {};
  if (bytes > largest_arena) return system_error(std::to_string(bytes) + " bytes asked for");
  const size_t size = std::bit_ceil(bytes);
  // Grows only; the other end may have made it larger already.
  FETAFIX_TRY(const size_t now, size_of(descriptor_.get()));
  if (now < size && ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
    return system_error("grow to " + std::to_string(size) + " bytes");
  return map(std::max(size, now));
}

void Arena::give_back(size_t keep) {
  if (touched_ > keep_warm && keep < touched_ / 4) {
    const size_t from = std::max(keep, smallest_arena);
    fallocate(descriptor_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
              static_cast<off_t>(touched_ - from));
    touched_ = from;
  }
  touched_ = std::max(touched_, keep);
}

Result<Json> Arena::write(std::span<const NamedTensor> tensors) {
  size_t total = 0;
  for (const NamedTensor& entry : tensors) {
    if (element_size(entry.tensor.dtype()) == 0)
      return Error{ErrorKind::unsupported, "tensor '" + entry.name + "': type " +
                                               std::string(dtype_name(entry.tensor.dtype())) +
                                               " can't be sent to a worker"};
    total += aligned(entry.tensor.byte_size());
  }
  give_back(total);
  FETAFIX_CHECK(reserve(total));
  Json entries = Json::array();
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.byte_size() > 0)
      std::memcpy(mapping_->data + offset, tensor.bytes().data(), tensor.byte_size());
    entries.push_back({{"name", name},
                       {"dtype", dtype_name(tensor.dtype())},
                       {"shape", tensor.shape()},
                       {"offset", offset},
                       {"bytes", tensor.byte_size()}});
    offset += aligned(tensor.byte_size());
  }
  return entries;
}

Result<std::vector<NamedTensor>> Arena::read(const Json& entries, Mode mode) {
  std::vector<NamedTensor> tensors;
  if (entries.is_null()) return tensors;
  if (!entries.is_array()) return Error{ErrorKind::runtime_failed, "key 'tensors': expected an array"};
  FETAFIX_TRY(const size_t file_size, size_of(descriptor_.get()));
  for (const Json& entry : entries) {
    FETAFIX_TRY(NamedTensor tensor, read_one(entry, file_size, mode));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<NamedTensor> Arena::read_one(const Json& entry, size_t file_size, Mode mode) {
  FETAFIX_TRY(std::string name, json_string(entry, "name"));
  FETAFIX_TRY(const std::string type_name, json_string(entry, "dtype"));
  FETAFIX_TRY(Shape shape, json_ints(entry, "shape"));
  FETAFIX_TRY(const int64_t offset, json_int(entry, "offset"));
  FETAFIX_TRY(const int64_t bytes, json_int(entry, "bytes"));
  const auto limit = static_cast<int64_t>(file_size);
  const DType dtype = dtype_from_name(type_name);
  if (element_size(dtype) == 0 || offset < 0 || bytes < 0 || bytes > limit || offset > limit - bytes ||
      offset % static_cast<int64_t>(tensor_alignment) != 0)
    return Error{ErrorKind::runtime_failed,
                 "tensor '" + name + "' of type " + type_name + ": " + std::to_string(bytes) + " bytes at " +
                     std::to_string(offset) + " do not fit an arena of " + std::to_string(file_size)};
  if (static_cast<size_t>(offset + bytes) > mapping_->size) FETAFIX_CHECK(map(file_size));
  const std::span<const std::byte> content(mapping_->data + offset, static_cast<size_t>(bytes));
  auto tensor = mode == Mode::copy ? Tensor::from_bytes(dtype, std::move(shape), content)
                                   : Tensor::view(dtype, std::move(shape), content, mapping_);
  if (!tensor.ok()) return in_context("tensor '" + name + "'", std::move(tensor).error());
  return NamedTensor{std::move(name), std::move(*tensor)};
}

}  // namespace fetafix::channel
