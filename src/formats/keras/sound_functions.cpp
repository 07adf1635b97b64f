// Activation functions that no Keras has.
#include <algorithm>
#include <array>

#include "base/near.h"
#include "formats/keras/defect_finder.h"
#include "formats/keras/document.h"

namespace fetafix::formats::keras {
namespace {

constexpr size_t most_ways = 4;

struct Function {
  const char* name;
  const char* type;  // of the operator that it is in a view; of several the one that tells it
  int only = 0;      // the generation of Keras that has it
};

constexpr std::array functions{Function{"relu", "Relu"},
                               Function{"softmax", "Softmax"},
                               Function{"sigmoid", "Sigmoid"},
                               Function{"tanh", "Tanh"},
                               Function{"linear", ""},
                               Function{"gelu", "Gelu"},
                               Function{"swish", "Sigmoid"},
                               Function{"silu", "Sigmoid", 3},
                               Function{"relu6", "Clip", 3},
                               Function{"elu", "Elu"},
                               Function{"selu", "Selu"},
                               Function{"softplus", "Softplus"},
                               Function{"softsign", "Softsign"},
                               Function{"exponential", "Exp"},
                               Function{"hard_sigmoid", "HardSigmoid"},
                               Function{"mish", "Mish"},
                               Function{"leaky_relu", "LeakyRelu", 3},
                               Function{"log_softmax", "LogSoftmax", 3},
                               Function{"hard_swish", "HardSwish", 3},
                               Function{"hard_silu", "HardSwish", 3},
                               Function{"celu", "Celu", 3},
                               Function{"glu", "", 3},
                               Function{"hard_shrink", "", 3},
                               Function{"hard_tanh", "", 3},
                               Function{"log_sigmoid", "", 3},
                               Function{"soft_shrink", "", 3},
                               Function{"sparse_plus", "", 3},
                               Function{"sparse_sigmoid", "", 3},
                               Function{"sparsemax", "", 3},
                               Function{"squareplus", "", 3},
                               Function{"tanh_shrink", "", 3},
                               Function{"threshold", "", 3}};

bool is_key(const std::string& key) {
  return key == "activation" || key == "recurrent_activation";
}

ptrdiff_t count(const graph::Graph& graph, const std::string& type) {
  return std::ranges::count(graph.nodes, type, &graph::Node::type);
}

}  // namespace

std::vector<std::string> DefectFinder::likely_functions(const std::string& like) const {
  std::vector<std::string> known;
  for (const Function& one : functions)
    if (one.only == 0 || one.only == now_.generation()) known.emplace_back(one.name);
  std::vector<std::string> out = near_names(like, known, 1);
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(known, name) != known.end() && std::ranges::find(out, name) == out.end())
      out.push_back(name);
  };
  const auto tree = parse_tree(now_);
  const auto lift = tree.ok() ? lift_tree(now_, *tree) : Result<Lift>(tree.error());
  if (lift.ok())
    for (const Function& one : functions)
      if (*one.type && count(source_, one.type) > count(lift->lifted.graph, one.type)) add(one.name);
  for (const Function& one : functions) add(one.name);
  out.resize(std::min(out.size(), most_ways));
  return out;
}

// By name, or as Keras serializes functions: {"class_name": "function", "config": "relu6"}.
bool DefectFinder::check_function(const Entry& entry, const std::string& key) {
  const Json& value = entry.config()[key];
  const bool serialized = value.is_object() && member(value, "config").is_string();
  if (!is_key(key) || (!value.is_string() && !serialized)) return false;
  const std::string name = serialized ? text_of(value, "config") : value.get<std::string>();
  if (serialized && !is_keras_module(text_of(value, "module"))) return false;
  const auto is_it = [&](const Function& one) { return name == one.name; };
  if (std::ranges::any_of(functions, is_it)) return false;
  // Some files name a class of layers there.
  if (find_lift_rule(name, false)) return false;
  const std::string place = entry.place + "/config/" + escaped(key);
  Defect out =
      defect("graph", "unknown-name",
             "the activation function of layer '" + entry.path + "' is '" + name + "', which no Keras has",
             "give the runtime the function, or write out what it computes");
  auto likely = likely_functions(name);
  // Of a recurrent layer nearly always the same.
  const std::string usual = key == "recurrent_activation" ? "sigmoid" : "tanh";
  if (entry.config().contains("recurrent_initializer") && near_names(name, likely, 1).empty())
    likely.insert(likely.begin(), usual);
  for (const std::string& other : likely) out.ways.push_back(just(set(place, other)));
  return add(entry.path, std::move(out));
}

}  // namespace fetafix::formats::keras
