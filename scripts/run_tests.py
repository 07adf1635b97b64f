"""What `make test` runs: installs, makes the models, builds twice, tests, and says how it went.

Steps print a line when they start and when they end; the last line is "N passed, N failed". A test that was skipped or a
test program that left no record counts as failed: nothing is passed over in silence. Models are made beside the builds,
for they mostly wait for the network; tests run as many at a time as there are cores. Left to targets of their own: unit tests
with sanitizers outside of the rooms that read files, or of edits in a framework (`make sanitize`), end-to-end tests marked
heavy (`make end-to-end`).
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RECORDS = BUILD / "test-records"
BUILDS = {"release": [], "sanitize": ["reader_tests", "fuzz_targets"]}  # the targets of each; none: all
TESTED = {"release": [], "sanitize": ["-L", "readers"]}  # which of its tests, as ctest is told
# Edits of right files in Keras, TensorFlow and PyTorch: their tests take half of the time there, and look at no strange bytes.
FRAMEWORK_EDITS = ("Keras/Patch*", "Keras/InKeras*", "PatchSettings.*", "PatchTensor.*", "PatchRemove.*", "PatchInsert.*",
                    "PatchAttribute.*", "PatchOperand.*", "PatchType.*", "ScriptPatch.*")
CORES = str(len(os.sched_getaffinity(0)))
KINDS = ["onnx", "tflite", "keras", "onnxruntime", "litert", "tensorflow", "torch"]  # formats and runtimes that get a line of their own


def last_lines(log):
    return "".join(log.read_text(errors="replace").splitlines(keepends=True)[-60:])


def verdict(code, seconds):
    return f"   {'ok' if code == 0 else f'FAILED (exit code {code})'} in {seconds:.0f} s"


def step(text, command, environment=None, quiet=None):
    """Runs a command; prints its output, or only on failure if it goes to the file `quiet`."""
    print(f"-- {text}", flush=True)
    start = time.monotonic()
    environment = dict(os.environ, **(environment or {}))
    if quiet:
        with open(quiet, "wb") as log:
            code = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode
        if code:
            print(last_lines(quiet), flush=True)
    else:
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    print(verdict(code, time.monotonic() - start), flush=True)
    return code == 0


class Beside(threading.Thread):
    """A step beside others. Its output goes to a file, and is printed at its end if it failed."""

    def __init__(self, text, command, log):
        super().__init__()
        self.text, self.command, self.log = text, command, log
        self.start()

    def run(self):
        start = time.monotonic()
        self.code = -1
        with open(self.log, "wb") as out:
            self.code = subprocess.run(self.command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT).returncode
        self.seconds = time.monotonic() - start

    def good(self):
        """Waits for the end, and says how it went."""
        print(f"-- {self.text} (beside the steps above)", flush=True)
        self.join()
        if self.code:
            print(last_lines(self.log), flush=True)
        print(verdict(self.code, self.seconds), flush=True)
        return self.code == 0


class Tally:
    def __init__(self):
        self.rows = {}  # group -> [passed, failed]
        self.kinds = {kind: [0, 0] for kind in KINDS}
        self.failures = []

    def add(self, group, name, good):
        self.rows.setdefault(group, [0, 0])[0 if good else 1] += 1
        words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().replace("onnx_runtime", "onnxruntime"))
        for kind in KINDS:
            if kind in words:
                self.kinds[kind][0 if good else 1] += 1
        if not good:
            self.failures.append(f"{group}: {name}")

    def read(self, group, record, prefix=""):
        if not record.exists():
            return self.add(group, f"{record.stem} left no record (crashed or did not run)", False)
        for case in xml.etree.ElementTree.parse(record).getroot().iter("testcase"):
            bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped")) or case.get("status") == "notrun"
            self.add(group, f"{prefix}{case.get('classname', '')}.{case.get('name')}", not bad)

    def total(self, column):
        return sum(row[column] for row in self.rows.values())


def unit_tests(kind, tally):
    folder, records = BUILD / kind, RECORDS / kind
    records.mkdir(parents=True)
    listing = subprocess.run(["ctest", "--test-dir", folder, "-N", *TESTED[kind]], capture_output=True, text=True).stdout
    programs = re.findall(r"Test +#\d+: (\S+)", listing)
    if not programs:
        tally.add(f"unit, {kind}", "no test program was found", False)
    left_out = {"GTEST_FILTER": "-" + ":".join(FRAMEWORK_EDITS)} if kind == "sanitize" else {}
    environment = {**left_out, "GTEST_OUTPUT": f"xml:{records}/", "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    step(f"unit tests, {kind}: {len(programs)} programs",
         ["ctest", "--test-dir", str(folder), *TESTED[kind], "--output-on-failure", "--no-tests=error", "--timeout", "600",
          "--parallel", CORES], environment,
         BUILD / f"ctest-{kind}.log")
    for program in programs:
        tally.read(f"unit, {kind}", records / f"fetafix_{program.replace('/', '_')}_test.xml", f"{program}: ")


def fuzz_targets(built, tally, seconds=5):
    targets = sorted(folder.name for folder in (ROOT / "fuzz/corpus").iterdir())
    for mode, text in (("replay", "replay of the corpora"), ("run", f"{seconds} s each, two side by side")):
        log = BUILD / f"fuzz-{mode}.log"
        log.unlink(missing_ok=True)
        if built:
            step(f"fuzz targets: {text}", ["scripts/fuzz.sh", mode],
                 {"FUZZ_SECONDS": str(seconds), "FUZZ_SEED": "1"}, log)
        clean = re.findall(r"^fuzz (\S+): .*, clean$", log.read_text(), re.MULTILINE) if log.exists() else []
        for target in targets:
            tally.add("fuzz", f"{target}: {text}", target in clean)


def finish(tally, start):
    print("\n" + f"{'group':28}{'passed':>8}{'failed':>8}")
    for group, (good, bad) in tally.rows.items():
        print(f"{group:28}{good:8}{bad:8}")
    for kind, (good, bad) in tally.kinds.items():
        print(f"{'  of them, ' + kind:28}{good:8}{bad:8}")
    for failure in tally.failures:
        print(f"failed: {failure}")
    good, bad = tally.total(0), tally.total(1)
    print(f"took {time.monotonic() - start:.0f} s")
    print(f"{good} passed, {bad} failed", flush=True)
    return 1 if bad or not good else 0


def main():
    start = time.monotonic()
    tally = Tally()
    BUILD.mkdir(exist_ok=True)
    shutil.rmtree(RECORDS, ignore_errors=True)
    RECORDS.mkdir()
    python = BUILD / "venv/bin/python"
    if not step("Debian packages", ["scripts/install_dependencies.sh"]):
        tally.add("preparation", "Debian packages", False)
        return finish(tally, start)
    preparation = Beside("packages, runtimes, models", ["scripts/prepare.sh", "tests"], BUILD / "prepare.log")

    tally.add("lint", "include table", step("include table", [sys.executable, "tests/include_table.py"]))
    built = [kind for kind, targets in BUILDS.items()
             if step(f"build, {kind}", ["scripts/build.sh", kind, *targets])]
    for kind in BUILDS:
        tally.add("preparation", f"build, {kind}", kind in built)
    ready = preparation.good()
    tally.add("preparation", "packages, runtimes, models", ready)
    if not ready:
        return finish(tally, start)
    tested = step("test packages", [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                                    "tests/end_to_end/requirements.txt"])
    tally.add("preparation", "test packages", tested)
    for kind in built:
        unit_tests(kind, tally)
    fuzz_targets("sanitize" in built, tally)
    if (BUILD / "release/bin/fetafix").exists():
        record = RECORDS / "end_to_end.xml"
        step("end to end, without what is marked heavy", [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", CORES, "--dist", "loadfile",
                            "-m", "not heavy", "--junitxml", record, "tests/end_to_end"], quiet=BUILD / "end-to-end.log")
        tally.read("end to end", record)
    return finish(tally, start)


if __name__ == "__main__":
    sys.exit(main())
