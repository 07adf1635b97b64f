"""ONNX to TFLite through onnx2tf, in a folder of its own:
onnx_to_tflite.py MODEL [--output FILE] [--float16 FILE] [--saved-model DIR] [--keras FILE]

onnx2tf needs minding: it rewrites its input in place (so it gets a copy), and it loads a calibration file over the
network unless one lies in the working folder (so it finds one, of zeros; float conversions do not read it). A Keras file (.h5
or .keras, by the name) is a Keras 2 model of TensorFlow's functions, most of whose weights stand in its configuration.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

CALIBRATION = "calibration_image_sample_data_20x128x128x3_float32.npy"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--float16", type=Path)
    parser.add_argument("--saved-model", type=Path)
    parser.add_argument("--keras", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        shutil.copyfile(options.model, folder / "model.onnx")
        numpy.save(folder / CALIBRATION, numpy.zeros((20, 128, 128, 3), numpy.float32))
        command = [Path(sys.executable).parent / "onnx2tf", "-i", "model.onnx", "-o", "out", "-n"]
        if options.saved_model:
            command.append("-osd")
        if options.keras:
            command.append("-oh5" if options.keras.suffix == ".h5" else "-okv3")
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # It may exit with 0 and have written nothing.
        if done.returncode != 0 or not (folder / "out/model_float32.tflite").exists():
            sys.exit(f"onnx2tf failed with exit code {done.returncode}:\n{done.stdout[-4000:]}")
        if options.output:
            shutil.copyfile(folder / "out/model_float32.tflite", options.output)
        if options.keras:
            shutil.copyfile(folder / f"out/model_float32{options.keras.suffix}", options.keras)
        if options.float16:
            shutil.copyfile(folder / "out/model_float16.tflite", options.float16)
        if options.saved_model:
            shutil.rmtree(options.saved_model, ignore_errors=True)
            shutil.copytree(folder / "out", options.saved_model, ignore=shutil.ignore_patterns("*.tflite"))


if __name__ == "__main__":
    main()
