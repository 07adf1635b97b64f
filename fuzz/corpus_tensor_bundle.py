"""Seeds of the reader of TensorFlow's checkpoints: index files. The target ignores their checksums, which are 0 here."""

import struct
from pathlib import Path

TESTDATA = Path(__file__).parent.parent / "src/tensor_bundle/testdata"
HEADER = b"\x08\x01\x1a\x02\x08\x01"  # one shard, version 1


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def record(key, value, shared=0):
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def block(*records, whole_keys=1, compression=0):
    return b"".join(records) + struct.pack("<II", 0, whole_keys) + bytes([compression]) + bytes(4)


def table(data, index=None):
    """A file of one block, with an index of its own or one that names the block."""
    index = index or block(record(b"\xff", varint(0) + varint(len(data) - 5)))
    footer = varint(0) + varint(0) + varint(len(data)) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + struct.pack("<Q", 0xdb4775248b80fb57)


def entry(dtype=1, dims=(2, 3), shard=0, offset=4, size=24, crc=0, more=b""):
    shape = b"".join(b"\x12" + varint(1 + len(varint(d))) + b"\x08" + varint(d) for d in dims)
    number = lambda field, value: bytes([field << 3]) + varint(value)
    return (number(1, dtype) + b"\x12" + varint(len(shape)) + shape + number(3, shard) + number(4, offset) + number(5, size)
            + b"\x35" + struct.pack("<I", crc) + more)


def seeds():
    one = lambda **wrong: table(block(record(b"", HEADER), record(b"w", entry(**wrong))))
    good = block(record(b"", HEADER), record(b"w", entry()))
    named = lambda *numbers: table(good, block(record(b"z", b"".join(map(varint, numbers)))))
    out = {f"tensorflow-{name}": (TESTDATA / f"{name}.index").read_bytes() for name in ("types", "sharded", "sliced")}
    return out | {
        "one": one(), "right-tensor": one(crc=0x7c5ff4cf), "string": one(dtype=7), "complex": one(dtype=8),
        "reference": one(dtype=101), "type-unknown": one(dtype=200), "scalar": one(dims=(), size=4), "none": one(dims=(0, 1 << 62), size=0),
        "many-dimensions": one(dims=(1,) * 300, size=4), "huge": one(dims=(1 << 38, 3), size=3 << 40), "overflow": one(dims=(1 << 32,) * 3),
        "negative-dimension": one(dims=((1 << 64) - 1,)), "negative-offset": one(offset=(1 << 64) - 1), "negative-size": one(size=(1 << 64) - 24),
        "beyond-the-shard": one(offset=60), "shard-1": one(shard=1), "shard-negative": one(shard=(1 << 64) - 1),
        "later-version": one(more=b"\xf2\x3f\x03new"), "slices": one(more=b"\x3a\x02\x0a\x00"),
        "shared-keys": table(block(record(b"", HEADER), record(b"layer/a", entry()), record(b"b", entry(), shared=6))),
        "big-endian": table(block(record(b"", b"\x08\x01\x10\x01"))), "shards-many": table(block(record(b"", b"\x08\xff\xff\xff\xff\x07"))),
        "no-header": table(block(record(b"w", entry()))), "no-records": table(block()),
        "descending": table(block(record(b"", HEADER), record(b"b", entry()), record(b"a", entry()))),
        "twice": table(block(record(b"", HEADER), record(b"a", entry()), record(b"a", entry()))),
        "key-too-long": table(block(varint(0) + varint((1 << 32) - 1) + varint(2) + b"abcdef")),
        "shares-too-much": table(block(record(b"", HEADER, shared=5))), "whole-keys-many": table(block(whole_keys=1 << 30)),
        "keys-grow": table(block(record(b"k" * 1000, b""), *(record(b"k", b"", shared=i) for i in range(1000, 2500)))),
        "snappy": table(block(record(b"", HEADER), compression=1)), "block-too-big": named(0, (1 << 64) - 3), "block-beyond": named(1 << 40, 8),
        "block-is-its-index": named(len(good), 20),
        "block-twice": table(good, block(record(b"y", varint(0) + varint(len(good) - 5)), record(b"z", varint(0) + varint(len(good) - 5)))),
        "cut": one()[:-1], "empty": b"",
    }
