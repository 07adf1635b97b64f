// What is left to do when all edits are made.
#include <algorithm>

#include "formats/tensorflow/editor.h"

namespace fetafix::formats::tensorflow {

// The results of a frozen graph are in the order of its nodes: what took a name stands where the one before
// stood.
void Editor::put_in_place() {
  for (const auto& [name, place] : moved_) {
    auto& nodes = list(-1);
    for (int i = 0; i < nodes.size(); ++i)
      if (nodes.Get(i).name() == name && i != place) {
        nodes.SwapElements(i, place);
        if (removed_.erase({-1, place}) > 0) removed_.insert({-1, i});
        break;
      }
  }
}

// What nobody reads any longer would be a result of a frozen graph.
Status Editor::drop_unread() {
  if (meta_) return {};
  std::set<std::string> wanted;
  for (const wire::Port& port : file_.interface.outputs) wanted.insert(port.key);
  for (;;) {
    FETAFIX_TRY(const wire::Interface now, wire::interface_of(*graph_));
    std::set<std::string> gone;
    for (const wire::Port& port : now.outputs)
      if (!wanted.contains(port.key)) gone.insert(port.key);
    if (gone.empty()) return {};
    auto& nodes = list(-1);
    for (int i = nodes.size(); i-- > 0;)
      if (gone.contains(nodes.Get(i).name())) nodes.DeleteSubrange(i, 1);
  }
}

void Editor::drop_removed() {
  std::map<int, std::set<int>> places;
  for (const auto& [function, place] : removed_) places[function].insert(place);
  for (const auto& [function, gone] : places) {
    auto& nodes = list(function);
    std::set<std::string> names;
    for (int place : gone) names.insert("^" + nodes.Get(place).name());
    for (auto it = gone.rbegin(); it != gone.rend(); ++it) nodes.DeleteSubrange(*it, 1);
    for (auto& node : nodes)
      for (int i = node.input_size(); i-- > 0;)
        if (names.contains(node.input(i))) node.mutable_input()->DeleteSubrange(i, 1);
  }
}

// From the touched nodes on to all that read them, and where a function returns one, to those that call it.
void Editor::forget_shapes() {
  std::vector<std::pair<int, std::string>> ahead(touched_.begin(), touched_.end());
  std::map<int, std::multimap<std::string, wire::Node*>> readers;  // by function and node read
  while (!ahead.empty()) {
    const auto [function, name] = ahead.back();
    ahead.pop_back();
    auto [reads, is_new] = readers.try_emplace(function);
    if (is_new)
      for (auto& node : list(function))
        for (const std::string& input : node.input())
          if (!input.starts_with("^")) reads->second.emplace(input.substr(0, input.find(':')), &node);
    const auto also = [&](wire::Node& node, int where) {
      drop_attribute(node, "_output_shapes");
      if (touched_.insert({where, node.name()}).second) ahead.emplace_back(where, node.name());
    };
    for (auto& node : list(function))
      if (node.name() == name) drop_attribute(node, "_output_shapes");
    const auto [first, last] = reads->second.equal_range(name);
    for (auto it = first; it != last; ++it) also(*it->second, function);
    if (function < 0) continue;
    const auto& body = graph_->library().function(function);
    const bool returned = std::ranges::any_of(body.ret(), [&, name = name](const auto& entry) {
      return entry.value().substr(0, entry.value().find(':')) == name;
    });
    for (int caller = -1; returned && caller < graph_->library().function_size(); ++caller)
      for (auto& node : list(caller))
        if (is_call(node.op()) && function_at(*graph_, node, "f") == function) also(node, caller);
  }
}

Result<File> Editor::finish() {
  FETAFIX_CHECK(resolve_pads(*this));
  forget_shapes();
  put_in_place();
  drop_removed();
  if (edited_) FETAFIX_CHECK(drop_unread());
  File out = file_;
  out.replaced = std::move(replaced_);
  if (!edited_) return out;
  out.edited = true;
  out.saved = saved_;
  out.frozen = frozen_;
  if (meta_) {
    if (auto interface = wire::interface_of(*meta_, file_.interface.signature); interface.ok())
      out.interface = *interface;
  }
  return out;
}

}  // namespace fetafix::formats::tensorflow
