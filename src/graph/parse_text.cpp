#include "graph/parse_text.h"

#include <charconv>
#include <random>

namespace fetafix::graph {
namespace {

// One line, read from left to right. A failed read leaves `failed` set; the caller looks once at the end.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  bool failed = false;

  bool accept(std::string_view token) {
    skip_spaces();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) { failed = !accept(token) || failed; }
  bool at_end() {
    skip_spaces();
    return rest_.empty();
  }
  // Everything up to one of `stops`; never nothing.
  std::string word(std::string_view stops) {
    skip_spaces();
    const size_t size = std::min(rest_.find_first_of(stops), rest_.size());
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    failed = failed || out.empty();
    return out;
  }
  std::string quoted() {
    expect("'");
    const size_t size = std::min(rest_.find('\''), rest_.size());
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    expect("'");
    return out;
  }
  char peek() {
    skip_spaces();
    return rest_.empty() ? '\0' : rest_.front();
  }

 private:
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  std::string_view rest_;
};

constexpr std::string_view number_end = ", ]}";

int64_t to_int(Line& line, const std::string& text) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  line.failed = line.failed || error != std::errc() || end != text.data() + text.size();
  return out;
}

double to_double(Line& line, const std::string& text) {
  char* end = nullptr;
  const double out = std::strtod(text.c_str(), &end);
  line.failed = line.failed || end != text.c_str() + text.size();
  return out;
}

// "[2,?]"; nullopt for "[...]".
std::optional<Shape> parse_shape(Line& line) {
  line.expect("[");
  if (line.accept("...]")) return std::nullopt;
  Shape shape;
  while (!line.failed && !line.accept("]")) {
    if (!shape.empty()) line.expect(",");
    shape.push_back(line.accept("?") ? -1 : to_int(line, line.word(",]")));
  }
  return shape;
}

constexpr int64_t most_noise = int64_t{1} << 18;  // elements; a few characters may ask for any amount

Tensor noise(const Shape& shape, unsigned seed) {
  const auto count = element_count(shape);
  if (!count || *count > most_noise) return {};
  auto made = Tensor::zeros(DType::float32, shape);
  if (!made.ok()) return {};
  std::mt19937 random(seed);
  for (float& v : made->mutable_as<float>()) v = static_cast<float>(random()) / 2147483648.0f - 1.0f;
  return *made;
}

// "float32[2] {1, 2}"; empty when it is not a tensor.
Tensor parse_tensor(Line& line) {
  const DType dtype = dtype_from_name(line.word("["));
  const Shape shape = parse_shape(line).value_or(Shape{-1});
  line.expect("{");
  if (line.accept("random")) {
    const int64_t seed = to_int(line, line.word("}"));
    line.expect("}");
    return dtype == DType::float32 ? noise(shape, static_cast<unsigned>(seed)) : Tensor();
  }
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  while (!line.failed && !line.accept("}")) {
    if (!numbers.empty()) line.expect(",");
    const std::string one = line.word(number_end);
    numbers.push_back(to_double(line, one));
    if (is_integer(dtype)) integers.push_back(to_int(line, one));
  }
  const auto count = element_count(shape);
  if (line.failed || count != static_cast<int64_t>(numbers.size())) return {};
  auto out = cast(is_integer(dtype) ? Tensor::of(integers, shape) : Tensor::of(numbers, shape), dtype);
  return out.ok() ? *out : Tensor();
}

bool is_int(const std::string& text) {
  return text.find_first_not_of("-0123456789") == std::string::npos;
}

Attribute parse_list(Line& line) {
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<std::string> strings;
  while (!line.failed && !line.accept("]")) {
    if (!ints.empty() || !floats.empty() || !strings.empty()) line.expect(",");
    if (line.peek() == '\'') {
      strings.push_back(line.quoted());
      continue;
    }
    const std::string one = line.word(number_end);
    if (is_int(one))
      ints.push_back(to_int(line, one));
    else
      floats.push_back(static_cast<float>(to_double(line, one)));
  }
  line.failed = line.failed || (!ints.empty() + !floats.empty() + !strings.empty()) > 1;
  if (!strings.empty()) return strings;
  if (!floats.empty()) return floats;
  return ints;
}

Attribute parse_attribute(Line& line) {
  if (line.accept("[")) return parse_list(line);
  if (line.peek() == '\'') return line.quoted();
  Line ahead = line;
  const std::string one = ahead.word(", }[");
  if (ahead.peek() == '[') {
    Tensor tensor = parse_tensor(line);
    line.failed = line.failed || tensor.empty();
    return tensor;
  }
  line = ahead;
  if (is_int(one)) return to_int(line, one);
  return static_cast<float>(to_double(line, one));
}

class Parser {
 public:
  Result<Graph> run(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const size_t end = std::min(text.find('\n'), text.size());
      Line line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.at_end()) continue;
      parse(line);
      if (!line.at_end() || line.failed)
        return Error{ErrorKind::file, "graph text: line " + std::to_string(number) + " can't be read"};
    }
    FETAFIX_CHECK(verify(graph_));
    return std::move(graph_);
  }

 private:
  void parse(Line& line) {
    if (line.accept("input ")) return parse_input(line);
    if (line.accept("const ")) return parse_constant(line);
    if (line.accept("output ")) return graph_.outputs.push_back(reference(line));
    parse_node(line);
  }

  std::string name(Line& line) {
    line.expect("%");
    return line.word(",) =");
  }

  // no_value for "_", which only operands may be.
  ValueId reference(Line& line) {
    if (line.peek() == '_' && line.accept("_")) return no_value;
    auto found = ids_.find(name(line));
    line.failed = line.failed || found == ids_.end();
    return line.failed ? no_value : found->second;
  }

  ValueId define(Line& line, Value value) {
    line.failed = line.failed || ids_.contains(value.name);
    const std::string key = value.name;
    value.native_name = key;
    if (!value.is_constant()) value.native_tensor = static_cast<int>(ids_.size());
    return ids_[key] = graph_.add_value(std::move(value));
  }

  void parse_input(Line& line) {
    Value value;
    value.name = name(line);
    value.dtype = dtype_from_name(line.word("["));
    value.shape = parse_shape(line);
    graph_.inputs.push_back(define(line, std::move(value)));
  }

  void parse_constant(Line& line) {
    Value value;
    value.name = name(line);
    value.constant = parse_tensor(line);
    line.failed = line.failed || value.constant.empty();
    value.dtype = value.constant.dtype();
    value.shape = value.constant.shape();
    value.lens = Lens{static_cast<int>(ids_.size()), "", {}, {}};
    define(line, std::move(value));
  }

  void parse_node(Line& line) {
    Node node;
    std::vector<std::string> outputs;  // defined after the operands are read: a node can't read what it makes
    do outputs.push_back(line.accept("_") ? "" : name(line));
    while (line.accept(","));
    line.expect("=");
    node.opaque = line.accept("opaque ");
    node.type = line.word("( {");
    if (const size_t colon = node.type.rfind("::"); colon != std::string::npos) {
      node.domain = node.type.substr(0, colon);
      node.type.erase(0, colon + 2);
    }
    line.expect("(");
    while (!line.failed && !line.accept(")")) {
      if (!node.inputs.empty()) line.expect(",");
      node.slots.push_back(static_cast<int>(node.inputs.size()));
      node.inputs.push_back(reference(line));
    }
    parse_attributes(line, node);
    if (line.accept(":")) {
      const auto role = role_from_name(line.word(" "));
      line.failed = line.failed || !role;
      node.role = role.value_or(Role::core);
    }
    for (std::string& out : outputs) {
      Value value;
      value.name = std::move(out);
      node.outputs.push_back(value.name.empty() ? no_value : define(line, std::move(value)));
    }
    node.native.index = static_cast<int>(graph_.nodes.size());
    graph_.add_node(std::move(node));
  }

  void parse_attributes(Line& line, Node& node) {
    if (!line.accept("{")) return;
    while (!line.failed && !line.accept("}")) {
      if (!node.attributes.empty()) line.expect(",");
      const std::string key = line.word("= ,}");
      line.expect("=");
      node.attributes[key] = parse_attribute(line);
    }
  }

  Graph graph_;
  std::map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> parse_text(std::string_view text) {
  return Parser().run(text);
}

}  // namespace fetafix::graph
