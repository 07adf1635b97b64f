"""Writes into a TFLite file how its input is made: state_input.py IN.tflite OUT.tflite --mean M... --std S...

As tflite-support's metadata writers do (metadata_schema.fbs, file identifier M001), by flatbuffers alone.
"""

import argparse

import flatbuffers
import tflite_file

NORMALIZATION = 1  # ProcessUnitOptions


def table(builder, *fields):
    """A table of (slot, offset) and, as a byte, (slot, number, True)."""
    builder.StartObject(max(field[0] for field in fields) + 1)
    for slot, value, *is_byte in fields:
        if is_byte:
            builder.PrependByteSlot(slot, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


def one(builder, offset):
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def metadata(mean, std):
    builder = flatbuffers.Builder(256)
    options = table(builder, (0, floats(builder, mean)), (1, floats(builder, std)))
    unit = table(builder, (0, NORMALIZATION, True), (1, options))
    tensor = table(builder, (0, builder.CreateString("image")), (4, one(builder, unit)))
    graph = table(builder, (2, one(builder, tensor)))
    builder.Finish(table(builder, (0, builder.CreateString("classifier")), (3, one(builder, graph))), b"M001")
    return bytes(builder.Output())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--mean", type=float, nargs="+", required=True)
    parser.add_argument("--std", type=float, nargs="+", required=True)
    options = parser.parse_args()
    model = tflite_file.read(options.input)
    buffer = tflite_file.schema.BufferT()
    buffer.data = list(metadata(options.mean, options.std))
    model.buffers.append(buffer)
    entry = tflite_file.schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    tflite_file.write(model, options.output)


if __name__ == "__main__":
    main()
