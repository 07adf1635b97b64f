"""Makes the models that tests run on, from packages and real converters: make_models.py --build DIR [--set core|demo|all|gate|paths]

One table (recipes.py): what comes out, what goes in, which command. A product is made again only when its command, a
script that the command names or the content of an input changes. Products land in DIR/models whole or not at all: a
command writes into a scratch folder beside it, and what it wrote is renamed at the end.

Prints a line per product with its seconds; exits with 1 and says what failed if one could not be made (the others are
made all the same). Plain Python, so that it runs before the environment is there; it lays that itself.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from path_recipes import PATHS
from recipes import GROUPS, RECIPES, SETS

HERE = Path(__file__).resolve().parent
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that has torch


def digest_of(path):
    """SHA-256 over a file, or over all files of a folder in sorted order."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()


def with_imports(script):
    """A script and the modules of this folder that it imports."""
    names = re.findall(r"^(?:import|from) (\w+)", script.read_text(), re.MULTILINE)
    return {script, *(HERE / f"{name}.py" for name in names if (HERE / f"{name}.py").exists())}


class Maker:
    def __init__(self, build):
        self.build = build
        self.models = build / "models"
        self.stamps = self.models / ".stamps"
        self.stamps.mkdir(parents=True, exist_ok=True)
        self.digests = {}

    def digest(self, path):
        if path not in self.digests:
            self.digests[path] = digest_of(path)
        return self.digests[path]

    def fill(self, word, scratch):
        """Replaces the placeholders of a command word; OUT: names a product inside the scratch folder."""
        if word.startswith("OUT:"):
            return str(scratch / word[4:])
        return word.format(zoo=HERE, build=self.build, models=self.models, python=self.build / "venv/bin/python",
                           debian_python=DEBIAN_PYTHON, torch_python=self.build / "torch/bin/python")

    def fingerprint(self, recipe):
        words = [word for command in recipe.commands for word in command if word.startswith("{zoo}/")]
        scripts = sorted({path for word in words for path in with_imports(HERE / word[6:])})
        inputs = [self.models / name for name in recipe.inputs]
        parts = [recipe.commands, recipe.outputs, [self.digest(path) for path in scripts + inputs]]
        parts.append(self.digest(HERE / "requirements.txt"))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def make(self, recipe):
        """Returns (was it made or was it there, error or None)."""
        missing = [name for name in recipe.inputs if not (self.models / name).exists()]
        if missing:
            return "failed", f"needs {', '.join(missing)}"
        stamp = self.stamps / recipe.outputs[0]
        fingerprint = self.fingerprint(recipe)
        is_there = all((self.models / name).exists() for name in recipe.outputs)
        if is_there and stamp.exists() and stamp.read_text() == fingerprint:
            return "cached", None
        scratch = self.models / f".scratch-{recipe.outputs[0]}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        error = self.run(recipe, scratch)
        if error is None:
            for name in recipe.outputs:
                target = self.models / name
                if target.is_dir():
                    shutil.rmtree(target)
                os.replace(scratch / name, target)
                self.digests.pop(target, None)
            stamp.write_text(fingerprint)
        shutil.rmtree(scratch)
        return ("made", None) if error is None else ("failed", error)

    def run(self, recipe, scratch):
        environment = dict(os.environ, PYTHONPATH=str(self.build / "pk"), TF_CPP_MIN_LOG_LEVEL="3", PYTHONHASHSEED="0")
        for command in recipe.commands:
            words = [self.fill(word, scratch) for word in command]
            done = subprocess.run(words, cwd=scratch, env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                return f"exit code {done.returncode} from: {' '.join(words)}\n{done.stdout[-3000:]}"
        lost = [name for name in recipe.outputs if not (scratch / name).exists()]
        return f"the command wrote no {', '.join(lost)}" if lost else None


def size_of(path):
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--set", choices=[*SETS, "paths"], default="core")
    parser.add_argument("--only", nargs="+", default=[], metavar="PRODUCT", help="just these; their inputs must be there")
    options = parser.parse_args()
    sets = ["paths"] if options.set == "paths" else SETS[: SETS.index(options.set) + 1]
    groups = [group for name in sets for group in GROUPS[name]]
    subprocess.run([HERE / "environment.sh", options.build, *groups], check=True)

    maker = Maker(options.build.resolve())
    failures = 0
    for recipe in RECIPES + PATHS:
        wanted = set(options.only) & set(recipe.outputs) if options.only else recipe.set in sets
        if not wanted:
            continue
        start = time.monotonic()
        state, error = maker.make(recipe)
        print(f"{state:6} {time.monotonic() - start:6.1f} s  {' '.join(recipe.outputs)}", end="")
        print("" if error else f"  {sum(size_of(maker.models / name) for name in recipe.outputs) / 1e6:.1f} MB", flush=True)
        if error:
            failures += 1
            print(error, file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
