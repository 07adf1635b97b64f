// Which settings each class of layers takes. What is not in the table is not known here.
#pragma once

#include <map>
#include <string>

namespace fetafix::formats::keras {

struct Setting {
  bool required = false;
  int only = 0;  // the generation of Keras that has it; 0: both
};

struct ClassSettings {
  std::map<std::string, Setting> settings;  // besides those of every layer
  bool takes(const std::string& name, int generation) const;
};

const std::map<std::string, ClassSettings>& class_settings();
// Whether Keras has a class of layers that is not in the table.
bool is_another_class(const std::string& class_name);
// Whether every layer takes it.
bool is_of_all(const std::string& name, int generation);

}  // namespace fetafix::formats::keras
