#include "graph/declared_shape.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace fetafix::graph {
namespace {

struct Order {
  Shape shape;
  size_t channels;  // which dimension
};

// Of images: the fewest are the channels.
std::vector<Order> orders_of(const Shape& shape) {
  if (shape.size() != 4) return {{shape, 0}};
  std::vector<Order> out;
  const Shape& s = shape;
  if (s[1] <= s[3]) out = {{s, 1}, {{s[0], s[2], s[3], s[1]}, 3}};
  if (s[3] <= s[1]) out.insert(out.end(), {{s, 3}, {{s[0], s[3], s[1], s[2]}, 1}});
  return out;
}

bool may_be(const Shape& one, const Shape& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](int64_t a, int64_t b) { return a <= 0 || b <= 0 || a == b; });
}

ptrdiff_t dimensions_alike(const Shape& one, const Shape& other) {
  if (one.size() != other.size()) return 0;
  return std::inner_product(one.begin(), one.end(), other.begin(), ptrdiff_t{0}, std::plus<>(),
                            std::equal_to<>());
}

}  // namespace

std::vector<Shape> other_declarations(const Shape& declared, const Shape& other) {
  if (std::none_of(other.begin(), other.end(), [](int64_t d) { return d > 0; })) return {};
  std::vector<Shape> out;
  for (Order& order : orders_of(other))
    if (!may_be(declared, order.shape) && std::find(out.begin(), out.end(), order.shape) == out.end())
      out.push_back(std::move(order.shape));
  std::stable_sort(out.begin(), out.end(), [&](const Shape& a, const Shape& b) {
    return dimensions_alike(a, declared) > dimensions_alike(b, declared);
  });
  return out;
}

bool has_other_channels(const Shape& declared, const Shape& other) {
  const auto orders = orders_of(other);
  if (declared.size() != 4 || other.size() != 4 ||
      std::any_of(orders.begin(), orders.end(), [&](const Order& o) { return may_be(declared, o.shape); }))
    return false;
  return std::any_of(orders.begin(), orders.end(), [&](const Order& order) {
    const int64_t channels = declared[order.channels];
    if (channels == 1 || channels == 3 || channels == 4) return false;
    Shape rest = declared;
    rest[order.channels] = order.shape[order.channels];
    return may_be(rest, order.shape);
  });
}

bool has_other_size(const Shape& declared, const Shape& other) {
  if (declared.size() != 4 || other.size() != 4) return false;
  const auto channels_of = [](const Order& order) { return order.shape[order.channels]; };
  bool out = false;
  for (const Order& mine : orders_of(declared))
    for (const Order& its : orders_of(other)) {
      if (mine.channels != its.channels || channels_of(mine) != channels_of(its) || channels_of(its) <= 0 ||
          channels_of(its) > 4)
        continue;
      if (may_be(mine.shape, its.shape)) return false;
      Shape batch_aside = mine.shape;
      batch_aside[0] = its.shape[0];
      out = out || !may_be(batch_aside, its.shape);
    }
  return out;
}

bool has_other_order(const Shape& declared, const Shape& other) {
  if (declared.size() != 4 || other.size() != 4) return false;
  const auto orders = orders_of(other);
  if (std::any_of(orders.begin(), orders.end(), [&](const Order& o) { return may_be(declared, o.shape); }))
    return false;
  const int64_t channels = orders[0].shape[orders[0].channels];
  return channels > 0 && channels <= 4 && declared[2] == channels &&
         std::is_permutation(declared.begin() + 1, declared.end(), other.begin() + 1);
}

bool is_other_picture(const Shape& declared, const Shape& other) {
  return has_other_channels(declared, other) || has_other_size(declared, other) ||
         has_other_order(declared, other);
}

}  // namespace fetafix::graph
