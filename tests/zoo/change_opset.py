"""The same model in a newer opset, by onnx's own converter: change_opset.py IN OUT VERSION"""

import sys

import onnx
from onnx import version_converter

import same


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, target, version = sys.argv[1:]
    model = version_converter.convert_version(onnx.load(source), int(version))
    onnx.checker.check_model(model)
    onnx.save(model, target)
    same.hold(source, target)


if __name__ == "__main__":
    main()
