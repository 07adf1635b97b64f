"""Holds the include lines of src/, tools/ and workers/ against the tables of docs/architecture.md.

Prints a line for each violation (file, line, header, the rule) and exits with 1 if there is one. A room is a folder of
src/ (formats and runtimes hold a room in each subfolder), or tools, workers or tests. The tables are the ones under the
headings below.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/architecture.md"
HEADINGS = ("Which room may include which", "What tests may include besides", "Third-party headers")
NESTED = ("formats", "runtimes")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def table(heading):
    """Rows of the first table under a heading: {first cell: names in backticks of the second}."""
    text = DOCUMENT.read_text()
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section:
        sys.exit(f"{DOCUMENT}: no heading '{heading}'")
    rows = {}
    for line in section.group(1).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].startswith("`"):
            for key in re.findall(r"`([^`]+)`", cells[0]):
                rows[key] = re.findall(r"`([^`]+)`", cells[1])
    return rows


def room_of(path):
    """The room of a path relative to src/, e.g. formats/onnx of formats/onnx/lift.cpp; None outside of all rooms."""
    parts = Path(path).parts
    if parts[0] in NESTED and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if len(parts) > 1 else None


def check(rooms, tests_also, third_party):
    violations = []
    seen = set()
    files = sorted(f for folder in ("src", "tools", "workers", "tests") for f in (ROOT / folder).rglob("*") if f.suffix in (".h", ".cpp"))
    for file in files:
        relative = file.relative_to(ROOT)
        room = room_of(file.relative_to(ROOT / "src")) if relative.parts[0] == "src" else relative.parts[0]
        seen.add(room)
        if room not in rooms:
            violations.append(f"{relative}: the room '{room}' is not in the table of {DOCUMENT.relative_to(ROOT)}")
            continue
        is_test = file.stem.endswith("_test") or "testing" in relative.parts
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                rule = broken_rule(room, match.group(2), is_test, rooms, tests_also, third_party)
                if rule:
                    violations.append(f"{relative}:{number}: {match.group(2)}: {rule}")
    violations += [f"the table has a room '{room}' that does not exist" for room in rooms if room not in seen]
    return violations, len(files)


def broken_rule(room, header, is_test, rooms, tests_also, third_party):
    for prefix, allowed in third_party.items():
        if header.startswith(prefix):
            fine = room in allowed or (is_test and "tests" in allowed)
            return None if fine else f"{room} may not include {prefix}; only {', '.join(allowed)} may"
    if "/" not in header:
        return None  # the standard library, the system, or a file of the same folder
    if not ((ROOT / "src" / header).exists() or (ROOT / header).exists() or (ROOT / "include" / header).exists()):
        return None if header.split("/")[0] in ("sys", "linux") else "is in no row of the table of third-party headers"
    other = "fetafix" if header.startswith("fetafix/") else header.split("/")[0] if header.startswith(("workers/", "tests/")) else room_of(header)
    if other == room or other in rooms[room] or (is_test and other in tests_also.get(room, [])):
        return None
    return f"{room} may include only {', '.join(rooms[room]) or 'nothing'}"


def main():
    violations, count = check(*(table(heading) for heading in HEADINGS))
    for violation in violations:
        print(violation)
    print(f"include table: {count} files, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
