#include "formats/torch/script_text.h"

#include <charconv>
#include <limits>

#include "formats/torch/script_tokens.h"

namespace fetafix::formats::torch {
namespace {

constexpr int deepest = 200;  // PyTorch's own printer breaks expressions up long before

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<Source> run() {
    Source out;
    while (now().kind != Token::Kind::end) {
      if (is_name("class")) {
        FETAFIX_TRY(out.classes.emplace_back(), class_());
      } else if (is_name("def")) {
        FETAFIX_TRY(out.functions.emplace_back(), function());
      } else {  // older files say "import" and "op_version_set = 1"
        skip_line();
      }
    }
    return out;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  const Token& next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is_sign(std::string_view sign) const { return now().kind == Token::Kind::sign && now().text == sign; }
  bool is_name(std::string_view name) const { return now().kind == Token::Kind::name && now().text == name; }
  size_t last_end() const { return at_ == 0 ? 0 : tokens_[at_ - 1].span.end; }

  bool take(std::string_view sign) {
    if (!is_sign(sign)) return false;
    next();
    return true;
  }

  Error broken(const std::string& expected) const {
    const std::string found = now().kind == Token::Kind::end        ? "the end"
                              : now().kind == Token::Kind::line_end ? "the end of the line"
                              : now().kind == Token::Kind::indent   ? "a line further in"
                              : now().kind == Token::Kind::dedent   ? "a line further out"
                                                                    : "'" + std::string(now().text) + "'";
    return {ErrorKind::file, "line " + std::to_string(line_of(text_, now().span.begin)) + ": expected " +
                                 expected + ", found " + found};
  }

  Status expect(std::string_view sign) {
    if (take(sign)) return {};
    return broken("'" + std::string(sign) + "'");
  }

  Result<std::string> name() {
    if (now().kind != Token::Kind::name) return broken("a name");
    return std::string(next().text);
  }

  Status line_end() {
    if (now().kind == Token::Kind::line_end) {
      next();
      return {};
    }
    return broken("the end of the line");
  }

  void skip_line() {
    while (now().kind != Token::Kind::end && now().kind != Token::Kind::line_end) next();
    while (now().kind != Token::Kind::end && now().kind != Token::Kind::name) next();
  }

  // ":", then lines further in; `one` reads each.
  template <class One>
  Status block(const One& one) {
    FETAFIX_CHECK(expect(":"));
    FETAFIX_CHECK(line_end());
    if (now().kind != Token::Kind::indent) return broken("lines further in");
    next();
    while (now().kind != Token::Kind::dedent && now().kind != Token::Kind::end) FETAFIX_CHECK(one());
    next();
    return {};
  }

  Result<Class> class_() {
    next();
    Class out;
    FETAFIX_TRY(out.name, name());
    if (take("(")) {
      FETAFIX_TRY(const Expr base, expression());
      out.base = base.text;
      FETAFIX_CHECK(expect(")"));
    }
    FETAFIX_CHECK(block([&]() -> Status {
      if (is_name("def")) {
        FETAFIX_TRY(out.methods.emplace_back(), function());
      } else {
        FETAFIX_TRY(out.attributes.emplace_back(), statement());
      }
      return {};
    }));
    return out;
  }

  Result<Function> function() {
    Function out;
    out.span.begin = now().span.begin;
    next();
    out.name_span = now().span;
    FETAFIX_TRY(out.name, name());
    FETAFIX_CHECK(expect("("));
    while (!take(")")) {
      Parameter one;
      FETAFIX_TRY(one.name, name());
      if (take(":")) {
        FETAFIX_TRY(one.type, expression());
      }
      if (take("=")) {
        FETAFIX_TRY(one.otherwise, expression());
      }
      out.parameters.push_back(std::move(one));
      if (!is_sign(")")) FETAFIX_CHECK(expect(","));
    }
    if (take("->")) FETAFIX_CHECK(expression());
    FETAFIX_CHECK(statements(out.body));
    out.span.end = end_of_lines();
    return out;
  }

  // Of what was read last, with its line's end.
  size_t end_of_lines() const {
    for (size_t i = at_; i-- > 0;)
      if (tokens_[i].kind == Token::Kind::line_end) return tokens_[i].span.end;
    return text_.size();
  }

  Status statements(std::vector<Stmt>& out) {
    if (++depth_ > deepest) return broken("statements that lie less deep");
    FETAFIX_CHECK(block([&]() -> Status {
      FETAFIX_TRY(out.emplace_back(), statement());
      return {};
    }));
    --depth_;
    return {};
  }

  Result<Stmt> statement() {
    Stmt out;
    out.span.begin = now().span.begin;
    if (is_name("if") || is_name("while")) {
      out.kind = is_name("if") ? Stmt::Kind::branch : Stmt::Kind::loop_while;
      next();
      FETAFIX_TRY(out.value, expression());
      FETAFIX_CHECK(statements(out.body));
      if (is_name("else")) {
        next();
        FETAFIX_CHECK(statements(out.otherwise));
      }
      out.span.end = end_of_lines();
      return out;
    }
    if (is_name("for")) {
      out.kind = Stmt::Kind::loop_for;
      next();
      FETAFIX_TRY(out.targets.emplace_back(), expression());
      if (!is_name("in")) return broken("'in'");
      next();
      FETAFIX_TRY(out.value, expression());
      FETAFIX_CHECK(statements(out.body));
      out.span.end = end_of_lines();
      return out;
    }
    if (is_name("with")) {
      out.kind = Stmt::Kind::with;
      next();
      FETAFIX_TRY(out.value, expression());
      if (is_name("as")) {
        next();
        FETAFIX_TRY(out.targets.emplace_back(), expression());
      }
      FETAFIX_CHECK(statements(out.body));
      out.span.end = end_of_lines();
      return out;
    }
    FETAFIX_CHECK(plain_statement(out));
    out.span.end = last_end();
    FETAFIX_CHECK(line_end());
    return out;
  }

  Status plain_statement(Stmt& out) {
    if (is_name("pass") || is_name("return")) {
      out.kind = is_name("pass") ? Stmt::Kind::pass : Stmt::Kind::give;
      next();
      if (out.kind == Stmt::Kind::give && now().kind != Token::Kind::line_end) {
        FETAFIX_TRY(out.value, expression_list());
      }
      return {};
    }
    FETAFIX_TRY(Expr first, expression());
    if (!is_sign(",") && !is_sign("=") && !is_sign(":")) {
      out.kind = Stmt::Kind::expression;
      out.value = std::move(first);
      return {};
    }
    out.kind = Stmt::Kind::assign;
    out.targets.push_back(std::move(first));
    while (take(",")) {
      out.unpacks = true;
      if (is_sign("=")) break;
      FETAFIX_TRY(out.targets.emplace_back(), expression());
    }
    if (take(":")) FETAFIX_CHECK(expression());  // its type
    if (take("=")) {
      FETAFIX_TRY(out.value, expression_list());
    }
    return {};
  }

  // "a, b" is a tuple without its brackets.
  Result<Expr> expression_list() {
    FETAFIX_TRY(Expr first, expression());
    if (!is_sign(",")) return first;
    Expr out;
    out.kind = Expr::Kind::tuple;
    out.span.begin = first.span.begin;
    out.items.push_back(std::move(first));
    while (take(",")) {
      if (now().kind == Token::Kind::line_end) break;
      FETAFIX_TRY(out.items.emplace_back(), expression());
    }
    out.span.end = last_end();
    return out;
  }

  Result<Expr> expression() {
    if (++depth_ > deepest) return broken("an expression that is nested less deep");
    FETAFIX_TRY(Expr out, primary());
    int chain = 0;  // each part holds those before it
    while (is_sign(".") || is_sign("(") || is_sign("[")) {
      Expr outer;
      outer.span.begin = out.span.begin;
      outer.items.push_back(std::move(out));
      if (take(".")) {
        outer.kind = Expr::Kind::attribute;
        outer.name_span = now().span;
        FETAFIX_TRY(outer.text, name());
      } else if (is_sign("(")) {
        outer.kind = Expr::Kind::call;
        FETAFIX_CHECK(arguments(outer));
      } else {
        outer.kind = Expr::Kind::index;
        FETAFIX_CHECK(elements(outer, "[", "]"));
      }
      outer.span.end = last_end();
      out = std::move(outer);
      if (++chain > deepest) return broken("a shorter chain");
    }
    --depth_;
    return out;
  }

  Status arguments(Expr& call) {
    next();
    while (!take(")")) {
      const bool named = now().kind == Token::Kind::name && tokens_[at_ + 1].text == "=";
      call.keywords.emplace_back(named ? next().text : std::string_view());
      if (named) next();
      FETAFIX_TRY(call.items.emplace_back(), expression());
      if (!is_sign(")")) FETAFIX_CHECK(expect(","));
    }
    return {};
  }

  Status elements(Expr& out, std::string_view open, std::string_view close) {
    FETAFIX_CHECK(expect(open));
    while (!take(close)) {
      FETAFIX_TRY(out.items.emplace_back(), expression());
      if (open == "{") {
        FETAFIX_CHECK(expect(":"));
        FETAFIX_TRY(out.items.emplace_back(), expression());
      }
      if (!is_sign(close)) FETAFIX_CHECK(expect(","));
    }
    return {};
  }

  Result<Expr> primary() {
    Expr out;
    out.span.begin = now().span.begin;
    if (now().kind == Token::Kind::name) {
      const std::string_view text = next().text;
      out.text = text;
      out.kind = text == "None"                      ? Expr::Kind::none
                 : text == "True" || text == "False" ? Expr::Kind::boolean
                                                     : Expr::Kind::name;
      out.integer = text == "True";
    } else if (now().kind == Token::Kind::text) {
      out.kind = Expr::Kind::text;
      FETAFIX_TRY(out.text, said_by_text(next().text));
    } else if (now().kind == Token::Kind::number || is_sign("-")) {
      FETAFIX_CHECK(number(out));
    } else if (is_sign("(")) {
      FETAFIX_CHECK(parenthesized(out));
    } else if (is_sign("[")) {
      out.kind = Expr::Kind::list;
      FETAFIX_CHECK(elements(out, "[", "]"));
    } else if (is_sign("{")) {
      out.kind = Expr::Kind::dict;
      FETAFIX_CHECK(elements(out, "{", "}"));
    } else {
      return broken("an expression");
    }
    out.span.end = last_end();
    return out;
  }

  // (x) is x, (x,) a tuple.
  Status parenthesized(Expr& out) {
    const size_t begin = out.span.begin;
    next();
    out.kind = Expr::Kind::tuple;
    bool comma = false;
    while (!take(")")) {
      FETAFIX_TRY(out.items.emplace_back(), expression());
      if (is_sign(")")) continue;
      FETAFIX_CHECK(expect(","));
      comma = true;
    }
    if (out.items.size() == 1 && !comma) {
      Expr inner = std::move(out.items[0]);
      out = std::move(inner);
      out.span.begin = begin;
    }
    return {};
  }

  Status number(Expr& out) {
    const bool negative = take("-");
    if (negative && (is_name("inf") || is_name("nan"))) {
      out.kind = Expr::Kind::real;
      out.real = next().text == "inf" ? -std::numeric_limits<double>::infinity()
                                      : std::numeric_limits<double>::quiet_NaN();
      return {};
    }
    if (now().kind != Token::Kind::number) return broken("a number");
    const std::string written = (negative ? "-" : "") + std::string(now().text);
    const char *begin = written.data(), *end = begin + written.size();
    out.kind = Expr::Kind::integer;
    if (const auto read = std::from_chars(begin, end, out.integer);
        read.ptr != end || read.ec != std::errc()) {
      out.kind = Expr::Kind::real;
      if (const auto real = std::from_chars(begin, end, out.real);
          real.ptr != end || real.ec == std::errc::invalid_argument)
        return broken("a number of a kind that is read here");
      if (written.find_first_of(".eE") == std::string::npos) return broken("an integer of 64 bits");
    }
    next();
    return {};
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Source> parse_script(std::string_view text) {
  FETAFIX_TRY(std::vector<Token> tokens, script_tokens(text));
  return Parser(text, std::move(tokens)).run();
}

}  // namespace fetafix::formats::torch
