"""Writes the seeds of the fuzz targets to fuzz/corpus: make_corpus.py [FOLDER]. The same bytes in every run.

Seeds are small, so that a change of a byte hits something: honest models that touch many operators, and hostile files,
each wrong in one way that its name tells. Files named found-* are inputs that once broke a reader; they stay.
Needs build/venv: build/venv/bin/python fuzz/make_corpus.py
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import corpus_arrays
import corpus_keras
import corpus_onnx
import corpus_patch
import corpus_pickle
import corpus_tensor_bundle
import corpus_tensorflow
import corpus_text
import corpus_tflite
import corpus_torch

MOST_BYTES = 20_000  # of a seed: what the fuzzer itself makes at most


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "corpus")
    total = 0
    for target, module in [("arrays", corpus_arrays), ("keras", corpus_keras),
                           ("keras_config", SimpleNamespace(seeds=corpus_keras.configurations)), ("onnx", corpus_onnx),
                           ("patch", corpus_patch), ("pickle", corpus_pickle), ("tensor_bundle", corpus_tensor_bundle),
                           ("tensorflow", corpus_tensorflow), ("text", corpus_text), ("tflite", corpus_tflite),
                           ("torch", corpus_torch)]:
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for old in place.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        seeds = module.seeds()
        for name, data in seeds.items():
            assert len(data) <= MOST_BYTES, f"{target}/{name} has {len(data)} bytes"
            (place / name).write_bytes(data)
        size = sum(file.stat().st_size for file in place.iterdir())
        total += size
        print(f"{target}: {len(list(place.iterdir()))} files, {size} bytes")
    print(f"corpus: {total} bytes")


if __name__ == "__main__":
    main()
