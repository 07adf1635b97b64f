"""TFLite files as Python objects, through the schema that the ai-edge-litert package carries.

Shared by the scripts that change or compare files. Small faces only: read, write, operator names, tensor data.
"""

from pathlib import Path

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema

CODE_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
DTYPES = {getattr(schema.TensorType, name): numpy.dtype(kind) for name, kind in [
    ("FLOAT32", "float32"), ("FLOAT16", "float16"), ("FLOAT64", "float64"), ("INT8", "int8"), ("UINT8", "uint8"),
    ("INT16", "int16"), ("INT32", "int32"), ("UINT32", "uint32"), ("INT64", "int64"), ("UINT64", "uint64"), ("BOOL", "bool")]}


def read(path):
    return schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)


def write(model, path):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    Path(path).write_bytes(builder.Output())


def op_name(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    name = CODE_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return f"CUSTOM:{text(code.customCode)}" if name == "CUSTOM" else name


def text(value):
    return value.decode() if isinstance(value, bytes) else value or ""


def numbers(value):
    """A vector of the object API (numpy array, list or None) as a list."""
    return [] if value is None else [int(v) for v in value]


def raw(model, tensor):
    """The stored bytes of a tensor, or None when it is computed."""
    data = model.buffers[tensor.buffer].data
    return None if data is None or len(data) == 0 else numpy.asarray(data, numpy.uint8).tobytes()


def array(model, tensor):
    """The constant of a tensor as an array of its shape, or None when it is computed or of a type without arrays."""
    data = raw(model, tensor)
    if data is None or tensor.type not in DTYPES:
        return None
    return numpy.frombuffer(data, DTYPES[tensor.type]).reshape(numbers(tensor.shape)).copy()


def set_array(model, tensor, value):
    """Gives the tensor a buffer of its own, so that another tensor that shared it keeps its values."""
    buffer = schema.BufferT()
    buffer.data = numpy.frombuffer(numpy.ascontiguousarray(value, DTYPES[tensor.type]).tobytes(), numpy.uint8)
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
