"""All paths between the formats: what converters make of a small classifier, right and then with faults. Run by `make paths`.

    run_paths.py [--rows FILE] [--hours H] [--only WORD...] [--report] [--note TEXT] [--keep-misses DIR] [--jobs N]

A path's pair is looked at as it is (`fetafix localize`, wanted: identical or equivalent), then with one fault planted in the
target, two of each kind, then with three at once. Planting, judging and rows are those of tests/bench; the clean pair is
judged as by tests/gate. Rows are appended to FILE, and those there for the same program are skipped, so that a run goes on
where it was stopped. A run of all paths writes docs/paths.md.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from paths import KINDS, PATHS, bench_pair, gate_pair, name_of
from bench import BUILD, PROGRAM, Rows, is_hit, keep_miss, line
from cases import Case, key
from judge import ROOT, Oracle, script
from kinds import kind_of
import natural
from paths_document import write_document
from row import Bench
from run_gate import examine
import torch_client

OF_EACH = 2  # rows of one fault, for each kind and path
TRIES = 10  # of a kind's faults: many have no place in this network, or no effect there
TIMEOUT = 120
# Faults of operators that this network has none of; most of the others find a place.
ELSEWHERE = ("recurrent", "gru", "loop", "deconv", "resize", "concat", "depth-to-space", "layer-norm", "embedding", "prelu", "group-norm",
             "attention", "lrn", "lp-norm", "nms", "scatter", "gelu", "elu-", "softcap", "mask", "reverse", "rescaling", "quantization",
             "leaky", "slice", "select", "integer", "gate-", "parts-", "squashed", "squares")


def faults_of(python):
    """{(format, kind): names}, of those whose file loads."""
    found = {}
    for text in script(python, "plant.py", "--list").stdout.splitlines():
        format_name, name, kind, _, mark = text.split("\t")
        if mark != "loads: false" and not any(word in name for word in ELSEWHERE):
            found.setdefault((format_name, kind), []).append(name)
    return found


def single_faults(path, kind, faults):
    """Cases to try in this order: other faults for each path, random names in every second."""
    names = faults.get((kind_of(path.target), kind), [])
    draw = random.Random(f"{name_of(path)} {kind}")
    order = draw.sample(names, len(names))[:TRIES]
    first = PATHS.index(path) + KINDS.index(kind)
    return [Case(bench_pair(path), name, 1, False, 1, (first + number) % 2 == 1) for number, name in enumerate(order)]


def triples(path):
    first = PATHS.index(path)
    return [Case(bench_pair(path), None, 3, near, 1 + first, (first + near) % 2 == 1) for near in (False, True)]


class Run:
    def __init__(self, bench, rows, options):
        self.bench, self.rows, self.options = bench, rows, options
        self.deadline = time.monotonic() + options.hours * 3600
        self.kept = {row["key"]: row for row in rows.rows}

    def make(self, name, how):
        """The row of that name, made if there is none yet; None when time is up."""
        if name in self.kept:
            return self.kept[name]
        if time.monotonic() > self.deadline:
            return None
        try:
            row = how()
        except Exception as error:  # one row must not end the table
            row = {"key": name, "state": "failed", "why": f"{type(error).__name__}: {error}"[:300]}
        self.rows.add(row)
        print(line(row) if row["state"] == "planted" else f"  {row['state']}: {name} {row.get('verdict', '')}", flush=True)
        return row

    def clean(self, path):
        def how():
            record = examine(gate_pair(path), TIMEOUT).record()
            return {"key": f"{name_of(path)} | clean", "state": "clean pair", **record}
        self.make(f"{name_of(path)} | clean", how)

    def planted(self, case):
        def how():
            with tempfile.TemporaryDirectory() as folder:
                row = self.bench.row(case, Path(folder))
                if self.options.keep_misses and row["state"] == "planted" and not is_hit(row):
                    name = "".join(c if c.isalnum() or c in "._" else "-" for c in key(case))
                    keep_miss(row, Path(folder), self.options.keep_misses / name)
            return row
        row = self.make(key(case), how)
        return row is not None and row["state"] == "planted"

    def natural(self, case):
        name = f"{case.source} -> {case.target} | natural: {case.name}"
        self.make(name, lambda: {"key": name, **natural.row(self.bench, case, BUILD / "photos")})

    def single(self, path, kind, faults, count):
        """Until `count` of that kind were planted, those of earlier rounds among them."""
        for case in single_faults(path, kind, faults):
            count -= self.planted(case)
            if not count:
                break

    def tasks(self, faults):
        """In rounds over all paths, so that any beginning is spread over them; kinds of faults in turn."""
        for path in PATHS:
            yield path, lambda path=path: self.clean(path)
        for count in range(1, OF_EACH + 1):
            for turn in range(len(KINDS)):
                for number, path in enumerate(PATHS):
                    kind = KINDS[(number + turn) % len(KINDS)]
                    yield path, lambda path=path, kind=kind, count=count: self.single(path, kind, faults, count)
                if turn == 0:
                    for path in PATHS:
                        yield path, lambda path=path, case=triples(path)[count - 1]: self.planted(case)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=Path, default=BUILD / "paths.jsonl", help="one row a line, appended to")
    parser.add_argument("--hours", type=float, default=2, help="stop after so long")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="paths whose names hold one of these")
    parser.add_argument("--clean", action="store_true", help="the pairs as they are, no faults")
    parser.add_argument("--report", action="store_true", help="run nothing: write the document from FILE")
    parser.add_argument("--note", default="", metavar="TEXT", help="what the document says of this run")
    parser.add_argument("--keep-misses", type=Path, metavar="DIR", help="keep the planted file of every miss there")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    python = BUILD / "venv/bin/python"
    rows = Rows(options.rows, hashlib.sha256(PROGRAM.read_bytes()).hexdigest()[:16])
    paths = [path for path in PATHS if not options.only or any(word in name_of(path) for word in options.only)]
    if not options.report:
        torch_client.share()
        run = Run(Bench(BUILD, PROGRAM, python, Oracle(python, BUILD / "photos")), rows, options)
        faults = {} if options.clean else faults_of(python)
        if not options.clean and not options.only:
            for case in natural.CASES:
                run.natural(case)
        wanted = [task for path, task in run.tasks(faults) if path in paths][:len(paths) if options.clean else None]
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda task: task(), wanted))
    if not options.only and not options.clean:
        write_document(ROOT / "docs/paths.md", rows.rows, options)
    planted = [row for row in rows.rows if row["state"] == "planted"]
    clean = [row for row in rows.rows if row["state"] == "clean pair"]
    print(f"{sum(row['clean'] for row in clean)} of {len(clean)} pairs clean; {len(planted)} rows planted, "
          f"{sum(map(is_hit, planted))} of them right in place and repair")
    return 0


if __name__ == "__main__":
    sys.exit(main())
