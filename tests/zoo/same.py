"""Holds a rewritten file against the file that it was made of, in the runtimes of both: same.py SOURCE TARGET [--tolerance X]

What the makers call when they are done: a pair that is called right has to be right.
"""

import argparse
import sys
from pathlib import Path

import oracle

SAMPLES = 4


def hold(source, target, tolerance=1e-4):
    """Exits when the outputs differ by more than tolerance x the largest output, on seeded noise."""
    options = argparse.Namespace(photos=None, noise=SAMPLES)
    models = [oracle.load(Path(path)) for path in (source, target)]
    result = oracle.compare(*models, oracle.make_samples(models[0].shapes, options), None)
    text = f"{Path(target).name}: largest difference {result['max_abs']:.3g}, relative {result['max_relative']:.3g}"
    # Written so that a NaN fails too.
    if not result["max_relative"] <= tolerance:
        sys.exit(f"{text}: above {tolerance:g}, so this is no right pair")
    print(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    hold(options.source, options.target, options.tolerance)


if __name__ == "__main__":
    main()
