"""A target command as docs/target-command.md describes it: the model of FETAFIX_MODEL in ONNX Runtime."""

import json
import os
import sys

import numpy
import onnxruntime

session = onnxruntime.InferenceSession(os.environ["FETAFIX_MODEL"], providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
for line in sys.stdin:
    where = json.loads(line)
    try:
        outputs = session.run(names, dict(numpy.load(where["inputs"])))
    except Exception as refusal:
        print("error", " ".join(str(refusal).split()), flush=True)
        continue
    numpy.savez(where["outputs"], **dict(zip(names, outputs)))
    print("ok", flush=True)
