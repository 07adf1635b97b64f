"""docs/gate.md: the dated result of a run of all pairs."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from outcome import summary

HEAD = """# The clean gate

Right pairs, in which fetafix has to find nothing wrong. Written by `make gate` (`tests/gate/run_gate.py`); don't edit.
The table of pairs is `tests/gate/pairs.py`. *Oracle* is the largest difference that `tests/zoo/oracle.py` measures, relative
to the largest output: it shares no code with fetafix and says that the pair is right. *Covered* counts the target's live
operators that came out exact or as a rewrite. Reduced precision has to be called *quantized*, all else *identical* or
*equivalent*; nothing is excluded.
"""


def machine():
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def version():
    done = subprocess.run(["git", "log", "-1", "--format=%h"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def row(outcome):
    oracle = "-" if outcome.difference is None else f"{outcome.difference:.1e}"
    return (f"| {outcome.name} | {'clean' if outcome.is_clean else '**miss**'} | {outcome.verdict} | {len(outcome.faults)} | "
            f"{outcome.covered} of {outcome.operators} | {oracle} | {outcome.seconds:.1f} |")


def write_document(path, outcomes, jobs, timeout):
    lines = [HEAD, f"{datetime.date.today().isoformat()}, on top of commit {version()}; {machine()}; {jobs} pairs at a time, at most "
             f"{timeout} s for one.", "", "```",
             *summary(outcomes), "```", "", "## Pairs", "",
             "| pair | | verdict | faults | covered | oracle | seconds |", "|---|---|---|---|---|---|---|",
             *(row(outcome) for outcome in outcomes)]
    misses = [outcome for outcome in outcomes if not outcome.is_clean]
    if misses:
        lines += ["", "## Misses", ""]
        for outcome in misses:
            first, *rest = outcome.details()
            lines += [f"- {first}", *(f"  - {line.strip()}" for line in rest)]
    path.write_text("\n".join(lines) + "\n")
