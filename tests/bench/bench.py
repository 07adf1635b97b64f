"""The table of planted faults: models x faults x number of faults x seeds. Run by `make bench`.

    bench.py [--rows FILE] [--hours H] [--sample N] [--first-seed N] [--only WORD...] [--report]

Each row plants (tests/zoo/plant.py, which shares no code with fetafix), runs `fetafix repair`, and judges with the runtimes
themselves (tests/zoo/oracle.py). Rows are appended to FILE as they end; those already there for this program are skipped, so
that a run goes on where it was stopped. At the end, or with --report from what FILE holds, docs/benchmarks.md and
docs/benchmarks.json are written. FETAFIX_BUILD names another build folder than build/, FETAFIX_PROGRAM another program.
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from bench_document import write_document
from cases import FORMATS, all_cases, key
from judge import ROOT, Oracle, script
from row import Bench
import torch_client

BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
ROUNDS = 40


def faults_of(python):
    """(format, name) of all, those of the formats in turn."""
    lines = [line.split("\t")[:2] for line in script(python, "plant.py", "--list").stdout.splitlines()]
    sides = [[(kind, name) for kind, name in lines if kind == side] for side in FORMATS]
    return [fault for turn in itertools.zip_longest(*sides) for fault in turn if fault]


class Rows:
    """The file of rows."""

    def __init__(self, path, program):
        self.path, self.program, self.lock, self.rows = path, program, Lock(), []
        if path.exists():
            kept = [json.loads(line) for line in path.read_text().splitlines() if line]
            self.rows = [row for row in kept if row["program"] == program]
        self.keys = {row["key"] for row in self.rows}

    def add(self, row):
        row = {**row, "program": self.program}
        with self.lock:
            self.rows.append(row)
            self.keys.add(row["key"])
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def planted(self):
        return sum(row["state"] == "planted" for row in self.rows)


def is_hit(row):
    columns = [row["detected"], row["first"] is not False, row["repaired"]]
    return all(columns)


def line(row):
    if row["state"] != "planted":
        return f"  {row['state']}: {row['key']}"
    marks = " ".join(f"{name}={row[name]}" for name in ("verdict", "detected", "first", "class", "repaired"))
    return f"{'ok  ' if is_hit(row) else 'MISS'} {row['key']}: {marks} {row['seconds']} s"


def keep_miss(row, folder, to):
    """The planted file and its record, beside the name of the source."""
    to.mkdir(parents=True, exist_ok=True)
    for file in [*folder.glob("target*"), folder / "record.json", folder / "result.json", folder / "messages"]:
        if file.is_dir():
            shutil.copytree(file, to / file.name, dirs_exist_ok=True)
        elif file.exists():
            shutil.copy(file, to)
    (to / "row.json").write_text(json.dumps(row, indent=1) + "\n")


def run(bench, rows, options, deadline):
    faults = faults_of(bench.python)

    def one(case):
        if key(case) in rows.keys or time.monotonic() > deadline or options.sample and rows.planted() >= options.sample:
            return
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = bench.row(case, Path(folder))
            except Exception as error:  # one row must not end the table
                row = {"key": key(case), "state": "failed", "why": f"{type(error).__name__}: {error}"[:300]}
            rows.add(row)
            print(line(row), flush=True)
            if options.keep_misses and row["state"] == "planted" and not is_hit(row):
                name = "".join(c if c.isalnum() or c in "._" else "-" for c in key(case))
                keep_miss(row, Path(folder), options.keep_misses / name)

    cases = [case for case in all_cases(faults, ROUNDS, options.first_seed - 1)
             if not options.only or any(word in key(case) for word in options.only)]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, cases))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=Path, default=BUILD / "bench.jsonl", help="one row a line, appended to")
    parser.add_argument("--hours", type=float, default=1, help="stop after so long")
    parser.add_argument("--sample", type=int, help="stop at so many planted rows")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="rows whose names hold one of these")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="rows that no earlier run has looked at")
    parser.add_argument("--report", action="store_true", help="run nothing: write the documents from FILE")
    parser.add_argument("--keep-misses", type=Path, metavar="DIR", help="keep the planted file of every miss there")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    python = BUILD / "venv/bin/python"
    program = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()[:16]
    rows = Rows(options.rows, program)
    if not options.report:
        torch_client.share()
        bench = Bench(BUILD, PROGRAM, python, Oracle(python, BUILD / "photos"))
        run(bench, rows, options, time.monotonic() + options.hours * 3600)
    planted = [row for row in rows.rows if row["state"] == "planted"]
    if planted and not options.only:
        write_document(ROOT / "docs", rows.rows, options.jobs)
    print(f"{len(planted)} rows planted, {sum(map(is_hit, planted))} of them right in place and repair")
    return 0


if __name__ == "__main__":
    sys.exit(main())
