// Finds what keeps a file from loading in Keras, one defect after another: each in the file as mending those
// before it leaves it. Shared by the files that look for one sort of defect each (sound_*.cpp).
#pragma once

#include <set>

#include "formats/keras/fill.h"
#include "formats/keras/set_setting.h"
#include "formats/keras/sound.h"
#include "formats/keras/wiring.h"

namespace fetafix::formats::keras {

// A layer's entry in the configuration.
struct Entry {
  const Json* json;
  std::string place;  // JSON pointer
  std::string path;   // "backbone/conv1"
  std::string class_name() const { return text_of(*json, "class_name"); }
  const Json& config() const { return member(*json, "config"); }
};

class DefectFinder {
 public:
  DefectFinder(const File& file, const graph::Graph& source) : now_(file), source_(source) {}
  std::vector<Defect> run();

 private:
  // Each looks for one defect; true: one was found, and `now_` is mended.
  bool check_names();     // sound_wiring.cpp
  bool check_wiring();    // ...
  bool check_classes();   // sound_classes.cpp
  bool check_settings();  // sound_settings.cpp
  bool check_values();    // sound_values.cpp
  bool check_axes();      // sound_axes.cpp
  bool check_weights();   // sound_weights.cpp
  void check_inputs();    // sound.cpp; comes last

  bool check_read(const Wiring& wiring, const std::string& path);
  bool check_listed(const Wiring& wiring, const std::string& path);
  bool check_operands(const Wiring& wiring, const std::string& path);  // sound_operands.cpp
  bool check_declared(const Wiring& wiring);                           // sound_inputs.cpp

  // --- of a layer ---
  bool check_class(const Entry& entry);
  bool check_module(const Entry& entry);
  bool check_keys(const Entry& entry);
  bool check_required(const Entry& entry);
  bool check_function(const Entry& entry, const std::string& key);
  bool check_made_by(const Entry& entry, const std::string& key);
  bool check_value(const Entry& entry, const std::string& key);
  bool check_axis(const Lift& lift, int op);
  bool check_weights_of(const Tree& tree, const Lift& lift, int op);
  bool mend_settings(const Place& place, const Holding& holding, const Tree& tree, const Lift& lift, int op);
  bool mend_weights(const Place& place, const Holding& holding, const Tree& tree, int op,
                    const std::vector<size_t>& wrong);

  // Keeps a defect of a layer (its path; empty: of the whole file) and mends `now_` its first way. False: it
  // was kept before, or it can't be mended like that.
  bool add(const std::string& layer, Defect defect);
  Defect defect(std::string fault_class, std::string pattern, std::string explanation,
                std::string advice) const;
  // One setting of an entry, or of what is in it: "config/units".
  graph::Edit set(const std::string& place, const std::optional<Json>& value) const {
    return setting_edit(now_.config, place, value);
  }
  std::vector<Entry> entries() const;
  const Entry* entry_of(const std::vector<Entry>& all, const std::string& path) const;
  // Names of Keras' activation functions, those that the source has and the file lacks first.
  std::vector<std::string> likely_functions(const std::string& like) const;

  File now_;
  const graph::Graph& source_;
  std::vector<Defect> out_;
  std::vector<std::string> layers_;  // of each
  std::set<std::string> seen_;
};

template <class Edit>
std::vector<graph::Edit> just(Edit edit) {
  std::vector<graph::Edit> out;
  out.emplace_back(std::move(edit));
  return out;
}

// A key of a JSON pointer.
std::string escaped(std::string key);

}  // namespace fetafix::formats::keras
