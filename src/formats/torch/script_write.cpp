#include "formats/torch/script_write.h"

#include <algorithm>
#include <functional>

#include "formats/torch/lift.h"
#include "formats/torch/script_pieces.h"
#include "formats/torch/script_say.h"

namespace fetafix::formats::torch {
namespace {

Error cant(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

// Marks in a said text that stand for parts of the file's own text.
constexpr char part_mark = '\x01';

std::string mark_of(const Span& span) {
  return part_mark + std::to_string(span.begin) + "," + std::to_string(span.end) + part_mark;
}

Pieces pieces_of(const std::string& said) {
  Pieces out;
  for (size_t at = 0; at < said.size();) {
    const size_t begin = said.find(part_mark, at);
    if (begin == std::string::npos) {
      out.push_back({said.substr(at), {}});
      break;
    }
    if (begin > at) out.push_back({said.substr(at, begin - at), {}});
    const size_t comma = said.find(',', begin), end = said.find(part_mark, begin + 1);
    out.push_back({"", Span{std::stoul(said.substr(begin + 1)), std::stoul(said.substr(comma + 1))}});
    at = end + 1;
  }
  return out;
}

// Names of tensors that a content reads, in order.
std::vector<std::string> tensors_in(const Json& content) {
  std::vector<std::string> out;
  const auto add = [&](const Json& one) {
    const Json& tensor = one.is_object() && one.contains("as_tensor") ? one["as_tensor"] : one;
    if (tensor.is_object() && tensor.contains("name")) out.push_back(tensor["name"].get<std::string>());
  };
  for (const char* kind : {"as_tensor", "as_tensors", "as_optional_tensors"}) {
    if (!content.contains(kind)) continue;
    if (content[kind].is_array())
      for (const Json& one : content[kind]) add(one);
    else
      add(content[kind]);
  }
  return out;
}

const Json* argument_of(const Json& node, const std::string& name) {
  for (const Json& input : node["inputs"])
    if (input["name"] == name) return &input["arg"];
  return nullptr;
}

class Writer {
 public:
  Writer(const File& file, const ScriptChanges& changes)
      : script_(*file.script),
        changes_(changes),
        before_(graph_of(*file.document)),
        after_(graph_of(changes.document)),
        edits_(script_.activations.size()) {
    for (const auto& [place, call] : changes.added)
      added_[call["outputs"][0]["as_tensor"]["name"].get<std::string>()] = &call;
  }

  Result<std::map<std::string, std::string>> run() {
    find_replaced();
    for (size_t i = 0; i < script_.sites.size(); ++i)
      if (auto status = write_node(static_cast<int>(i)); !status.ok())
        return in_context("'" + changes_.program.ops[i].name + "'", std::move(status).error());
    FETAFIX_CHECK(check_outputs());
    for (size_t i = 0; i < script_.sites.size(); ++i)
      if (auto status = check_writing(static_cast<int>(i)); !status.ok())
        return in_context("'" + changes_.program.ops[i].name + "'", std::move(status).error());
    return texts();
  }

 private:
  const Code& code_of(int activation) const {
    return script_.codes[static_cast<size_t>(place_of(activation).code)];
  }
  const Place& place_of(int activation) const {
    return script_.activations[static_cast<size_t>(activation)].place;
  }
  const Json& node_before(int index) const { return before_["nodes"][static_cast<size_t>(index)]; }
  const Json& node_after(int index) const { return after_["nodes"][static_cast<size_t>(index)]; }

  // Values that all their readers now read another one for.
  void find_replaced() {
    std::map<std::string, std::set<std::string>> reads;
    const auto pair = [&](const Json& was, const Json& is) {
      const auto from = tensors_in(was), to = tensors_in(is);
      for (size_t i = 0; i < from.size(); ++i)
        reads[from[i]].insert(from.size() == to.size() ? to[i] : from[i]);
    };
    const auto pair_nodes = [&](bool removed) {
      for (size_t i = 0; i < before_["nodes"].size(); ++i) {
        if (changes_.removed.contains(static_cast<int>(i)) != removed) continue;
        for (const Json& input : before_["nodes"][i]["inputs"])
          if (const Json* now = argument_of(after_["nodes"][i], input["name"].get<std::string>()))
            pair(input["arg"], *now);
      }
    };
    pair_nodes(false);
    for (size_t i = 0; i < before_["outputs"].size(); ++i) pair(before_["outputs"][i], after_["outputs"][i]);
    // What goes on has the word on a value; removed ones only on what they alone read.
    const auto live = std::move(reads);
    reads.clear();
    pair_nodes(true);
    for (const auto& [name, by] : live) reads[name] = by;
    for (size_t i = 0; i < script_.sites.size(); ++i) {
      const auto& outputs = changes_.program.ops[i].outputs;
      if (outputs.size() != 1 || !script_.sites[i].call) continue;
      const auto found = reads.find(outputs[0]);
      if (found != reads.end() && found->second.size() == 1 && *found->second.begin() != outputs[0])
        replaced_[outputs[0]] = *found->second.begin();
    }
  }

  // Whether two contents say the same once the text's expressions give the values that replaced theirs.
  bool same(const Json& was, const Json& is) const {
    if (was == is) return true;
    const auto from = tensors_in(was), to = tensors_in(is);
    if (from.empty() || from.size() != to.size() || was.begin().key() != is.begin().key()) return false;
    for (size_t i = 0; i < from.size(); ++i) {
      if (name_behind(from[i]) != to[i]) return false;
    }
    return true;
  }

  // `own`: the value of the call at `site` itself, and what stands for it.
  Result<std::string> say(const CallSite& site, const std::string& name, const std::string& own,
                          int depth) const {
    if (depth > 100) return cant("calls that read each other");
    if (name == own && !own.empty()) return mark_of(site.call->span);
    if (const auto constant = changes_.constants.find(name); constant != changes_.constants.end())
      return "CONSTANTS.c" + std::to_string(constant->second);
    if (const auto constant = script_.constant_of.find(name); constant != script_.constant_of.end())
      return "CONSTANTS.c" + std::to_string(constant->second);
    if (const auto call = added_.find(name); call != added_.end()) {
      if (const std::string there = said_elsewhere(site, name, own); !there.empty()) return there;
      return say_call(*call->second,
                      [&](const std::string& inner) { return say(site, inner, own, depth + 1); });
    }
    if (replaced_.contains(name)) return cant("'" + name + "' is another value where the text computes it");
    if (const std::string operand = operand_of(site, name); !operand.empty()) return operand;
    return say_variable(site, name);
  }

  // By the text of a value whose place it takes where that is computed.
  std::string said_elsewhere(const CallSite& site, const std::string& name, const std::string& own) const {
    for (const auto& [was, is] : replaced_) {
      if (is != name || was == own) continue;
      if (const std::string operand = operand_of(site, was); !operand.empty()) return operand;
      if (const auto variable = say_variable(site, was); variable.ok()) return *variable;
    }
    return {};
  }

  // As one of the call's own operands says it.
  std::string operand_of(const CallSite& site, const std::string& name) const {
    const auto index = &site - script_.sites.data();
    for (const auto& [argument, place] : site.arguments) {
      const Json* content = argument_of(node_before(static_cast<int>(index)), argument);
      if (content && content->contains("as_tensor") && (*content)["as_tensor"]["name"] == name)
        return mark_of(site.call->items[static_cast<size_t>(place)].span);
    }
    return {};
  }

  Result<std::string> say_variable(const CallSite& site, const std::string& name) const {
    const Activation& activation = script_.activations[static_cast<size_t>(site.activation)];
    std::map<std::string, std::string> variables;
    for (const Activation::Binding& one : activation.bindings)
      if (one.place <= site.call->span.begin) variables[one.variable] = one.value;
    for (const auto& [variable, value] : variables)
      if (value == name) return variable;
    const auto attribute = script_.attribute_of.find(name);
    const std::string prefix = activation.path.empty() ? "" : activation.path + ".";
    if (attribute != script_.attribute_of.end() && activation.module && attribute->second.starts_with(prefix))
      return say_attribute(*activation.module, activation.place.function->parameters[0].name,
                           attribute->second.substr(prefix.size()));
    return cant("'" + name + "' has no name in the method '" + activation.place.function->name + "' of '" +
                (activation.path.empty() ? "the module" : activation.path) + "', which would read it");
  }

  Status write_node(int index) {
    const CallSite& site = script_.sites[static_cast<size_t>(index)];
    const auto& outputs = changes_.program.ops[static_cast<size_t>(index)].outputs;
    const std::string result = outputs.size() == 1 ? outputs[0] : "";
    const bool removed = changes_.removed.contains(index);
    const auto replaced = replaced_.find(result);
    const bool changed = !removed && node_before(index) != node_after(index);
    if (!changed && replaced == replaced_.end()) return {};
    if (!site.call) return changed ? write_hidden(index) : Status();
    if (runs_often(site)) return cant("it stands in a loop, where its text is that of several operators");
    if (changed) FETAFIX_CHECK(write_arguments(index, site));
    if (replaced == replaced_.end()) return {};
    FETAFIX_TRY(const std::string said, say(site, replaced->second, removed ? "" : result, 0));
    edits(site).add(site.call->span, pieces_of(said));
    return {};
  }

  // Sizes have no call of their own: what they read may change by a change of its expression alone.
  Status write_hidden(int index) const {
    for (const Json& input : node_before(index)["inputs"]) {
      const Json* now = argument_of(node_after(index), input["name"].get<std::string>());
      if (!now || !same(input["arg"], *now)) return cant("a size that the text does not say by itself");
    }
    return {};
  }

  bool runs_often(const CallSite& site) const {
    return std::ranges::count_if(script_.sites, [&](const CallSite& one) {
             return one.call == site.call && one.activation == site.activation;
           }) > 1;
  }

  TextEdits& edits(const CallSite& site) { return edits_[static_cast<size_t>(site.activation)]; }

  Status write_arguments(int index, const CallSite& site) {
    const Json &was = node_before(index), &is = node_after(index);
    const auto say_it = [&](const std::string& name) { return say(site, name, "", 0); };
    bool rewritten = was["target"] != is["target"];
    for (const Json& input : was["inputs"])
      rewritten = rewritten || !argument_of(is, input["name"].get<std::string>());
    if (rewritten) return rewrite(index, site);
    std::string further;
    for (const Json& input : is["inputs"]) {
      const auto name = input["name"].get<std::string>();
      const Json* before = argument_of(was, name);
      if (before && same(*before, input["arg"])) continue;
      FETAFIX_TRY(const std::string said, say_content(input["arg"], say_it));
      const auto place = site.arguments.find(name);
      if (place != site.arguments.end())
        edits(site).add(site.call->items[static_cast<size_t>(place->second)].span, pieces_of(said));
      else
        further += ", " + name + "=" + said;
    }
    if (!further.empty()) {
      const size_t end = site.call->span.end - 1;  // in front of the bracket
      edits(site).add({end, end}, pieces_of(further));
    }
    return {};
  }

  // The whole call: another operator, or fewer arguments. What stays is said as it was.
  Status rewrite(int index, const CallSite& site) {
    Json call = node_after(index);
    std::map<std::string, std::string> kept;
    for (Json& input : call["inputs"]) {
      const auto name = input["name"].get<std::string>();
      const Json* before = argument_of(node_before(index), name);
      const auto place = site.arguments.find(name);
      if (!before || place == site.arguments.end() || !same(*before, input["arg"])) continue;
      const std::string stand_in = "kept " + name;
      kept[stand_in] = mark_of(site.call->items[static_cast<size_t>(place->second)].span);
      input["arg"] = Json{{"as_tensor", {{"name", stand_in}}}};
    }
    FETAFIX_TRY(const std::string said, say_call(call, [&](const std::string& name) -> Result<std::string> {
                  const auto found = kept.find(name);
                  return found == kept.end() ? say(site, name, "", 0) : found->second;
                }));
    edits(site).add(site.call->span, pieces_of(said));
    return {};
  }

  // Results are what the text returns, so they change by the expressions that they come from alone.
  Status check_outputs() const {
    for (size_t i = 0; i < before_["outputs"].size(); ++i)
      if (!same(before_["outputs"][i], after_["outputs"][i]))
        return cant("result " + std::to_string(i) +
                    " would be a value that the module's text does not return");
    return {};
  }

  // What the text reads where it read `name`.
  const std::string& name_behind(const std::string& name) const {
    const auto now = replaced_.find(name);
    return now == replaced_.end() ? name : now->second;
  }

  // What writes into its operand does so for all that the text reads by the operand's name later.
  Status check_writing(int index) const {
    const Op& op = changes_.program.ops[static_cast<size_t>(index)];
    if (without_writing(op.target).empty() || op.outputs.size() != 1) return {};
    const bool removed = changes_.removed.contains(index);
    const auto replaced = replaced_.find(op.outputs[0]);
    if (removed && replaced == replaced_.end()) return cant("the text goes on writing into its operand");
    if (!script_.read_by_operand.contains(op.outputs[0])) return {};
    const Json &was = node_before(index)["inputs"][0]["arg"], &is = node_after(index)["inputs"][0]["arg"];
    const std::string target = without_prefix(node_after(index)["target"].get<std::string>());
    const bool leaves_it = removed && name_behind(tensors_in(was)[0]) == replaced->second;
    const bool as_before =
        !removed && replaced == replaced_.end() && !without_writing(target).empty() && same(was, is);
    if (leaves_it || as_before) return {};
    return cant("it writes into its operand, by whose name the text reads the result");
  }

  std::string text_of(int activation) const {
    const Function& function = *place_of(activation).function;
    return edits_[static_cast<size_t>(activation)].render(code_of(activation).text, function.span);
  }

  int depth_of(int activation) const {
    int depth = 0;
    while ((activation = script_.activations[static_cast<size_t>(activation)].parent) >= 0) ++depth;
    return depth;
  }

  // Whether all runs of a method shall have the same text. Of those at several depths not all is known yet.
  bool alike(const std::vector<int>& runs) const {
    return std::ranges::all_of(runs, [&](int one) {
      return depth_of(one) == depth_of(runs[0]) && text_of(one) == text_of(runs[0]);
    });
  }

  // One call that runs in several turns of a loop calls one text.
  bool turns_are_alike(int activation, const std::vector<int>& runs) const {
    const auto at = [&](int run) -> const Activation& {
      return script_.activations[static_cast<size_t>(run)];
    };
    return std::ranges::all_of(runs, [&](int one) {
      return at(one).parent != at(activation).parent || at(one).call != at(activation).call ||
             text_of(one) == text_of(activation);
    });
  }

  // Inner calls first: what they become is an edit of their callers.
  Result<std::map<std::string, std::string>> texts() {
    std::map<const Function*, std::vector<int>> runs;
    for (size_t i = 0; i < script_.activations.size(); ++i)
      runs[script_.activations[i].place.function].push_back(static_cast<int>(i));
    std::map<int, TextEdits> codes;
    std::map<std::pair<const Function*, std::string>, std::string> copies;
    std::vector<int> order;
    for (size_t i = 0; i < script_.activations.size(); ++i) order.push_back(static_cast<int>(i));
    std::ranges::stable_sort(order, std::greater(), [&](int one) { return depth_of(one); });
    for (const int at : order) {
      if (edits_[static_cast<size_t>(at)].empty()) continue;
      const Place& place = place_of(at);
      const std::string text = text_of(at);
      const auto& all = runs.at(place.function);
      TextEdits& code = codes[place.code];
      if (alike(all)) {
        if (at == all[0]) code.add(place.function->span, {{text, {}}});
        continue;
      }
      if (!turns_are_alike(at, all))
        return cant("'" + place.function->name + "' is called in a loop, whose turns have one text");
      std::string& name = copies[{place.function, text}];
      if (name.empty()) {
        name = free_name(place);
        const size_t end = place.function->span.end;
        code.add({end, end}, {{copy_of(at, name), {}}});
      }
      call_copy(at, name);
    }
    std::map<std::string, std::string> out;
    for (const auto& [index, code] : codes) {
      const Code& of = script_.codes[static_cast<size_t>(index)];
      std::string text = code.render(of.text, {0, of.text.size()});
      if (text != of.text) out[of.entry] = std::move(text);
    }
    return out;
  }

  std::string free_name(const Place& place) {
    for (int i = 1;; ++i) {
      std::string name = place.function->name + "__fetafix" + std::to_string(i);
      const std::string& text = script_.codes[static_cast<size_t>(place.code)].text;
      if (text.find(name) == std::string::npos && names_.insert({place.code, name}).second) return name;
    }
  }

  // In front of it as much space as the method has.
  std::string copy_of(int activation, const std::string& name) {
    const Function& function = *place_of(activation).function;
    TextEdits renamed = edits_[static_cast<size_t>(activation)];
    renamed.add(function.name_span, {{name, {}}});
    const std::string& text = code_of(activation).text;
    const size_t line = text.rfind('\n', function.span.begin) + 1;
    return text.substr(line, function.span.begin - line) + renamed.render(text, function.span);
  }

  void call_copy(int activation, const std::string& name) {
    const Activation& run = script_.activations[static_cast<size_t>(activation)];
    const Expr& callee = run.call->items[0];
    TextEdits& caller = edits_[static_cast<size_t>(run.parent)];
    if (callee.kind == Expr::Kind::attribute)
      caller.add(callee.name_span, {{name, {}}});
    else
      caller.add(callee.span, {{code_of(activation).space + "." + name, {}}});
  }

  const Script& script_;
  const ScriptChanges& changes_;
  const Json &before_, &after_;
  std::vector<TextEdits> edits_;  // of each activation
  std::map<std::string, const Json*> added_;
  std::map<std::string, std::string> replaced_;
  std::set<std::pair<int, std::string>> names_;
};

}  // namespace

Result<std::map<std::string, std::string>> written_script(const File& file, const ScriptChanges& changes) {
  return Writer(file, changes).run();
}

}  // namespace fetafix::formats::torch
