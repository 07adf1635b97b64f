"""The worker's end of docs/worker-protocol.md for workers in Python; needs numpy only.

    serve(hello, handle)

calls hello() once for the members of the answer to the greeting, and handle(call, request, tensors) for every
request: `tensors` is a list of (name, array); it returns (members, tensors). An exception becomes an error; raise
WorkerError to choose its kind.
"""

import json
import mmap
import os
import socket
import struct
import sys

import numpy as np

PROTOCOL = 1
SOCKET_FD, TO_WORKER_FD, FROM_WORKER_FD = 3, 4, 5
ALIGNMENT = 64
MOST_FRAME_BYTES = 256 << 20

# The protocol's bfloat16 is not among them: numpy has none of its own.
DTYPES = {name: np.dtype(name) for name in (
    "float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")}


class WorkerError(Exception):
    """An error with one of the protocol's kinds."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Arena:
    """Shared memory of one direction; it only grows, and the other end may have made it larger."""

    def __init__(self, fd):
        self.fd = fd
        self.map = mmap.mmap(fd, os.fstat(fd).st_size)

    def _fit(self, size):
        if size > len(self.map):
            # The old mapping goes when the last array that points into it does.
            self.map = mmap.mmap(self.fd, os.fstat(self.fd).st_size)

    def read(self, entries):
        """Arrays that point into the arena: gone with the next request."""
        tensors = []
        for entry in entries:
            offset, size = entry["offset"], entry["bytes"]
            self._fit(offset + size)
            dtype = DTYPES.get(entry["dtype"])
            if dtype is None:
                raise WorkerError("unsupported", f"tensor '{entry['name']}': type {entry['dtype']} is not known here")
            count = size // dtype.itemsize
            array = np.frombuffer(self.map, dtype, count, offset) if count else np.zeros(0, dtype)
            tensors.append((entry["name"], array.reshape(entry["shape"])))
        return tensors

    def write(self, tensors):
        tensors = [(name, np.asarray(array, order="C")) for name, array in tensors]
        total = sum(-(-array.nbytes // ALIGNMENT) * ALIGNMENT for _, array in tensors)
        if total > os.fstat(self.fd).st_size:
            os.ftruncate(self.fd, 1 << (total - 1).bit_length())
        self._fit(total)
        entries, offset = [], 0
        for name, array in tensors:
            if array.dtype.name not in DTYPES:
                raise WorkerError("unsupported", f"tensor '{name}': type {array.dtype} has no place here")
            if array.nbytes:
                np.frombuffer(self.map, array.dtype, array.size, offset)[:] = array.reshape(-1)
            entries.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape),
                            "offset": offset, "bytes": array.nbytes})
            offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        return entries


def _receive_exactly(connection, size):
    """None when the parent is gone."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _receive(connection):
    header = _receive_exactly(connection, 8)
    if header is None:
        return None
    (size,) = struct.unpack("<Q", header)
    if not 0 < size <= MOST_FRAME_BYTES:
        return None
    text = _receive_exactly(connection, size)
    return None if text is None else json.loads(text)


def _greet(hello, request):
    if request.get("protocol") != PROTOCOL:
        raise WorkerError("internal", f"fetafix speaks worker protocol {request.get('protocol')}, this worker "
                                      f"{PROTOCOL}; both must come from one build")
    return dict(hello(), protocol=PROTOCOL), []


def _answer(hello, handle, request, arena_in, arena_out):
    call = request["call"]
    try:
        if call == "hello":
            members, tensors = _greet(hello, request)
        elif call == "shutdown":
            members, tensors = {}, []
        else:
            members, tensors = handle(call, request, arena_in.read(request.get("tensors", [])))
        return dict(members, ok=True, tensors=arena_out.write(tensors))
    except WorkerError as error:
        return {"error": {"kind": error.kind, "message": str(error)}}
    except MemoryError:
        return {"error": {"kind": "runtime_failed", "message": "out of memory"}}
    except Exception as error:  # whatever a framework raises is a reported event
        return {"error": {"kind": "runtime_failed", "message": f"{type(error).__name__}: {error}"}}


def serve(hello, handle):
    """Until the parent closes the connection; returns the exit code."""
    try:
        connection = socket.socket(fileno=SOCKET_FD)
        arena_in, arena_out = Arena(TO_WORKER_FD), Arena(FROM_WORKER_FD)
    except (OSError, ValueError):
        print("this program is started by fetafix and answers on inherited descriptors; "
              "see docs/worker-protocol.md", file=sys.stderr)
        return 2
    while (request := _receive(connection)) is not None:
        reply = _answer(hello, handle, request, arena_in, arena_out)
        reply["id"] = request.get("id")
        text = json.dumps(reply).encode()
        connection.sendall(struct.pack("<Q", len(text)) + text)
        if request["call"] == "shutdown":
            break
    return 0
