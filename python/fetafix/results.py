"""What a run gives back: plain data, made of the program's JSON."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

GOOD = ("identical", "equivalent", "quantized", "repaired")


@dataclass(frozen=True)
class Location:
    """Where in a live module an operator comes from."""

    module: str  # path of the innermost module, "features.0"; "" is the whole
    module_type: str  # such as torch.nn.modules.conv.Conv2d
    file: Optional[str]  # of the innermost line that is not PyTorch's own
    line: int
    function: Optional[str]
    code: Optional[str]
    stack: str  # the whole stack trace, outermost call first

    def __str__(self):
        kind = self.module_type.rpartition(".")[2]
        text = f"{self.module or 'the module itself'} ({kind})" if kind else self.module
        return f"{text}, {self.file}:{self.line}: {self.code}" if self.file else text


@dataclass
class Fault:
    """One fault. `place` and `source_place` are the operators as the program names them; `target_at` and `source_at` where these
    come from in a live module, else None."""

    class_: str  # parameters, hyperparameters, graph, ...
    pattern: str  # see `fetafix list faults`; training-mode is found here
    place: str
    source_place: str
    explanation: str
    advice: str = ""
    confidence: float = 1.0
    fixed: bool = False
    left_because: str = ""
    evidence: List[Dict[str, Any]] = field(default_factory=list)
    target_at: Optional[Location] = None
    source_at: Optional[Location] = None
    modules: List[str] = field(default_factory=list)  # paths of all modules concerned

    @property
    def module(self):
        """Path of the live module concerned, the target's first; None where neither side is live."""
        at = self.target_at or self.source_at
        return at.module if at else (self.modules[0] if self.modules else None)

    @property
    def stack_trace(self):
        at = self.target_at or self.source_at
        return at.stack if at else None

    def __str__(self):
        where = f"{self.target_at or self.place or self.source_place}"
        return f"{self.class_}, {self.pattern}: {where}: {self.explanation}" + (" (mended)" if self.fixed else "")


@dataclass
class Result:
    """The verdict on a pair. `bool(result)` and `ok` say whether the pair is the same (or was repaired)."""

    command: str
    verdict: str  # docs/command-line.md
    exit_code: int
    reason: str
    faults: List[Fault]
    raw: Dict[str, Any]  # the program's JSON
    text: str  # what the program prints
    warnings: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    in_eval: Optional["Result"] = None  # where a live module is in training mode: how it would be in eval mode
    # Of a repair whose target is a live module:
    patch: Optional[Dict[str, Any]] = None  # the edits of the exported program, docs/patch.md
    state_dict: Optional[Dict[str, Any]] = None  # of the repaired module; None where no number changed
    changes: List[Any] = field(default_factory=list)  # edits of the module's code, see fetafix.Change
    applies: Optional[bool] = None  # a changed copy computes what the repaired program does; None: not tried

    @property
    def ok(self):
        return self.exit_code == 0

    def __bool__(self):
        return self.ok

    @property
    def before(self):
        """Differences of the outputs, of a repair before it: label_differences, max_relative_error, ..."""
        return self.raw.get("before") or {}

    @property
    def after(self):
        return self.raw.get("after") or {}

    @property
    def coverage(self):
        return self.raw.get("coverage") or {}

    @property
    def code(self):
        """Python lines for `model`, the live target: run them, then load `state_dict`. What is not a plain attribute is a comment."""
        return "\n".join(change.code for change in self.changes)

    def apply(self, model):
        """Does to `model` what `code` says and loads `state_dict`. Give it a copy, or the module itself. Comments remain to be done by
        hand: `all(change.plain for change in result.changes)` says that there are none. Returns `model`."""
        for change in self.changes:
            change.apply(model)
        if self.state_dict is not None:
            model.load_state_dict(self.state_dict)
        return model

    def __str__(self):
        lines = [f"{self.verdict}: {self.reason}" if self.reason else self.verdict]
        lines += [f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1)]
        if self.in_eval is not None and self.command != "repair":
            lines.append(f"  in eval mode: {self.in_eval.verdict}")
        return "\n".join(lines)


def result_of(raw, code, text, located):
    """`located(side, place)` gives the Location of a place of the source or target, or None."""
    faults = []
    for fault in raw.get("faults", []):
        found = Fault(fault["class"], fault["pattern"], fault["target_node"], fault["source_node"], fault["explanation"],
                      fault.get("advice", ""), fault.get("confidence", 0.0), fault.get("fixed", False), fault.get("left_because", ""),
                      fault.get("evidence", []), located("target", fault["target_node"]), located("source", fault["source_node"]))
        found.modules = sorted({at.module for at in (found.target_at, found.source_at) if at})
        faults.append(found)
    return Result(raw["command"], raw["verdict"], code, raw.get("reason") or "", faults, raw, text, raw.get("warnings", []),
                  raw.get("notes", []))
