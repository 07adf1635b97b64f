// Numbers that depend on the seed alone: not on the standard library, the platform or its mathematics.
#pragma once

#include <cstdint>
#include <string_view>

namespace fetafix::data {

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // In [0, n); n is small against 2^64, so the bias does not matter.
  uint64_t below(uint64_t n) { return bits() % n; }
  // Mean 0, variance 1: twelve uniforms less 6, exact in any arithmetic; the tails end at 6.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

 private:
  uint64_t state_;
};

// FNV-1a, then mixed: equal names give equal numbers everywhere.
inline uint64_t hash_name(std::string_view name, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325u ^ seed;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return Random(hash).bits();
}

}  // namespace fetafix::data
