#!/usr/bin/env python3
"""Compares schema.fbs with the wire facts that a LiteRT package states.

    check_schema.py [--flatc FLATC] [MODULE]

MODULE is the path of schema_py_generated.py; without it, that of the installed ai_edge_litert. Our schema goes
through `flatc --python`, so both sides are generated code and are read in the same way: every table with its number of
vtable slots, every field with slot, type and default, every enumeration and union with its values. Prints what
differs, one line each, and exits 1 if anything does. Enumeration types of fields are names only and not compared.
"""
import argparse
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile


def values(text):
    found = {}
    for name, body in re.findall(r"^class (\w+)\(object\):\n((?:    \w+ = -?\d+\n)+)", text, re.M):
        found[name] = {k: int(v) for k, v in re.findall(r"(\w+) = (-?\d+)", body)}
    return found


def reference_type(accessor):
    """The type of a field that is an offset, from the body of its accessor."""
    if "_tab.Union" in accessor:
        return "union"
    if "_tab.Vector(" not in accessor:
        return "string" if "_tab.String" in accessor else re.findall(r"obj = (\w+)\(\)", accessor)[0]
    scalar = re.search(r"number_types\.(\w+)Flags, a", accessor)
    if scalar:
        return "[%s]" % scalar[1]
    return "[string]" if "_tab.String" in accessor else "[%s]" % re.findall(r"obj = (\w+)\(\)", accessor)[0]


def tables(text):
    classes = dict(re.findall(r"^class (\w+)\(object\):\n(    __slots__ = \['_tab'\]\n.*?)(?=^class |^def |\Z)", text, re.M | re.S))
    found = {}
    for name, body in classes.items():
        size = re.search(r"^def %sStart\(builder\):\s*(?:return )?builder\.StartObject\((\d+)\)" % name, text, re.M)
        fields = {}
        add = r"^def %sAdd(\w+)\(builder, \w+\):\s*(?:return )?builder\.Prepend(\w+)Slot\((\d+), .*, ([^,()]+)\)\s*$" % name
        for accessor, kind, slot, default in re.findall(add, text, re.M):
            if kind == "UOffsetTRelative":
                code = re.search(r"    def %s\(self(?:, j)?\):\n(.*?)(?=\n    # |\Z)" % accessor, body, re.S)
                kind = reference_type(code[1])
            fields[int(slot)] = (accessor.lower(), kind, float(eval(default, {}, {})))
        found[name] = {"slots": int(size[1]), **fields}
    return found


def ours(flatc):
    schema = pathlib.Path(__file__).with_name("schema.fbs")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([flatc, "--python", "-o", folder, schema], check=True, stdout=subprocess.DEVNULL)
        # flatc writes the functions <Table>Start or plain Start, with the other as an alias, depending on its age.
        return "\n".join(p.read_text() for p in sorted(pathlib.Path(folder).rglob("*.py")))


def compare(what, mine, theirs):
    differences = 0
    for key in sorted(set(mine) | set(theirs), key=str):
        if mine.get(key) == theirs.get(key):
            continue
        if isinstance(mine.get(key), dict) and isinstance(theirs.get(key), dict):
            differences += compare("%s %s" % (what, key), mine[key], theirs[key])
        else:
            print("%s %s: schema.fbs has %s, the package %s" % (what, key, mine.get(key), theirs.get(key)))
            differences += 1
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flatc", default="flatc")
    parser.add_argument("module", nargs="?")
    options = parser.parse_args()
    module = options.module or pathlib.Path(importlib.util.find_spec("ai_edge_litert").origin).with_name("schema_py_generated.py")
    theirs, mine = pathlib.Path(module).read_text(), ours(options.flatc)
    counts = (len(tables(theirs)), len(values(theirs)), len(values(theirs).get("BuiltinOperator", {})))
    differences = compare("enumeration", values(mine), values(theirs)) + compare("table", tables(mine), tables(theirs))
    if min(counts) == 0:
        sys.exit("check_schema: nothing found in %s" % module)
    print("check_schema: %d tables, %d enumerations and unions, %d operators; %d differences" % (*counts, differences))
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
