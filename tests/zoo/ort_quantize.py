"""Reduced precision by ONNX Runtime's own tools: ort_quantize.py IN OUT --to float16|int8|int8-dynamic [--preprocess NAME]

int8 is static, with QuantizeLinear and DequantizeLinear around operators and ranges from crops of the photographs;
int8-dynamic quantizes weights, and activations while running.
"""

import argparse
import tempfile
from pathlib import Path

import numpy
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16

import oracle
import photos
import same

CROPS = 24
TOLERANCE = {"float16": 0.05, "int8": 1.0, "int8-dynamic": 1.0}  # seeded noise is far from what it was calibrated on


class Crops(CalibrationDataReader):
    def __init__(self, model, preprocess):
        slot = oracle.load(Path(model)).session.get_inputs()[0]
        shape = [d if isinstance(d, int) else 1 for d in slot.shape]
        height, width = shape[2:] if oracle.is_channels_first(shape) else shape[1:3]
        self.samples = iter(list(self.make(slot.name, shape, (width, height), preprocess)))

    @staticmethod
    def make(name, shape, size, preprocess):
        with tempfile.TemporaryDirectory() as folder:
            originals = photos.copy_originals(photos.PHOTOGRAPHS, Path(folder))
            for index in range(CROPS):
                path = Path(folder) / "crop.png"
                photos.derive(originals[index % len(originals)], 1000 + index // len(originals)).save(path)
                sample = oracle.photograph(path, size, preprocess)
                yield {name: numpy.ascontiguousarray(oracle.to_layout(sample, shape), numpy.float32)}

    def get_next(self):
        return next(self.samples, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--to", choices=TOLERANCE, required=True)
    parser.add_argument("--preprocess", choices=oracle.VALUES, default="mobilenet")
    options = parser.parse_args()
    if options.to == "float16":
        onnx.save(convert_float_to_float16(onnx.load(options.input), keep_io_types=True), options.output)
    elif options.to == "int8":
        quantize_static(options.input, options.output, Crops(options.input, options.preprocess),
                        quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8)
    else:
        quantize_dynamic(options.input, options.output, weight_type=QuantType.QInt8)
    same.hold(options.input, options.output, TOLERANCE[options.to])


if __name__ == "__main__":
    main()
