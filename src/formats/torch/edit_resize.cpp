// What is set of a Resize. In PyTorch all its attributes together are one operator, so which one it is gets
// chosen when all edits are known.
#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "formats/torch/editor.h"

namespace fetafix::formats::torch {
namespace {

using graph::attribute_or;

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

struct Wanted {
  std::string mode, coordinates;
  float cubic = -0.75f;
  bool smooth = false;  // antialiased
};

Wanted wanted_of(const graph::Attributes& attributes) {
  return {attribute_or(attributes, "mode", std::string("nearest")),
          attribute_or(attributes, "coordinate_transformation_mode", std::string("half_pixel")),
          attribute_or(attributes, "cubic_coeff_a", -0.75f),
          attribute_or(attributes, "antialias", int64_t{0}) != 0};
}

// How pixels are rounded to follows from the coordinates.
Result<std::string> nearest_operator(const Wanted& wanted, const std::string& axes) {
  if (wanted.coordinates == "asymmetric") return "upsample_nearest" + axes;
  if (wanted.coordinates == "half_pixel") return "_upsample_nearest_exact" + axes;
  return cant("the nearest pixel by coordinates '" + wanted.coordinates + "'");
}

Result<std::string> smooth_operator(const Wanted& wanted, const std::string& axes) {
  const bool cubic = wanted.mode == "cubic";
  if (!cubic && wanted.mode != "linear") return cant("a Resize of mode '" + wanted.mode + "'");
  if ((cubic || wanted.smooth) && axes != "2d") return cant("it is for images alone");
  const float coefficient = wanted.smooth ? -0.5f : -0.75f;
  if (cubic && std::fabs(wanted.cubic - coefficient) > 1e-6f)
    return cant("another coefficient than PyTorch's");
  const std::string name = cubic          ? "bicubic"
                           : axes == "1d" ? "linear"
                           : axes == "3d" ? "trilinear"
                                          : "bilinear";
  return (wanted.smooth ? "_upsample_" : "upsample_") + name + axes + (wanted.smooth ? "_aa" : "");
}

// Argument number 2 of all operators that are not nearest.
void put_align_corners(Editor& editor, int op, bool aligns) {
  if (editor.argument(op, "align_corners")) return editor.set_argument(op, "align_corners", as_bool(aligns));
  Json& inputs = editor.node(op)["inputs"];
  inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(2, inputs.size())),
                Json{{"name", "align_corners"}, {"arg", as_bool(aligns)}, {"kind", 1}});
}

}  // namespace

bool is_of_resize(const graph::Node& node, const std::string& attribute) {
  return node.type == "Resize" && (attribute == "mode" || attribute == "coordinate_transformation_mode" ||
                                   attribute == "nearest_mode" || attribute == "cubic_coeff_a" ||
                                   attribute == "antialias" || attribute == "exclude_outside");
}

Status write_resize(Editor& editor, int op, const graph::Attributes& attributes) {
  const std::string& now = editor.op(op).target;
  const Wanted wanted = wanted_of(attributes);
  const size_t digit = now.find_first_of("123");
  if (now.find("upsample") == std::string::npos || digit == std::string::npos)
    return cant(now + " is no Resize");
  const std::string axes = now.substr(digit, 2), overload = now.substr(now.rfind('.'));
  if (wanted.mode == "nearest") {
    FETAFIX_TRY(const std::string name, nearest_operator(wanted, axes));
    editor.set_target(op, "aten." + name + overload);
    editor.drop_argument(op, "align_corners");
    return {};
  }
  FETAFIX_TRY(const std::string name, smooth_operator(wanted, axes));
  const bool aligns = wanted.coordinates == "align_corners";
  if (!aligns && wanted.coordinates != "half_pixel" && wanted.coordinates != "pytorch_half_pixel")
    return cant("coordinates by '" + wanted.coordinates + "'");
  editor.set_target(op, "aten." + name + overload);
  put_align_corners(editor, op, aligns);
  // These operators have no default for it.
  if (overload == ".vec" && !editor.argument(op, "scale_factors"))
    editor.set_argument(op, "scale_factors", Json{{"as_none", true}});
  return {};
}

}  // namespace fetafix::formats::torch
