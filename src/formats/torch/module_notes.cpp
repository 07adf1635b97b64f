#include "formats/torch/module_notes.h"

#include <algorithm>
#include <string_view>

namespace fetafix::formats::torch {
namespace {

constexpr const char* note_key = "nn_module_stack";

// Three parts, as PyTorch counts them: commas between brackets divide nothing.
bool has_three_parts(std::string_view item) {
  int depth = 0, parts = 1;
  for (const char c : item) {
    if (c == '[' || c == '(') ++depth;
    if (c == ']' || c == ')') --depth;
    if (c == ',' && depth == 0) ++parts;
  }
  return parts == 3;
}

bool is_readable(std::string_view note) {
  while (true) {
    const size_t end = note.find(';');
    if (!has_three_parts(note.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    note.remove_prefix(end + 1);
  }
}

bool has_unreadable_note(const Json& node) {
  const auto metadata = node.is_object() ? node.find("metadata") : node.end();
  if (metadata == node.end() || !metadata->is_object()) return false;
  const auto note = metadata->find(note_key);
  if (note == metadata->end() || !note->is_string()) return false;
  const auto& text = note->get_ref<const std::string&>();
  return !text.empty() && !is_readable(text);
}

// The program's operators; null: the document has none.
template <class Document>
auto nodes_of(Document& document) {
  const Json::json_pointer nodes("/graph_module/graph/nodes");
  return document.contains(nodes) ? &document[nodes] : nullptr;
}

}  // namespace

int unreadable_module_notes(const Json& document) {
  const Json* nodes = nodes_of(document);
  return nodes ? static_cast<int>(std::count_if(nodes->begin(), nodes->end(), has_unreadable_note)) : 0;
}

void drop_unreadable_module_notes(Json& document) {
  Json* nodes = nodes_of(document);
  if (!nodes) return;
  for (Json& node : *nodes)
    if (has_unreadable_note(node)) node["metadata"].erase(note_key);
}

}  // namespace fetafix::formats::torch
