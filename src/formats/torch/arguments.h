// Operands of view nodes name arguments of the file's operators by number: an argument has the number of its
// name, an element of a list one of its own. Patches hold these numbers, so the list only ever grows.
#pragma once

#include <string>

namespace fetafix::formats::torch {

// -1: a name that is not in the list.
int slot_of(const std::string& argument);
int slot_of(const std::string& argument, int element);

// What a slot means; `element` -1: the argument itself.
struct ArgumentPlace {
  std::string name;  // empty: no such slot
  int element = -1;
};
ArgumentPlace place_of(int slot);

}  // namespace fetafix::formats::torch
