// What can be changed in a configuration that is no model yet.
#include "formats/keras/set_setting.h"
#include "formats/keras/document.h"
#include "graph/file_setting.h"

namespace fetafix::formats::keras {
namespace {

Status put(Json& parent, const std::string& key, const std::string& text) {
  const bool list = parent.is_array();
  if (!list && !parent.is_object()) return cant("it is neither in a list nor in an object");
  const size_t index = list ? static_cast<size_t>(std::atoll(key.c_str())) : 0;
  if (text.empty()) {
    if (list)
      parent.erase(index);
    else
      parent.erase(key);
    return {};
  }
  FETAFIX_TRY(Json value, parse_json(text, "the setting"));
  if (!list)
    parent[key] = std::move(value);
  else if (index < parent.size())
    parent[index] = std::move(value);
  else
    parent.push_back(std::move(value));
  return {};
}

Status set(Json& config, const graph::FileSetting& edit) {
  const Json::json_pointer place(edit.place);
  if (place.empty()) return cant("the whole configuration is no setting");
  const std::string now = config.contains(place) ? dump_json(config.at(place)) : "";
  if (now != edit.before) {
    const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text.substr(0, 80); };
    return cant("there stands " + shown(now) + ", expected " + shown(edit.before));
  }
  if (!config.contains(place.parent_pointer())) return cant("there is nothing to put it into");
  return put(config.at(place.parent_pointer()), place.back(), edit.value);
}

}  // namespace

graph::Edit setting_edit(const Json& config, const std::string& place, const std::optional<Json>& value) {
  graph::FileSetting out{place, "", value ? dump_json(*value) : ""};
  if (const Json::json_pointer at(place); config.contains(at)) out.before = dump_json(config.at(at));
  return graph::to_edit(out);
}

Result<File> with_settings(const File& file, const graph::Patch& patch) {
  File out = file;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits) {
      const auto one = graph::file_setting(edit);
      if (!one) continue;
      if (auto status = guarded([&] { return set(out.config, *one); }); !status.ok())
        return in_context("can't " + graph::describe(edit), std::move(status).error());
      out.config_changed = true;
    }
  return out;
}

}  // namespace fetafix::formats::keras
