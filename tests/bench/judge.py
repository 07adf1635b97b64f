"""What a planted fault does, and whether what fetafix said and wrote is right: by the record and the oracle alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / "tests/zoo"
sys.path.insert(0, str(ZOO))
import warm  # noqa: E402
from faults.common import TWO_CLASSES  # noqa: E402

ROUNDING = 2e-6  # of the largest output: what right files may differ by where the right pair is equal bit for bit
NOISE = 8  # samples beside the photographs


def script(python, name, *words, timeout=600):
    if warm.is_about_tensorflow(words):
        return warm.run(ZOO / name, words, timeout)
    return subprocess.run([str(python), str(ZOO / name), *map(str, words)], capture_output=True, text=True, timeout=timeout)


class Oracle:
    """Largest relative difference between two files, and labels that differ."""

    def __init__(self, python, photos):
        self.python, self.photos = python, photos

    def compare(self, pair, reference, file, batch=1):
        done = script(self.python, "oracle.py", reference, file, "--photos", self.photos, "--preprocess", pair.data.oracle,
                      "--noise", NOISE, "--batch", batch)
        if done.returncode:
            return {"error": done.stderr.strip()[-300:]}
        result = json.loads(done.stdout)
        return {"relative": result["max_relative"], "labels": result["label_differences"]}


class Bar:
    """What still passes for right, given what the right pair differs by."""

    def __init__(self, pair, clean):
        self.clean, self.reduced = clean, pair.reduced

    def is_equivalent(self, judged):
        limit = 0.1 * self.clean["relative"] if self.reduced else max(10 * self.clean["relative"], ROUNDING)
        return judged.get("relative") is not None and judged["relative"] <= limit

    def is_right(self, judged):
        limit = self.clean["relative"] if self.reduced else max(10 * self.clean["relative"], ROUNDING)
        return (judged.get("relative") is not None and judged["relative"] <= limit and
                (self.reduced or judged["labels"] <= self.clean["labels"]))


def in_text(place):
    """What `Conv #12 'a/b'` says: the operator's number, and its name, which is its path in a SavedModel."""
    return {*(int(number) for number in re.findall(r"#(\d+)", place)[:1]), *re.findall(r"'([^']+)'", place)[:1]}


def places_of(record):
    """The operators that were touched; for a removed or inserted one either end of that edge."""
    if "paths" in record:
        return set(record["paths"])
    return {record.get("index"), record.get("inserted"), *(record.get("ends") or []), *(record.get("also") or [])} - {None}


def named(fault):
    notes = [evidence.get("note", "") for evidence in fault.get("evidence", []) if evidence.get("name") == "place"]
    return set().union(*map(in_text, [fault.get("target_node", ""), *notes]))


def is_at(record, fault):
    return bool(places_of(record) & named(fault))


def classes_of(record):
    return TWO_CLASSES.get(record["pattern"], set()) | {record["class"]}


def place_columns(records, found):
    """first: the first k entries are the k places (one entry may name each). Whole-file faults have no place."""
    count = len(records)
    if any(record.get("whole") for record in records):
        return {"first": None, "third": None, "places_found": None, "false_places": None}
    hit = lambda entries: [any(is_at(record, fault) for fault in entries) for record in records]
    return {"first": all(hit(found[:count])), "third": all(hit(found[:count + 2])),
            "places_found": sum(hit(found)),
            "false_places": sum(not any(is_at(record, fault) for record in records) for fault in found)}


def class_right(records, found):
    """Of the first entry at each place; of the first entry of all where one fault has no place."""
    def of(record):
        at = found[:1] if record.get("whole") else [fault for fault in found if is_at(record, fault)] or found[:1]
        return bool(at) and at[0].get("class") in classes_of(record)
    return all(of(record) for record in records)
