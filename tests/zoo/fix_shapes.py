"""Free dimensions of an ONNX file's inputs become one: fix_shapes.py IN OUT"""

import sys

import onnx

model = onnx.load(sys.argv[1])
for value in model.graph.input:
    for dimension in value.type.tensor_type.shape.dim:
        dimension.dim_value = dimension.dim_value or 1
onnx.save(model, sys.argv[2])
