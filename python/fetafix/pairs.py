"""check, localize and repair: live modules are exported to temporary files, the program is run on those, and what it says is told in
terms of the modules."""

import json
import os
import tempfile
from pathlib import Path

from . import modules, program, repairs, samples, training
from .differences import Differences
from .exported import Program
from .program import Error
from .results import GOOD, result_of

FILES = ("run_dir", "junit")  # options that name what is written


def check(source, target, data=None, *, example=None, **options):
    """Are source and target the same?

    Each is the path of a model or a live torch.nn.Module (on the CPU). Modules are not changed: parameters, buffers and modes are
    afterwards as before.

    data     a folder of images, a .npy or .npz file; or an array or tensor [samples, ...]; or a tuple (inputs in order) or dict
             (by name) of those. A dict goes to the parameters of forward by name, or as the one dict that forward takes. Without
             data: seeded noise.
    example  what an example input of a live module is, where data are images or None and the other side is no file that tells:
             an array [samples, ...], or a tuple or dict as above
    options  those of the command line (docs/command-line.md), such as preprocess="torchvision", limit=100, python=PATH: True is
             a flag, a list the option several times, a dict that with NAME=VALUE

    Returns a Result. A module in training mode is compared as it is; that is a fault of its own where it matters, and `in_eval` is
    the Result in eval mode. Raises Error: bad data or options, a file that can't be read, a missing runtime, a module that can't be
    exported."""
    return Pair("check", source, target, data, example, options).run()


def localize(source, target, data=None, *, example=None, **options):
    """Which parts of the target are wrong, and why? Arguments, Result and errors as those of check. Each fault of a live module tells
    the module's path and the line of its code (`target_at`, `source_at`)."""
    return Pair("localize", source, target, data, example, options).run()


def repair(source, target, data=None, *, example=None, **options):
    """Repairs the target. Arguments, Result and errors as those of check.

    A target that is a file needs output=FILE. Of a live module the repaired exported program is only written where output=FILE.pt2
    says so; the result has `patch`, `code` and `changes` (edits of the module's code), `state_dict` (or None where no number
    changed), and `apply(model)`, which does both to a copy. `applies` says whether that was tried on a copy, and computes what the
    repaired program does. A module in training mode is repaired in eval mode, and `code` begins with model.eval()."""
    return Pair("repair", source, target, data, example, options).run()


class Side:
    """The source or the target of a call, and the files that stand for a live module."""

    def __init__(self, role, given):
        self.role, self.given = role, given
        self.live = modules.is_module(given)
        if not self.live and not isinstance(given, (str, os.PathLike)):
            raise Error(f"the {role} is the path of a model or a torch.nn.Module, found {type(given).__name__}")
        self.name = f"the {role} (module {type(given).__name__})" if self.live else str(given)
        self.file = self.own_file = None if self.live else Path(given)
        self.programs, self.concerned, self.notes, self.warnings, self.order = [], [], [], [], None

    def export(self, folder, given):
        module = self.given
        self.exported, fixed = modules.export(module, given, True, self.name)
        self.examples = modules.examples(module, given, 1 if fixed else 2)
        self.order = modules.order_of(self.exported, given.structure(module))
        self.file = self.own_file = folder / f"{self.role}.pt2"
        modules.save(self.exported, self.file)
        self.program = Program(self.exported)
        self.programs = [self.program]
        if fixed:
            self.notes.append(f"{self.name} is exported for one sample at a time, for it does not go with a free batch: {fixed}")
        self.export_own(folder, given)

    def export_own(self, folder, given):
        """As it stands, where a part of it is in training mode; `concerned` are the parts to which that makes a difference."""
        if not modules.in_training(self.given):
            return
        exported, _ = modules.export(self.given, given, False, f"{self.name} in training mode")
        file = folder / f"{self.role}_in_training.pt2"
        modules.save(exported, file)
        own = Program(exported)
        self.concerned = training.concerned(own, self.program)
        if self.concerned:
            self.own_file = file
            self.programs = [own, self.program]
        else:
            self.warnings.append(f"{self.name} is in training mode, which changes nothing of what it computes here")

    def at(self, place):
        node = self.live and self.program.node_at(place)
        return node.location() if node else None


class Pair:
    def __init__(self, command, source, target, data, example, options):
        self.command, self.options = command, dict(options)
        self.sides = Side("source", source), Side("target", target)
        self.source, self.target = self.sides
        self.samples = samples.Samples(data)
        self.example = None if example is None else samples.Samples(example)

    def run(self):
        program.find()  # before exporting takes its time
        for side in self.sides:
            if side.live:
                modules.require_torch()
        with tempfile.TemporaryDirectory(prefix="fetafix-") as folder:
            self.folder = Path(folder)
            self.export()
            self.data = self.samples.write(self.folder, self.input_order())
            if self.command == "repair":
                return self.repair()
            result = self.once([side.file for side in self.sides], self.concerned)
            return self.in_own_mode(result) if self.concerned else result

    @property
    def concerned(self):
        return [side for side in self.sides if side.concerned]

    def export(self):
        for side, other in (self.sides, self.sides[::-1]):
            if side.live:
                side.export(self.folder, self.examples_for(side, other))

    def examples_for(self, side, other):
        for given in (self.example, self.samples):
            if given is not None and given.arrays is not None:
                return given
        shape = None if other.live else samples.shape_of_picture(other.file)
        if shape is None:
            raise Error(f"what {side.name} takes is not known from the data; give example=, an input of it with the samples along the "
                        "first dimension")
        import numpy as np
        return samples.Samples(np.zeros(shape, np.float32))

    def input_order(self):
        if self.samples.arrays is None:
            return None
        orders = [side.order for side in self.sides if side.live and set(side.order) == set(self.samples.arrays)]
        if len(orders) == 2 and orders[0] != orders[1] and not all(self.by_name(side) for side in self.sides):
            raise Error(f"the two modules take the arrays of data in another order: {orders[0]} and {orders[1]}")
        return orders[0] if orders else None

    def by_name(self, side):
        return set(side.program.inputs) <= set(self.samples.arrays)

    def once(self, files, without_files=False):
        """A run of the program on these two files."""
        options = {name: value for name, value in self.options.items() if not (without_files and name in FILES)}
        json_file = self.folder / "result.json"
        kept = options.pop("json", None)
        json_file.unlink(missing_ok=True)
        words = [*files, *(["--data", self.data] if self.data else []), *program.words_of(options), "--json", json_file]
        names = {side_file: side.name for side in self.sides if side.live for side_file in (side.file, side.own_file)}
        raw, code, text = program.run(self.command, words, json_file, names)
        for side in self.sides:
            if side.live:
                raw[side.role]["path"] = side.name
        for path, name in names.items():
            text = text.replace(str(path), name)
        if kept and not without_files:
            Path(kept).write_text(json.dumps(raw, indent=1))
        return self.told(raw, code, text)

    def told(self, raw, code, text):
        located = {side.role: side.at for side in self.sides}
        result = result_of(raw, code, text, lambda role, place: located[role](place))
        for side in self.sides:
            result.notes += side.notes
            result.warnings += side.warnings
            if side.live:
                training.name_stuck_dropouts(result, side.role, side.program)
        return result

    def in_own_mode(self, in_eval):
        """The result of the modules as they stand: their verdict, and as faults the mode and what is wrong in eval mode too."""
        faults = [training.mode_fault(side.role, side.concerned, side.programs[0], False) for side in self.concerned]
        try:
            result = self.once([side.own_file for side in self.sides])
        except Error as error:
            if error.code in (2, 4):
                raise
            result = self.told(dict(in_eval.raw, verdict="unknown", reason=f"in training mode: {error}"), 1, in_eval.text)
        for fault in faults:
            fault.explanation += f"; in eval mode the pair is {in_eval.verdict}"
        result.faults, result.in_eval = faults + in_eval.faults, in_eval
        if result.verdict in GOOD:
            result.verdict, result.exit_code = "latent", 1
            result.reason = "nothing of these samples shows it, and a module is in training mode"
        return result

    def repair(self):
        output = self.options.get("output")
        if self.target.live and not output and not self.options.get("dry_run"):
            self.options["output"] = self.folder / "repaired.pt2"
        result = self.once([side.file for side in self.sides])
        if self.target.live:
            self.tell_repair(result)
            if not output:
                result.raw.update(output=None, patch=None)
        return self.with_mode_mended(result)

    def tell_repair(self, result):
        written, patch = (result.raw.get(name) for name in ("output", "patch"))
        if not written or not Path(written).exists():
            return
        result.patch = json.loads(Path(patch).read_text()) if patch else None
        with modules.quiet():
            repaired = modules.require_torch().export.load(str(written))
        module = self.target.given
        found = Differences(module, self.target.program, Program(repaired))
        changed = repairs.changed_copy(module, found.changes)
        result.changes = found.changes
        result.state_dict = repairs.state_of(module, changed, found.numbers)
        if changed is not None:
            self.try_it(result, changed, repaired)

    def try_it(self, result, changed, repaired):
        if not all(change.plain for change in result.changes):
            result.applies = False
            return
        if result.state_dict is not None:
            changed.load_state_dict(result.state_dict)
        result.applies = repairs.computes_the_same(changed, repaired, self.target.examples)
        if not result.applies:
            result.warnings.append("code and state_dict do not make the module compute what the repaired program computes; "
                                   "output=FILE.pt2 has that")

    def with_mode_mended(self, result):
        if not self.concerned:
            return result
        for side in self.concerned:
            fault = training.mode_fault(side.role, side.concerned, side.programs[0], side is self.target)
            fault.left_because = "" if fault.fixed else "a repair changes the target alone"
            result.faults.insert(0, fault)
        result.notes.append("modules in training mode were compared and repaired in eval mode")
        if self.target.concerned:
            result.changes.insert(0, repairs.Change("eval"))
            if result.verdict in GOOD and not any(fault.fixed for fault in result.faults[len(self.concerned):]):
                result.verdict, result.reason = "repaired", "in eval mode the models are the same"
        return result

