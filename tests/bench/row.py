"""One row: a fault is planted, fetafix repairs, and both are judged."""

import json
import os
import subprocess
import time

from bench_pairs import name_of
from cases import key
from judge import Bar, class_right, named, place_columns, script
from kinds import ending_of, move

TIMEOUT = 300
WRONG = ("latent", "different", "broken")


def run_measured(command, folder):
    """(exit code or None after TIMEOUT, messages, seconds, peak memory of the largest process in MB)"""
    start = time.monotonic()
    with open(folder / "messages", "w") as messages:
        process = subprocess.Popen([str(word) for word in command], stdout=messages, stderr=messages)
        code = None
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() - start > TIMEOUT:
                process.kill()
                _, _, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.02)
    process.returncode = code if code is not None else -9
    return code, (folder / "messages").read_text()[-300:], time.monotonic() - start, usage.ru_maxrss / 1024


class Bench:
    """What all rows share: where things are, and what the right pairs differ by."""

    def __init__(self, build, program, python, oracle):
        self.build, self.program, self.python, self.oracle = build, program, python, oracle
        self.bars = {}

    def model(self, name):
        return self.build / "models" / name

    def bar(self, pair, batch):
        """None for a pair that is not there or not right."""
        if (pair, batch) not in self.bars:
            clean = self.oracle.compare(pair, self.model(pair.source), self.model(pair.target), batch)
            self.bars[pair, batch] = Bar(pair, clean) if "error" not in clean else None
        return self.bars[pair, batch]

    def plant(self, case, folder):
        """(file, records), or (None, why not)"""
        ending = ending_of(case.pair.target)
        file, record = folder / f"target{ending}", folder / "record.json"
        words = ["--fault", case.fault] if case.fault else ["--count", case.count, *(["--near"] if case.near else [])]
        done = script(self.python, "plant.py", self.model(case.pair.target), file, *words, "--seed", case.seed, "--json", record)
        if done.returncode:
            return None, done.stderr.strip()[-200:]
        if case.renamed:
            renamed = folder / f"renamed{ending}"
            if script(self.python, "rename.py", file, renamed, "--seed", case.seed, "--record", record).returncode == 0:
                move(renamed, file)
        records = json.loads(record.read_text())
        return file, records if isinstance(records, list) else [records]

    def row(self, case, folder):
        out = {"key": key(case), "pair": name_of(case.pair), "fault": case.fault, "count": case.count, "near": case.near,
               "seed": case.seed, "renamed": case.renamed}
        file, records = self.plant(case, folder)
        if file is None:
            return {**out, "state": "does not apply", "why": records}
        batch = max(record.get("batch", 1) for record in records)
        loads = all(record.get("loads", True) for record in records)
        bar = self.bar(case.pair, batch)
        if bar is None:
            return {**out, "state": "right pair does not run"}
        reference = self.model(case.pair.target if case.pair.reduced else case.pair.source)
        effect = self.oracle.compare(case.pair, reference, file, batch) if loads else {"error": records[0]["refusal"]}
        if bar.is_equivalent(effect):
            return {**out, "state": "equivalent mutant", "effect": effect["relative"], "pattern": records[0]["pattern"]}
        fixed, result_file = folder / f"fixed{ending_of(file)}", folder / "result.json"
        code, messages, seconds, memory = run_measured(
            self.command(case, "repair", file, result_file, "--output", fixed), folder)
        out.update(state="planted", loads=loads, records=records, seconds=round(seconds, 2), memory=round(memory),
                   effect=effect.get("relative"), code=code)
        if not result_file.exists():
            return {**out, "verdict": f"exit {code}", "detected": False, **place_columns(records, []), "class": False,
                    "repaired": False, "flags": 0, "said": [messages.replace(f"{folder}/", "")]}
        result = json.loads(result_file.read_text())
        wanted = WRONG if loads else ("broken",)
        out["detected"] = loads and bool(result["faults"]) or self.verdict_on(case, file, folder) in wanted
        return {**out, **self.judge(case, fixed, records, result, bar, batch, out["detected"])}

    def command(self, case, name, file, result_file, *words):
        return [self.program, name, self.model(case.pair.source), file, "--data", self.build / "photos", "--preprocess",
                case.pair.data.preprocess, "--json", result_file, *words]

    def verdict_on(self, case, file, folder):
        """A repair's verdict is about what it wrote, so that the one on the file is asked for."""
        result_file = folder / "localized.json"
        run_measured(self.command(case, "localize", file, result_file), folder)
        return json.loads(result_file.read_text())["verdict"] if result_file.exists() else None

    def judge(self, case, fixed, records, result, bar, batch, detected):
        found, verdict = result["faults"], result["verdict"]
        changed = fixed.exists()
        reference = self.model(case.pair.target if case.pair.reduced else case.pair.source)
        after = self.oracle.compare(case.pair, reference, fixed, batch) if changed else {}
        patch = fixed.with_name(fixed.name + ".patch.json")
        groups = json.loads(patch.read_text())["groups"] if patch.exists() else []
        return {"verdict": verdict, "reason": result.get("reason", ""), **place_columns(records, found),
                "class": class_right(records, found), "flags": len(found), "edits": len(groups),
                # A mutant that passed for right was not repaired, however near it is.
                "repaired": detected and changed and bar.is_right(after),
                "claims_repair": verdict == "repaired", "after": after,
                "found": [[f["class"], f["pattern"], *sorted(named(f), key=str)] for f in found],
                "said": [f"{f['class']}, {f['pattern'] or '-'} @ {f['target_node']}: {f['explanation']}"[:200] for f in found[:3]]}
