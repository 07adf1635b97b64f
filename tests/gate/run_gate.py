"""The clean gate: fetafix has to find nothing wrong in pairs that are right. Run by `make gate`.

    run_gate.py [--only SUBSTRING...] [--json FILE [--resume | --report]] [--jobs N] [--timeout S]

Each pair of pairs.py goes through `fetafix localize`, and through tests/zoo/oracle.py, which shares no code with it and
measures that the pair is right. A line per pair as it ends, then the misses and a summary. A run of all pairs writes
docs/gate.md. Exits with 1 when one pair is not clean; there are no expected failures. FILE is written after each pair;
--resume takes from it what the same program found in the same models, and --report runs nothing more: what FILE does not
hold counts as a miss.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy

from document import write_document
from outcome import Outcome, summary
from pairs import PAIRS
import torch_client

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
SAMPLES = 8
WAIT = 180  # seconds for a program that is just being built again


def run(command, timeout):
    """(exit code, output, messages); code None: it took too long."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return None, "", f"took more than {timeout} s"
    return done.returncode, done.stdout, done.stderr


def run_fetafix(words, timeout):
    """Waits for a program that is not there: a build replaces it."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return run([PROGRAM, *words], timeout)
        except OSError as error:
            if time.monotonic() > deadline:
                return 5, "", f"{PROGRAM} can't be started: {error}"
            time.sleep(2)


def signature_inputs(folder):
    """[(name, shape)] of a SavedModel."""
    from tensorflow.core.protobuf import saved_model_pb2
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    inputs = saved.meta_graphs[0].signature_def["serving_default"].inputs
    return [(name, [d.size for d in inputs[name].tensor_shape.dim]) for name in sorted(inputs)]


def bytes_of(path):
    """Of a folder all files in it."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return b"".join(file.read_bytes() for file in files if file.exists()) or b"missing"


def write_arrays(source, path):
    """Seeded samples for a model that takes no picture: an .npz named by its inputs."""
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter
    if source.suffix == ".tflite":
        slots = [(i["name"], i["shape_signature"].tolist()) for i in Interpreter(model_path=str(source)).get_input_details()]
    elif source.is_dir():
        slots = signature_inputs(source)
    else:
        session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
        slots = [(i.name, i.shape) for i in session.get_inputs()]
    draw = numpy.random.default_rng(1)
    fixed = {name: [d if isinstance(d, int) and d > 0 else 1 for d in shape[1:]] for name, shape in slots}
    numpy.savez(path, **{name: draw.uniform(-1, 1, (SAMPLES, *shape)).astype(numpy.float32) for name, shape in fixed.items()})


def localize(pair, folder, timeout):
    source, target = BUILD / "models" / pair.source, BUILD / "models" / pair.target
    if pair.data.preprocess:
        data = ["--data", BUILD / "photos", "--preprocess", pair.data.preprocess]
    else:
        write_arrays(source, folder / "arrays.npz")
        data = ["--data", folder / "arrays.npz"]
    record = folder / "result.json"
    code, _, messages = run_fetafix(["localize", source, target, *data, "--json", record, *pair.options], timeout)
    return code, json.loads(record.read_text()) if record.exists() else None, messages


def judge(pair, timeout):
    """The oracle's comparison of the two files, or what it said when it could not."""
    words = ["--photos", BUILD / "photos", "--preprocess", pair.data.oracle] if pair.data.oracle else ["--noise", SAMPLES]
    order = ["--output-order", *pair.order] if pair.order else []
    code, output, messages = run([sys.executable, ROOT / "tests/zoo/oracle.py", BUILD / "models" / pair.source,
                                  BUILD / "models" / pair.target, *words, *order], timeout)
    return json.loads(output) if code == 0 else messages.strip()[-300:]


def examine(pair, timeout):
    missing = [name for name in (pair.source, pair.target) if not (BUILD / "models" / name).exists()]
    if missing:
        return Outcome(pair, None, None, f"no {', '.join(missing)}: run tests/zoo/make_models.py --set gate", None, 0)
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        code, result, messages = localize(pair, Path(folder), timeout)
        seconds = time.monotonic() - start
    return Outcome(pair, code, result, messages, judge(pair, timeout), seconds)


def fingerprint(pair):
    """Of all that decides a pair's result: the program, both models, and how they are run."""
    digest = hashlib.sha256(repr(pair).encode())
    for path in (PROGRAM, BUILD / "models" / pair.source, BUILD / "models" / pair.target):
        digest.update(bytes_of(path))
    return digest.hexdigest()


class Records:
    """The results so far, in the file of --json."""

    def __init__(self, path, resume):
        self.path, self.kept = path, {}
        if path and resume and path.exists():
            self.kept = {record["fingerprint"]: record for record in json.loads(path.read_text())}

    def find(self, pair):
        record = self.kept.get(fingerprint(pair)) if self.kept else None
        return Outcome.of_record(pair, record) if record else None

    def add(self, outcome):
        if self.path:
            key = fingerprint(outcome.pair)
            self.kept[key] = {"fingerprint": key, **outcome.record()}
            self.path.write_text(json.dumps(list(self.kept.values()), indent=1))


def not_run(pair, _):
    return Outcome(pair, None, None, "not run yet", "not run yet", 0)


def run_pairs(pairs, records, options):
    lock = Lock()
    run_one = not_run if options.report else examine

    def one(pair):
        kept = records.find(pair)
        outcome = kept or run_one(pair, options.timeout)
        with lock:
            print(outcome.line(), flush=True)
            if not kept and not options.report:
                records.add(outcome)
        return outcome

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(one, pairs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING", help="pairs whose name has one of these")
    parser.add_argument("--json", type=Path, help="write all results here")
    parser.add_argument("--resume", action="store_true", help="skip pairs that the file of --json holds")
    parser.add_argument("--report", action="store_true", help="run nothing: report what that file holds")
    parser.add_argument("--jobs", type=int, default=2, help="pairs at a time")
    parser.add_argument("--timeout", type=int, default=300, metavar="S", help="for one pair")
    options = parser.parse_args()
    pairs = [p for p in PAIRS if not options.only or any(word in Outcome.name_of(p) for word in options.only)]
    if not pairs:
        parser.error("no pair has that in its name")
    pairs.sort(key=lambda pair: pair.expected == "quantized")  # these take longest
    if not options.report:
        torch_client.share()
    outcomes = run_pairs(pairs, Records(options.json, options.resume or options.report), options)
    for outcome in outcomes:
        if not outcome.is_clean:
            print("\n" + "\n".join(outcome.details()))
    print("\n" + "\n".join(summary(outcomes)), flush=True)
    if not options.only:
        write_document(ROOT / "docs/gate.md", outcomes, options.jobs, options.timeout)
    return 0 if all(outcome.is_clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
