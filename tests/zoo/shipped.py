"""Copies a model that a package ships: shipped.py PACKAGE PATH OUT. The package is found, never imported."""

import importlib.util
import shutil
import sys
from pathlib import Path


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    package, path, output = sys.argv[1:]
    source = Path(importlib.util.find_spec(package).submodule_search_locations[0]) / path
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, output)


if __name__ == "__main__":
    main()
