"""Modules left in training mode, and dropout that no mode turns off."""

from collections import defaultdict

from .exported import Name
from .results import Fault

DROPOUTS = ("aten.dropout", "aten.feature_dropout", "aten.alpha_dropout", "aten.feature_alpha_dropout", "aten.native_dropout")
ADVICE = "call eval() on the module before it is exported or compared"
SHOWN = 12  # paths in an explanation; the fault has all


def computed_by(program):
    """What each module computes: operators with their numbers, in order, and without names of tensors."""
    parts = defaultdict(list)
    for node in program.nodes:
        numbers = {name: value for name, value in node.arguments.items() if not has_names(value)}
        parts[node.module].append((node.base, str(sorted(numbers.items()))))
    return parts


def has_names(value):
    return isinstance(value, Name) or isinstance(value, list) and any(has_names(item) for item in value)


def concerned(own, in_eval):
    """Paths of the modules that compute something else in their own mode than in eval mode."""
    left, right = computed_by(own), computed_by(in_eval)
    return [path for path in dict.fromkeys([*left, *right]) if left.get(path) != right.get(path)]


def listed(paths):
    names = [path or "the module itself" for path in paths[:SHOWN]]
    return ", ".join(names) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")


def mode_fault(side, paths, program, fixed):
    """Of a module in training mode; `paths` compute something else in it."""
    kinds = {}
    for node in program.nodes:
        if node.module in paths:
            kinds.setdefault(node.module, node)
    first = next(iter(kinds.values()), None)
    at = first.location() if first else None
    many = f"{len(paths)} modules compute" if len(paths) > 1 else "a module computes"
    fault = Fault("graph", "training-mode", "", "", f"the {side} is in training mode, where {many} something else than in eval mode: "
                  f"{listed(paths)}", ADVICE, fixed=fixed, modules=list(paths))
    place = f"{side} in training mode"
    if side == "target":
        fault.place, fault.target_at = place, at
    else:
        fault.source_place, fault.source_at = place, at
    return fault


def name_stuck_dropouts(result, side, program):
    """Adds to the result what drops in eval mode too: functional.dropout without training=self.training. It takes the place of what
    the program says of the same operator, for that does not know the module."""
    for node in program.nodes:
        if not (node.base in DROPOUTS and node.arguments.get("train") is True and node.arguments.get("p")):
            continue
        fault = Fault("graph", "training-mode", "", "", "this dropout drops in eval mode too, by chance and otherwise in every run",
                      "say training=self.training where functional.dropout is called", modules=[node.module])
        if side == "target":
            fault.place, fault.target_at = f"'{node.name}'", node.location()
        else:
            fault.source_place, fault.source_at = f"'{node.name}'", node.location()
        known = [other for other in result.faults if other.pattern == fault.pattern and
                 node is program.node_at(other.place if side == "target" else other.source_place)]
        fault.fixed = any(other.fixed for other in known)
        result.faults = [other for other in result.faults if other not in known] + [fault]
