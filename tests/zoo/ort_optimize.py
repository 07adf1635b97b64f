"""Writes the model that ONNX Runtime makes of one before it runs it: ort_optimize.py IN OUT --level basic|extended

Basic stays within ONNX operators; extended fuses into operators of ONNX Runtime's own domain.
"""

import argparse

import onnxruntime

LEVELS = {"basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
          "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--level", choices=LEVELS, default="basic")
    options = parser.parse_args()
    session = onnxruntime.SessionOptions()
    session.graph_optimization_level = LEVELS[options.level]
    session.optimized_model_filepath = options.output
    session.log_severity_level = 3
    onnxruntime.InferenceSession(options.input, session, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
