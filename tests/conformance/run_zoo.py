"""The conformance suite on every model of the zoo; run by `make conformance`.

    run_zoo.py [--only SUBSTRING...] [--jobs N] [--timeout S] [--json FILE [--resume]]

Each file of build/models goes through conformance_zoo, a process each: recognized by its content, written byte for byte,
its view computing what its runtime computes within the floor, its inner values too, and one edit of each kind applied,
written, loaded natively and seen. A run of all writes docs/conformance.md. Exits with 1 when a check is not kept;
exclusions, with their reasons, stand in registry.cpp, and one that is not needed is a failure too.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_CONFORMANCE", BUILD / "release/bin/fetafix_conformance_zoo"))
CHECKS = ["recognized", "untouched", "lift", "exposed", "edits"]
HEAD = """# Conformance

Every model of the zoo against what every format keeps to. Written by `make conformance` (`tests/conformance/run_zoo.py`);
don't edit. *Floor*: how far right computations of the model lie apart (its runtime with and without optimization, and on
inputs disturbed in their last places), relative to the largest output; *view*: how far its view is from its runtime, at most
8 floors. *Values*: inner values that an instrumented copy gave, each held against the view's. *Edits*: kinds of which one was
applied, written, loaded natively and seen. What is smaller and runs in `make test` is in `tests/conformance`.
"""


def examine(path, timeout):
    """The row of a file; None: it is no model of a format that there is."""
    try:
        done = subprocess.run([PROGRAM, path], capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"format": path.suffix[1:], "lift": f"took more than {timeout} s"}
    if done.returncode:
        return {"format": path.suffix[1:], "lift": f"ended with code {done.returncode}: {done.stderr.strip()[-300:]}"}
    row = json.loads(done.stdout)
    return row if row["format"] else None


def problems(row):
    """What is not kept."""
    found = [f"{check}: {row[check]}" for check in CHECKS if row.get(check)]
    if "excuse" in row:
        return [] if found else ["it needs no excuse: " + row["excuse"]]
    return found


def line(name, row):
    found = problems(row)
    state = "**miss**" if found else "excused" if "excuse" in row else "kept"
    size = lambda key: f"{row[key]:.1e}" if key in row else "-"
    return (f"| {name} | {row['format']} | {state} | {size('floor')} | {size('distance')} | {row.get('values', '-')} | "
            f"{', '.join(row.get('seen', []))} |")


def document(rows):
    commit = subprocess.run(["git", "log", "-1", "--format=%h"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    kept = sum(not problems(row) for row in rows.values())
    lines = [HEAD, f"{datetime.date.today().isoformat()}, on top of commit {commit}: {kept} of {len(rows)} models keep to all.", "",
             "| model | format | | floor | view | values | edits |", "|---|---|---|---|---|---|---|",
             *(line(name, row) for name, row in rows.items())]
    misses = {name: problems(row) for name, row in rows.items() if problems(row)}
    excused = {name: row["excuse"] for name, row in rows.items() if "excuse" in row}
    if misses:
        lines += ["", "## Misses", "", *(f"- {name}: {'; '.join(found)}" for name, found in misses.items())]
    if excused:
        lines += ["", "## Excused", "", *(f"- {name}: {why}" for name, why in excused.items())]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=300, metavar="S", help="for one model")
    parser.add_argument("--json", type=Path, help="keep the rows here")
    parser.add_argument("--resume", action="store_true", help="skip models that the file of --json holds")
    options = parser.parse_args()
    files = sorted(path for path in (BUILD / "models").iterdir() if path.is_file() and not path.name.startswith("."))
    files = [path for path in files if not options.only or any(word in path.name for word in options.only)]
    rows = json.loads(options.json.read_text()) if options.resume and options.json.exists() else {}
    lock = Lock()

    def one(path):
        row = rows[path.name] if path.name in rows else examine(path, options.timeout)
        with lock:
            if row:
                rows[path.name] = row
                print(line(path.name, row), *(f"  {text}" for text in problems(row)), sep="\n", flush=True)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1))

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, files))
    rows = dict(sorted(rows.items()))
    missed = sum(bool(problems(row)) for row in rows.values())
    print(f"{len(rows) - missed} of {len(rows)} models keep to all")
    if not options.only:
        (ROOT / "docs/conformance.md").write_text(document(rows))
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
