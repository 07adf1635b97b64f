"""Lets PyTorch's wheel load without the CUDA libraries that it was built with: torch_without_cuda.py PYTHON

The wheel on PyPI pulls four gigabytes of libraries that a computation on the CPU never calls; only the loader asks for them, and
for their symbols. Installed alone (`pip install --no-deps torch`), with the two small ones that `import torch` does call
(nvidia-cuda-runtime, nvidia-cuda-cupti), it lacks the others. This puts a library of each missing name beside those of torch that
holds no code, only the symbols that torch's own libraries look for. PYTHON is the interpreter that torch was installed for.

It needs objdump and gcc, and can be run again: what it made before is made anew.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LARGEST_MADE = 60_000  # bytes; the wheel's own libraries of such names (libgomp.so.1) are larger

# What every system has, and what comes with torch under a name of its own.
OF_THE_SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libstdc++.so.6", "libgcc_s.so.1",
                 "ld-linux-x86-64.so.2", "libz.so.1", "libquadmath.so.0"}


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


class Library:
    """What one shared library needs and gives."""

    def __init__(self, path):
        headers = output("objdump", "-p", path)
        self.needed = set(re.findall(r"NEEDED\s+(\S+)", headers))
        self.versions = {}  # version -> the library that a symbol of it must come from
        for name, lines in re.findall(r"required from (\S+):\n((?:\s+0x.*\n?)+)", headers):
            self.versions.update((version, name) for version in re.findall(r"\d+ (\S+)$", lines, re.MULTILINE))
        self.defined, self.undefined = set(), set()  # of the latter (symbol, version), version "" where there is none
        for line in output("objdump", "-T", path).splitlines():
            # ADDRESS FLAGS SECTION SIZE [VERSION or (VERSION)] NAME; a symbol that may stay undefined has the flag w
            found = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\(?([\w.]+)\)?\s+)?(\S+)$", line)
            if not found:
                continue
            flags, section, version, symbol = found.groups()
            if section != "*UND*":
                self.defined.add(symbol)
            elif "w" not in flags:
                self.undefined.add((symbol, "" if version in (None, "Base") else version))


def make(path, symbols, version):
    """A library with these symbols, all of one version (none if empty)."""
    source = "\n".join(f"char {symbol}[64];" for symbol in sorted(symbols))
    command = ["gcc", "-shared", "-x", "c", "-", "-o", str(path), f"-Wl,-soname,{path.name}"]
    with tempfile.NamedTemporaryFile("w", suffix=".map") as script:
        if version:
            script.write(f"{version} {{ global: *; }};\n")
            script.flush()
            command.append(f"-Wl,--version-script={script.name}")
        subprocess.run(command, input=source, text=True, check=True)


def main():
    site = Path(output(sys.argv[1], "-c", "import sysconfig; print(sysconfig.get_path('platlib'))").strip())
    folder = site / "torch/lib"
    for old in folder.glob("lib*.so.*"):
        if old.stat().st_size < LARGEST_MADE:
            old.unlink()
    libraries = [Library(path) for path in sorted(folder.glob("*.so*"))]
    here = {path.name for path in [*folder.iterdir(), *site.glob("nvidia/**/*.so*")]}
    missing = sorted(set().union(*(library.needed for library in libraries)) - here - OF_THE_SYSTEM)

    undefined = set().union(*(library.undefined for library in libraries))
    defined = set().union(*(library.defined for library in libraries))
    version_of = {name: version for library in libraries for version, name in library.versions.items()}
    # Whose a symbol without a version is nobody says, and the loader does not ask: what torch does not define goes into every
    # library without versions. Those of CUDA begin so; others are of C++ and of Python, and are there.
    loose = {symbol for symbol, version in undefined if not version and symbol not in defined and symbol.startswith(("cu", "nccl"))}
    for name in missing:
        version = version_of.get(name, "")
        symbols = {symbol for symbol, its in undefined if its == version} if version else loose
        make(folder / name, symbols, version)
        print(f"{name}: {len(symbols)} symbols")


if __name__ == "__main__":
    main()
