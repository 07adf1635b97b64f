"""rename.py for TorchScript: names of modules, weights and all other attributes, in the text of the code and in the pickle that
holds them. Those of classes, methods and operators stay, and so does `training`, which says how a module runs; what tells the
lines of the Python source goes.
"""

import pickletools
import re
import zipfile

KEPT = ("training", "_is_full_backward_hook")
DECLARED = re.compile(r'^  (\w+)(?= : )|__annotations__\["(\w+)"\]', re.MULTILINE)
LISTED = re.compile(r"^  __(?:parameters|buffers)__ = \[.*\]$", re.MULTILINE)
ASKED = re.compile(r'getattr\((\w+), "(\w+)"\)')
CHAIN = re.compile(r"\b[A-Za-z_]\w*(?:\.\w+)+|\)\.\w+\b(?!\()")
OF_OTHERS = ("torch", "ops", "CONSTANTS", "__torch__")  # what begins so is no module's attribute


def rename_code(text, new):
    text = DECLARED.sub(lambda m: m[0].replace(m[1] or m[2], new(m[1] or m[2])), text)
    text = LISTED.sub(lambda m: re.sub(r'"(\w+)"', lambda name: f'"{new(name[1])}"', m[0]), text)
    text = ASKED.sub(lambda m: f'getattr({m[1]}, "{new(m[2])}")', text)

    def chain(found):
        first, *rest = found[0].split(".")
        return found[0] if first in OF_OTHERS else ".".join([first, *map(new, rest)])
    return CHAIN.sub(chain, text)


def rename_pickle(data, new):
    """Every text is written where it is meant: a key of a storage may share its letters with an attribute's name."""
    out, memo, last, since_mark = [], {}, None, []
    steps = list(pickletools.genops(data))
    for (step, argument, begin), end in zip(steps, [*(place for *_, place in steps[1:]), len(data)]):
        text = argument if step.name == "BINUNICODE" else memo.get(argument) if step.name in ("BINGET", "LONG_BINGET") else None
        if step.name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = last
        else:
            last = text
        if text is None:
            out.append(data[begin:end])
        else:
            word = (text if since_mark[:1] == ["storage"] else new(text)).encode()
            out.append(b"X" + len(word).to_bytes(4, "little") + word)
        if step.name == "MARK":
            since_mark = []
        elif step.stack_after:
            since_mark.append(text)
    return b"".join(out)


class Places(dict):
    """{name of an operator: the new one}, told by its module's path."""

    def __init__(self, new):
        super().__init__()
        self.new = new

    def __missing__(self, name):
        path, slash, operator = name.rpartition("/")
        return ".".join(map(self.new, path.split("."))) + slash + operator


def rename(source, target, names):
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.endswith((".debug_pkl", "serialization_id"))}
    texts = {name: data.decode() for name, data in members.items() if name.endswith(".py")}
    declared = {name for text in texts.values() for found in DECLARED.findall(text) for name in found if name} - {*KEPT}
    new = lambda name: names(f"attribute {name}") if name in declared else name
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            if name in texts:
                data = rename_code(texts[name], new).encode()
            elif name.endswith("/data.pkl"):
                data = rename_pickle(data, new)
            archive.writestr(zipfile.ZipInfo(name), data)
    return Places(new)
