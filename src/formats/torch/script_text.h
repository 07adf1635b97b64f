// The text of a TorchScript file's `code/` entries as a tree: the part of Python that PyTorch writes there
// (torch/csrc/jit/serialization/python_print.cpp). Nothing is run.
//
// Bounded: depth of nesting, and as many parts as the text has characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fetafix::formats::torch {

// From `begin` up to and without `end`, in bytes of the entry's text.
struct Span {
  size_t begin = 0, end = 0;
};

struct Expr {
  enum class Kind : uint8_t {
    name,       // text
    attribute,  // items[0].text
    call,       // items[0] of items[1..]; keywords[i] is the name of items[i + 1], or empty
    index,      // items[0] at items[1]; none of these: []
    list,
    tuple,
    dict,  // key, value, key, value
    text,
    integer,
    real,
    boolean,  // integer: 0 or 1
    none
  };
  Kind kind = Kind::none;
  Span span;
  Span name_span;  // of an attribute's own name
  std::string text;
  int64_t integer = 0;
  double real = 0;
  std::vector<Expr> items;
  std::vector<std::string> keywords;
};

struct Stmt {
  enum class Kind : uint8_t { assign, expression, give, branch, loop_while, loop_for, with, pass };
  Kind kind = Kind::pass;
  Span span;
  std::vector<Expr> targets;  // of an assignment or a `for`: names or attributes
  bool unpacks = false;       // its targets are the parts of one value
  Expr value;                 // what is assigned, returned, asked or run over
  std::vector<Stmt> body, otherwise;
};

struct Parameter {
  std::string name;
  Expr type;
  std::optional<Expr> otherwise;  // the value where it is left out
};

struct Function {
  std::string name;
  Span name_span, span;  // span: whole lines
  std::vector<Parameter> parameters;
  std::vector<Stmt> body;
};

struct Class {
  std::string name, base;
  std::vector<Stmt> attributes;  // assignments with or without a value, as they are written
  std::vector<Function> methods;
};

struct Source {
  std::vector<Class> classes;
  std::vector<Function> functions;
};

// Error kind `file`, with the line: what is not of that language.
Result<Source> parse_script(std::string_view text);

// "3", counted from 1.
size_t line_of(std::string_view text, size_t place);

}  // namespace fetafix::formats::torch
