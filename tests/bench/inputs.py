"""Wrong preprocessing, measured: inputs.py [--model WORD] writes docs/preprocessing.md.

Each mistake is made on the side of the target and on that of the source (as a specification), and in an app of its own that
records what the target answers (tests/zoo/record_app.py, which shares no code with fetafix). Right pairs and faults planted
into the target's file show what is proposed where the preprocessing is right.
"""

import argparse
import datetime
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/zoo"))
import oracle  # noqa: E402

BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
MODELS, PHOTOS = BUILD / "models", BUILD / "photos"

Case = namedtuple("Case", "source target right")
CASES = [
    Case("right.onnx", "lite0_float32.tflite", "efficientnet-lite"),
    Case("lite0_float32.tflite", "sim.onnx", "efficientnet-lite"),
    Case("dog.onnx", "dog.tflite", "keras-tf"),
    Case("mobilenet_v3.tflite", "mobilenet_v3_from_tflite.onnx", "mobilenet"),
    Case("resnet.onnx", "resnet.tflite", "keras-torch"),
]
GEOMETRY = {"efficientnet-lite": "crop=0.875,resize=224:bicubic", "mobilenet": "crop=0.875,resize=input:bilinear",
            "keras-tf": "resize=input:bilinear", "keras-torch": "resize=input:bilinear"}
TORCH = "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"
RANGE = "value"  # value-range, or mean-std where one of the two has a number for each channel
# What the app does wrong, the same as parts of a specification, and what it is called.
MISTAKES = [
    ("unit", {"values": "scale=1/255,mean=0,std=1"}, [RANGE]),
    ("raw", {"values": "scale=1,mean=0,std=1"}, [RANGE]),
    ("half", {"values": "scale=1/255,mean=0.5,std=1"}, [RANGE]),
    ("torch", {"values": TORCH}, ["mean-std"]),
    ("mean", {"values": "scale=1/255,mean=0.485:0.456:0.406,std=1"}, ["mean-std"]),
    ("caffe", {"values": "scale=1,mean=103.939:116.779:123.68,std=1", "channels": "channels=BGR"},
     ["mean-std", "channel-order"]),
    ("bgr", {"channels": "channels=BGR"}, ["channel-order"]),
    ("axes", {"axes": "axes=WH"}, ["axes-swapped"]),
    ("reshape", {"order": "order={other}"}, ["reshaped-input"]),
    ("nearest", {"filter": "nearest"}, ["resize-filter"]),
    ("nocrop", {"crop": False}, ["crop"]),
    ("crop", {"crop": True}, ["crop"]),
    ("bgr,unit,nearest", {"values": "scale=1/255,mean=0,std=1", "channels": "channels=BGR", "filter": "nearest"},
     [RANGE, "channel-order", "resize-filter"]),
]


@functools.cache
def other_layout(model):
    """Than that of the model's input."""
    return "NHWC" if oracle.load(MODELS / model).shapes[0][1] == 3 else "NCHW"


def specification(right, parts, model):
    geometry = GEOMETRY[right]
    if parts.get("crop") is False:
        geometry = geometry.removeprefix("crop=0.875,").replace("224", "input")
    if parts.get("crop") is True and not geometry.startswith("crop"):
        geometry = "crop=0.875," + geometry
    if "filter" in parts:
        geometry = geometry.rsplit(":", 1)[0] + ":" + parts["filter"]
    others = [parts[key] for key in ("values", "channels", "axes", "order") if key in parts]
    return ",".join([right, *geometry.split(","), *others]).format(other=other_layout(model) if "order" in parts else "")


def changes_something(right, mistake, parts):
    cropped = GEOMETRY[right].startswith("crop")
    return not (mistake == "nocrop" and not cropped or mistake == "crop" and cropped or
                mistake == "torch" and right == "keras-torch")


def expected(right, names):
    value = "mean-std" if right == "keras-torch" else "value-range"
    return sorted(value if name == RANGE else name for name in names)


def run(case, folder, *words):
    done = subprocess.run([PROGRAM, "localize", MODELS / case.source, MODELS / case.target, "--data", PHOTOS, "--json",
                           folder / "r.json", *map(str, words)], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{case}: {words}: {done.stderr}")
    return json.loads((folder / "r.json").read_text())


def rows_of(case, folder):
    for mistake, parts, names in MISTAKES:
        if not changes_something(case.right, mistake, parts):
            continue
        for side in ("target", "source"):
            other = "source" if side == "target" else "target"
            wrong = specification(case.right, parts, getattr(case, side))
            result = run(case, folder, f"--{side}-preprocess", wrong, f"--{other}-preprocess", case.right)
            yield side, mistake, names, result, side
        app = folder / "app.npy"
        subprocess.run([sys.executable, ROOT / "tests/zoo/record_app.py", MODELS / case.target, app, "--photos", PHOTOS,
                        "--right", case.right, "--mistakes", mistake], check=True, capture_output=True)
        yield "app", mistake, names, run(case, folder, "--preprocess", case.right, "--target-outputs", app), "target"


def clean_rows(case, folder):
    """Right pairs and files with a fault of their own, fed rightly."""
    yield "none", run(case, folder, "--preprocess", case.right)
    target = MODELS / case.target
    for seed, fault in enumerate(["weights-noise", "bias-zero", "activation-dropped", "conv-pads", "weights-scale-small"]):
        damaged = folder / f"damaged{target.suffix}"
        done = subprocess.run([sys.executable, ROOT / "tests/zoo/plant.py", target, damaged, "--fault", fault, "--seed",
                               str(seed + 1)], capture_output=True, text=True)
        if done.returncode == 0:
            yield fault, run(case._replace(target=damaged), folder, "--preprocess", case.right)


def document(counts, misses, proposed, clean, seconds):
    lines = ["# Wrong preprocessing", "", f"Generated by `make inputs` (tests/bench/inputs.py) on {datetime.date.today()}. Eight photographs. *Cause*: exactly the "
             "parts that are wrong are named.", "*Candidate*: the specification that is right is proposed, for the right side. *App*: "
             "outputs of the target that a script", "without code of fetafix has recorded.", "",
             "| pair | side | mistakes | found | cause | candidate |", "|---|---|---|---|---|---|"]
    total = Counter()
    for (case, side), count in counts.items():
        total.update(count)
        lines.append(f"| {case.source} -> {case.target} | {side} | {count['all']} | {count['found']} | {count['cause']} | "
                     f"{count['candidate']} |")
    lines.append(f"| together | | {total['all']} | {total['found']} | {total['cause']} | {total['candidate']} |")
    lines += ["", f"Preprocessing right, {clean} runs (right files, and files with a planted fault): {len(proposed)} proposals.",
              f"Median time of a run: {sorted(seconds)[len(seconds) // 2]:.1f} s, largest {max(seconds):.1f} s.", "", "## Misses", ""]
    return "\n".join(lines + [f"- {miss}" for miss in misses + proposed] or ["- none"]) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="")
    options = parser.parse_args()
    counts, misses, proposed, seconds, clean = {}, [], [], [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in [one for one in CASES if options.model in one.source]:
            for side, mistake, names, result, wrong_side in rows_of(case, folder):
                seconds.append(result["seconds"]["total"])
                found = sorted(fault["pattern"] for fault in result["faults"] if fault["class"] == "preprocessing")
                proposals = {s: result["preprocess"][f"{s}_proposed"] for s in ("source", "target")}
                cause = sorted(f["pattern"] for f in result["faults"]) == expected(case.right, names)
                candidate = proposals == {"source": None, "target": None, wrong_side: case.right}
                count = counts.setdefault((case, side), Counter())
                count.update({"all": 1, "found": bool(found), "cause": cause, "candidate": candidate})
                if not (cause and candidate):
                    misses.append(f"{case.source} -> {case.target} | {side} | {mistake}: {', '.join(found) or 'nothing'} named, "
                                  f"{proposals['source'] or '-'} / {proposals['target'] or '-'} proposed for source / target")
                print(case.source, side, mistake, cause, candidate, f"{seconds[-1]:.1f} s", flush=True)
            for fault, result in clean_rows(case, folder):
                clean += 1
                p = result["preprocess"]
                if p["source_proposed"] or p["target_proposed"]:
                    proposed.append(f"{case.source} -> {case.target} | right input, {fault}: {p}")
                print(case.source, "clean", fault, p["source_proposed"], p["target_proposed"], flush=True)
    text = document(counts, misses, proposed, clean, seconds)
    if options.model:
        print(text)
    else:
        (ROOT / "docs/preprocessing.md").write_text(text)
        print("inputs: docs/preprocessing.md written")


if __name__ == "__main__":
    main()
