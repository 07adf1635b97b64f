"""docs/paths.md, from the rows."""

import datetime

from bench_document import grouped, is_missed, machine, miss_line, table
from document import version
from natural import sections as natural_faults
from paths import KINDS, PATHS, bench_pair, name_of
from bench_pairs import direction
from causes import because

HEAD = """# All paths between the formats

One small classifier, trained on crops of photographs, in every format, and what real converters make of it in every other.
Written by `make paths` (tests/paths); don't edit. The networks: convolution, batch normalization, ReLU, depthwise blocks with
residual additions, max pooling, Dense, Softmax; one trained in Keras (NHWC, pads as TensorFlow lays them), one in PyTorch
(NCHW, symmetric pads). Files are left as the converters write them: folded or not, with this interface or that.

*clean*: what `fetafix localize` says of the pair as it is; wanted are *identical* or *equivalent*. Then faults are planted in the
target by scripts that share no code with fetafix, one at a time (two of each of four kinds), and three at once. *first*: an
operator that was touched is the first entry (of three faults: the first three entries name the three places); *repaired*: the
written file, run in its own runtime on 8 photographs and 8 noise samples, gives what the source gives; *edits / planted*:
groups of edits in the patch of a repaired file. Names are random in half of the rows.
"""


def order_of(row):
    """Rows in the order of the table of paths."""
    names = [name_of(path) for path in PATHS]
    return names.index(row["pair"]) if row.get("pair") in names else len(names)


def clean_line(path, row):
    coverage = row["result"].get("coverage", {}) if row else {}
    oracle = row["oracle"] if row else None
    difference = f"{oracle['max_relative']:.1e}" if isinstance(oracle, dict) else "-"
    said = "not run" if not row else row["verdict"] + ("" if row["clean"] else " **miss**")
    return (f"| {direction(bench_pair(path))} | {name_of(path)} | {path.chain} | {said} | "
            f"{coverage.get('target_operators', '-')} | {difference} | "
            f"{row['seconds'] if row else '-'} |")


def clean_pairs(rows):
    found = {row["key"]: row for row in rows if row["state"] == "clean pair"}
    lines = [clean_line(path, found.get(f"{name_of(path)} | clean")) for path in PATHS]
    clean = sum(row["clean"] for row in found.values())
    return ["## The pairs as they are", "", f"{clean} of {len(PATHS)} clean.", "",
            "| from, to | files | by | verdict | target operators | oracle, relative | seconds |", "|---|---|---|---|---|---|---|", *lines, ""]


def of_paths(rows):
    """A line for each path, in its order."""
    found = grouped(rows, lambda row: row["pair"])
    lines = [(f"{direction(bench_pair(path))}: {path.target}", found[name_of(path)]) for path in PATHS]
    return table([*lines, ("together", rows)])


def missed(rows):
    return [miss_line(row) + because(row["key"]) for row in sorted(rows, key=order_of) if is_missed(row)] or ["None."]


def clean_misses(rows):
    lines = []
    for row in rows:
        if row["state"] == "clean pair" and not row["clean"]:
            said = "; ".join(fault["explanation"] for fault in row["result"].get("faults", [])[:3]) or row["messages"][-200:]
            lines.append(f"- {row['pair']}: {row['verdict']}; {said.strip()}")
    return lines or ["None."]


def write_document(path, rows, options):
    planted = [row for row in rows if row["state"] == "planted"]
    single, triple = ([row for row in planted if (row["count"] == 1) == alone] for alone in (True, False))
    mutants = [row for row in rows if row["state"] == "equivalent mutant"]
    short = [row for row in rows if row["state"] == "failed"]
    by_kind = grouped(single, lambda row: row["records"][0]["class"])
    text = [HEAD, f"{datetime.date.today()}, on top of commit {version()}; {machine()}; {options.jobs} paths at a time. "
            f"{len(planted)} rows. {options.note}".strip(), "",
            *clean_pairs(rows),
            "## One fault", "", *of_paths(single), *table((kind, by_kind[kind]) for kind in KINDS),
            *table([("random names", [r for r in single if r["renamed"]]), ("names kept", [r for r in single if not r["renamed"]])]),
            "## Three faults at once", "", *of_paths(triple),
            f"Equivalent mutants, not counted: {len(mutants)}. Rows that failed: {len(short)}.", "",
            "## Misses", "", "Clean pairs:", "", *clean_misses(rows), "", "One fault:", "", *missed(single), "",
            "Three faults:", "", *missed(triple), "", *natural_faults(rows)]
    path.write_text("\n".join(text).rstrip() + "\n")
