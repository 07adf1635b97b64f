"""Writes PyTorch's signatures into src/formats/torch/script_schema_table.h: make_torch_schemas.py FILE

Of each line the operator's name is kept (`conv2d.padding`) and the rest said anew, so that an operator is added by a line of its
name. Run it with build/torch/bin/python; without changes the file says what PyTorch says.
"""

import sys
from pathlib import Path

import torch

LETTERS = {"Tensor": "T", "int": "i", "SymInt": "i", "float": "f", "number": "n", "Scalar": "n", "bool": "b", "str": "s",
           "ScalarType": "y", "Device": "d", "Layout": "l", "MemoryFormat": "m", "Generator": "g"}

# Files of PyTorch 1.6 and before do not have it.
LEFT_OUT = {("_convolution.default", "allow_tf32")}


def letters(kind, size):
    name = str(kind)
    if name.startswith("Optional["):
        return letters(kind.getElementType(), size) + "?"
    if name.startswith("List["):
        return letters(kind.getElementType(), None) + ("#" if size else "*")
    return LETTERS[name]


def said(name, argument):
    may_be_left_out = argument.has_default_value() or (name, argument.name) in LEFT_OUT
    return (f"{'*' if argument.kwarg_only else ''}{argument.name}:{letters(argument.real_type, argument.N)}"
            f"{'=' if may_be_left_out else ''}")


def line_of(name, schemas):
    schema = schemas[name]
    results = " ".join(letters(one.real_type, None) for one in schema.returns)
    return f"{name}|{' '.join(said(name, one) for one in schema.arguments)}|{results}"


def main():
    file = Path(sys.argv[1])
    before, table, after = file.read_text().partition('R"(\n')
    lines, end, rest = after.partition(')"')
    schemas = {}
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        if space == "aten":
            schemas[f"{name}.{schema.overload_name or 'default'}"] = schema
    names = [line.partition("|")[0] for line in lines.splitlines()]
    if unknown := [name for name in names if name not in schemas]:
        sys.exit(f"PyTorch {torch.__version__} has no operator {', '.join(unknown)}")
    lines = "".join(line_of(name, schemas) + "\n" for name in names)
    file.write_text(before + table + lines + end + rest)


if __name__ == "__main__":
    main()
