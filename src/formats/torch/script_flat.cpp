// A TorchScript program written out as one method, so that inner values can be given out: by its own text
// they would have to be handed up through every method on the way.
#include <set>

#include "formats/torch/program.h"
#include "formats/torch/script_say.h"

namespace fetafix::formats::torch {
namespace {

struct Flat {
  const File& file;
  const Function& forward;
  const Code& code;
  std::string self;

  std::string text_at(const Span& span) const { return code.text.substr(span.begin, span.end - span.begin); }

  Result<std::string> say(const std::string& name) const {
    const Script& script = *file.script;
    if (const auto constant = script.constant_of.find(name); constant != script.constant_of.end())
      return "CONSTANTS.c" + std::to_string(constant->second);
    if (const auto attribute = script.attribute_of.find(name); attribute != script.attribute_of.end())
      return say_attribute(script.modules->root(), self, attribute->second);
    return name;
  }

  std::string header(size_t results) const {
    std::string out = "def forward(" + self + ": " + text_at(forward.parameters[0].type.span);
    for (size_t i = 1; i < forward.parameters.size(); ++i) {
      const Parameter& one = forward.parameters[i];
      out += ",\n    " + one.name + ": " + text_at(one.type.span);
      if (one.otherwise) out += "=" + text_at(one.otherwise->span);
    }
    out += ") -> Tuple[";
    for (size_t i = 0; i < results; ++i) out += i == 0 ? "Tensor" : ", Tensor";
    return out + "]:\n";
  }
};

// "a, b = " in front of a call; lists are taken apart in a line of their own.
std::string results_of(const Json& node, std::string& behind) {
  const Json& outputs = node["outputs"];
  std::string names;
  if (outputs.size() == 1 && outputs[0].contains("as_tensors")) {
    const std::string list = "list_" + node["name"].get<std::string>();
    for (const Json& one : outputs[0]["as_tensors"]) names += one["name"].get<std::string>() + ", ";
    behind = names + "= " + list;
    return list + " = ";
  }
  for (const Json& one : outputs) {
    const Json& result = one.contains("as_tensor") ? one["as_tensor"]["name"] : one["as_sym_int"]["as_name"];
    names += (names.empty() ? "" : ", ") + result.get<std::string>();
  }
  return names + " = ";
}

}  // namespace

Result<FlatText> flat_text(const File& file, const std::vector<std::string>& wanted) {
  const Script& script = *file.script;
  const Place& top = script.activations.at(0).place;
  const Flat flat{file, *top.function, script.codes[static_cast<size_t>(top.code)],
                  top.function->parameters[0].name};
  const SayValue say = [&](const std::string& name) { return flat.say(name); };
  const std::set<std::string> asked(wanted.begin(), wanted.end());
  std::vector<std::string> results;
  for (const Json& output : graph_of(*file.document)["outputs"])
    if (output.contains("as_tensor")) {
      FETAFIX_TRY(results.emplace_back(), flat.say(output["as_tensor"]["name"].get<std::string>()));
    }
  for (const std::string& name : wanted) results.push_back("seen_" + name);
  std::string body;
  const auto line = [&](const std::string& text) { body += "    " + text + "\n"; };
  for (const Json& node : graph_of(*file.document)["nodes"]) {
    FETAFIX_TRY(const std::string call, say_call(node, say));
    std::string behind;
    line(results_of(node, behind) + call);
    if (!behind.empty()) line(behind);
    for (const Json& one : node["outputs"]) {
      const Json list =
          one.contains("as_tensors") ? one["as_tensors"] : Json::array({one.value("as_tensor", Json())});
      for (const Json& tensor : list)
        if (tensor.is_object() && asked.contains(tensor["name"].get<std::string>())) {
          const auto name = tensor["name"].get<std::string>();
          line("seen_" + name + " = torch.clone(" + name + ")");
        }
    }
  }
  std::string list;
  for (const std::string& name : results) list += name + ", ";
  line("return (" + list + ")");
  std::string text = flat.code.text;
  text.replace(flat.forward.span.begin, flat.forward.span.end - flat.forward.span.begin,
               flat.header(results.size()) + body);
  return FlatText{flat.code.entry, std::move(text)};
}

}  // namespace fetafix::formats::torch
