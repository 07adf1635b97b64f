"""The faults that load, one at a time, in one pair of files: table.py SOURCE TARGET --seeds 1 2 [options]; bench.py has all

Faults are planted by tests/zoo/plant.py (shares no code with fetafix) into TARGET, which is a right conversion of SOURCE;
with --rename every name in the target is random. For each fault: detected (verdict latent, different or broken), right
place first, repaired (verdict, and by tests/zoo/oracle.py on photographs in the two runtimes). Equivalent mutants are found
by the same oracle and listed. Every miss is printed with what was said of it; --json keeps all rows.
"""

import argparse
import concurrent.futures
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from judge import ROOT, ROUNDING, ZOO, is_at
from kinds import kind_of

PREPROCESS = {  # fetafix's preset: the oracle's name
    "efficientnet-lite": "lite0", "keras-tf": "mobilenet", "mobilenet": "mobilenet", "torchvision": "mobilenet"}


def python(options, script, *words):
    return subprocess.run([options.python, ZOO / script, *map(str, words)], capture_output=True, text=True, timeout=600)


def faults_of(options):
    kind = kind_of(options.target)
    listing = python(options, "plant.py", "--list").stdout.splitlines()
    names = [line.split("\t")[1] for line in listing if line.startswith(kind + "\t") and "loads: false" not in line]
    return [name for name in names if not options.only or any(word in name for word in options.only)]


def output_error(options, file, reference=None):
    """Largest difference of the outputs of SOURCE (or `reference`) and `file` on the photographs, by the oracle."""
    done = python(options, "oracle.py", reference or options.source, file, "--photos", options.data, "--preprocess",
                  PREPROCESS[options.preprocess])
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr[-300:]}


def row(options, fault, seed, folder):
    folder.mkdir(parents=True)
    planted, record_file = folder / options.target.name, folder / "record.json"
    out = {"fault": fault, "seed": seed}
    made = python(options, "plant.py", options.target, planted, "--fault", fault, "--seed", seed, "--json", record_file)
    if made.returncode:
        return {**out, "state": "does not apply", "why": made.stderr.strip()[-150:]}
    record = json.loads(record_file.read_text())
    reference = options.target if options.reduced else options.source
    same = options.clean["max_abs"]
    mutant = output_error(options, planted, reference)
    if "error" not in mutant and mutant["max_abs"] <= (0.1 if options.reduced else 10) * same:
        return {**out, "state": "equivalent mutant", "max_abs": mutant["max_abs"]}
    start = time.monotonic()
    fixed = folder / f"fixed{options.target.suffix}"
    done = subprocess.run([options.fetafix, "repair", options.source, planted, "--data", options.data, "--preprocess",
                           options.preprocess, "--output", fixed, "--json", folder / "result.json"], capture_output=True,
                          text=True, timeout=900)
    out["seconds"] = round(time.monotonic() - start, 1)
    if not (folder / "result.json").exists():
        return {**out, "state": "miss", "why": f"exit {done.returncode}: {done.stderr[-200:]}", "record": record}
    result = json.loads((folder / "result.json").read_text())
    found = result["faults"]
    out.update(state="planted", verdict=result["verdict"], record=record, flags=len(found),
               detected=bool(found) or result["verdict"] in ("latent", "different", "broken"),
               first=bool(found) and is_at(record, found[0]),
               said=[f"{f['pattern'] or '-'} @ {f['target_node']}: {f['explanation']}"[:140] for f in found[:2]])
    if result["verdict"] == "repaired":
        judged = output_error(options, fixed, reference)
        out["max_abs_after"] = judged.get("max_abs")
        bar = same if options.reduced else max(10 * same, ROUNDING * judged.get("max_abs", 0) / (judged.get("max_relative") or 1))
        # A mutant that passed for right was not repaired, however near it is.
        out["repaired"] = out["detected"] and judged.get("max_abs") is not None and judged["max_abs"] <= bar
    else:
        out["repaired"] = False
    if not (out["detected"] and out["first"] and out["repaired"]):
        out["why"] = result.get("reason", "")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+", default=[], help="faults whose names hold one of these")
    parser.add_argument("--data", type=Path, default=ROOT / "build/photos")
    parser.add_argument("--preprocess", default="efficientnet-lite", choices=PREPROCESS)
    parser.add_argument("--fetafix", type=Path, default=ROOT / "build/release/bin/fetafix")
    parser.add_argument("--python", type=Path, default=ROOT / "build/venv/bin/python")
    parser.add_argument("--rename", type=int, metavar="SEED", help="random names in the target")
    parser.add_argument("--reduced", action="store_true", help="TARGET keeps weights or activations in fewer bits")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        if options.rename is not None:
            renamed = Path(scratch) / f"renamed{options.target.suffix}"
            python(options, "rename.py", options.target, renamed, "--seed", options.rename)
            options.target = renamed
        options.clean = output_error(options, options.target)
        if "error" in options.clean:
            sys.exit(f"the right pair does not run: {options.clean['error']}")
        print(f"right pair: largest difference {options.clean['max_abs']:.3g}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            cases = [(fault, seed) for seed in options.seeds for fault in faults_of(options)]
            jobs = [pool.submit(row, options, fault, seed, Path(scratch) / f"{fault}-{seed}") for fault, seed in cases]
            for job in concurrent.futures.as_completed(jobs):
                rows.append(job.result())
                r = rows[-1]
                bad = r["state"] == "miss" or r["state"] == "planted" and not (r["detected"] and r["first"] and r["repaired"])
                if bad or r["state"] == "equivalent mutant":
                    print("MISS" if bad else "same", json.dumps({k: v for k, v in r.items() if k != "record"}), flush=True)
    planted = [r for r in rows if r["state"] in ("planted", "miss")]
    count = {name: sum(bool(r.get(name)) for r in planted) for name in ("detected", "first", "repaired")}
    skipped = sum(r["state"] == "does not apply" for r in rows)
    print(f"{len(planted)} planted ({skipped} do not apply, {len(rows) - skipped - len(planted)} equivalent mutants): "
          + ", ".join(f"{n} {name}" for name, n in count.items()))
    if options.json:
        options.json.write_text(json.dumps(sorted(rows, key=lambda r: (r["fault"], r["seed"])), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
