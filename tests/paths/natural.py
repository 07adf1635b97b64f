"""Conversions that come out wrong, or do not load, by themselves: what fetafix says of them, and how they are avoided. Causes
were found by hand."""

import json
import tempfile
from collections import namedtuple
from pathlib import Path

from bench_pairs import BenchPair
from judge import Bar
from kinds import ending_of
from pairs import KERAS, LITE0
from row import run_measured

# right: what the pair may differ by, relative to the largest output.
Natural = namedtuple("Natural", "name source target data by cause avoid right", defaults=(1e-5,))

CASES = [
    Natural("names", "classifier.tflite", "natural_names.pt2", KERAS, "tf2onnx --tflite, onnx2torch, torch.export",
            "onnx2torch calls modules after nodes, tf2onnx nodes after TFLite's tensors, and these are named after all that was fused, "
            "with semicolons between; torch.export.save notes the modules around each operator in one text divided by semicolons, "
            "which torch.export.load can't take apart again",
            "rename the nodes before onnx2torch"),
    Natural("layout", "classifier.keras", "natural_layout.tflite", KERAS, "tf2onnx from_keras, onnx2tf",
            "tf2onnx keeps an NHWC input; onnx2tf takes every input of rank 4 for NCHW and turns its axes round, so that this one "
            "becomes [N, H, 3, W]",
            "tf2onnx --inputs-as-nchw"),
    Natural("variables", "classifier.keras", "natural_variables.tflite", KERAS,
            "TFLiteConverter.from_concrete_functions([f], model) on a Keras 3 model",
            "variables of Keras 3 are not frozen there: weights are VAR_HANDLE and READ_VARIABLE, and nothing in the file sets them",
            "from_saved_model, from_keras_model, or no trackable object (all three were tried)"),
    Natural("bias", "right.onnx", "nobias.onnx", LITE0, "onnx2tf, tf2onnx --tflite",
            "tf2onnx takes two operands instead of three of a FULLY_CONNECTED whose input is not of rank 2: the bias is lost",
            "tf2onnx on the SavedModel instead of the TFLite file (lite0_nhwc.onnx)"),
]

# Conversions that give no file.
NO_FILE = [
    ("ONNX to PyTorch", "onnx2torch 1.5.15 on what torch.onnx (dynamo, opset 18) writes: no converter for ReduceMean of opset 18. "
     "Asking that exporter for opset 17 changes nothing; the older one (dynamo=False) writes GlobalAveragePool"),
    ("TensorFlow to Keras", "Keras 3 loads no SavedModel as layers (TFSMLayer only); by way of tf2onnx and onnx2tf -oh5 it becomes a "
     "Keras 2 file"),
    ("Keras to Keras", "Keras 2 does not read Keras 3's files, nor the reverse: layers have to be built once more"),
]


def row(bench, case, photos):
    """What fetafix says of the file and makes of it."""
    out = {"state": "natural", "case": case.name}
    pair = BenchPair(case.source, case.target, case.data, "natural")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for command in ("localize", "repair"):
            result_file, fixed = folder / f"{command}.json", folder / f"fixed{ending_of(case.target)}"
            words = ["--output", fixed] if command == "repair" else []
            code, messages, seconds, _ = run_measured(
                [bench.program, command, bench.model(case.source), bench.model(case.target), "--data", photos, "--preprocess",
                 case.data.preprocess, "--json", result_file, *words], folder)
            result = json.loads(result_file.read_text()) if result_file.exists() else {"verdict": f"exit {code}", "faults": []}
            out[command] = {"verdict": result["verdict"], "seconds": round(seconds, 1),
                            "said": [f["explanation"] for f in result["faults"][:3]] or [messages.strip()[-200:]]}
        if fixed.exists():
            after = bench.oracle.compare(pair, bench.model(case.source), fixed)
            out["repaired"] = Bar(pair, {"relative": case.right / 10, "labels": 0}).is_right(after)
    return {**out, "repaired": out.get("repaired", False)}


def case_text(case, row):
    lines = [f"**{case.name}**: {case.source} -> {case.target}, by {case.by}.", f"- Cause: {case.cause}.", f"- Avoided by: {case.avoid}."]
    if row:
        said = " ".join(row["localize"]["said"][0].split())
        lines += [f"- fetafix: {row['localize']['verdict']}; {said}.",
                  f"- Repair: {row['repair']['verdict']}{', right by the oracle' if row['repaired'] else ''}."]
    return [*lines, ""]


def sections(rows):
    found = {row["case"]: row for row in rows if row["state"] == "natural"}
    text = ["## Natural faults", "",
            "Conversions of this classifier, and one of EfficientNet-Lite0, that come out wrong by themselves.", ""]
    for case in CASES:
        text += case_text(case, found.get(case.name))
    return [*text, "No file at all:", "", *(f"- {path}: {what}." for path, what in NO_FILE)]
