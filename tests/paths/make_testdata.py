"""Copies a ring of paths through all formats, both of its nets, to tests/paths/testdata, which is committed: `make test` runs no
training and no converter for them. After `make_models.py --set paths`."""

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[1] / "build/models"
FILES = ["classifier.keras", "classifier.tflite", "tflite_to_saved_model", "tflite_to_onnx.onnx", "tflite_to_torch.pt2",
         "tflite_to_keras.h5", "classifier.onnx", "onnx_to_tflite.tflite"]


def main():
    folder = HERE / "testdata"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in FILES:
        source = MODELS / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, folder / name)


if __name__ == "__main__":
    main()
