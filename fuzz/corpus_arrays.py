"""Seeds of the .npy and .npz readers."""

import io
import struct
import zipfile

import numpy


def npy(array):
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()


def with_header(text, data=b"\0" * 16, version=1):
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode("latin-1") + data


def header(shape="(2, 2)", descr="<f4", fortran="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def archive(entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in entries:
            info = zipfile.ZipInfo(name)  # of 1980: the same bytes in every run
            info.compress_type = method
            file.writestr(info, data)
    return out.getvalue()


def seeds():
    a = numpy.arange(6, dtype="float32").reshape(2, 3)
    kinds = ["float64", "float16", "int8", "uint16", "int64", "bool", ">i4", ">f8"]
    out = {f"type-{kind.replace('>', 'big-')}": npy(numpy.arange(3).astype(kind)) for kind in kinds}
    out |= {
        "rows": npy(a), "columns": npy(numpy.asfortranarray(a)), "scalar": npy(numpy.float32(1)), "none": npy(a[:0]),
        "version-2": with_header(header(), version=2), "version-9": with_header(header(), version=9),
        "python-2": with_header(header("(2L, 2L)")), "texts": npy(numpy.array(["a", "bc"])),
        "complex": npy(numpy.array([1j])), "structured": npy(numpy.zeros(1, [("a", "<f4")])),
        "huge-shape": with_header(header("(2147483648, 2147483648)")), "overflow": with_header(header("(4294967296,) * 3")),
        "huge-columns": with_header(header("(0, 1073741824, 65536)", fortran="True"), b""),
        "many-dimensions": with_header(header("(" + "1, " * 300 + ")")),
        "negative": with_header(header("(-1, 4)")), "too-big-a-number": with_header(header("(99999999999999999999,)")),
        "no-shape": with_header("{'descr': '<f4', 'fortran_order': False}"),
        "twice": with_header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}"),
        "code": with_header("__import__('os').system('true')"), "pickle": with_header(header("(1,)", "|O")),
        "open": with_header("{'descr': '"), "long-header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
        "cut": npy(a)[:-5], "cut-header": npy(a)[:9],
        "archive": archive([("a.npy", npy(a)), ("b.npy", npy(a.T))]),
        "deflated": archive([("a.npy", npy(numpy.zeros(1000)))], zipfile.ZIP_DEFLATED),
        "folder": archive([("d/", b""), ("d/../../a.npy", npy(a))]), "not-an-array": archive([("a.txt", b"text")]),
        "many-entries": archive([(f"{i}", npy(a)[:-24] if i < 0 else b"") for i in range(100)]),
        "bomb": archive([("a.npy", bytes(8_000_000))], zipfile.ZIP_DEFLATED),
        "no-entries": archive([]), "cut-archive": archive([("a.npy", npy(a))])[:-30]}
    whole = bytearray(archive([("a.npy", npy(a))]))
    place = whole.index(b"PK\x01\x02")
    whole[place + 24:place + 28] = b"\xf0\xff\xff\xff"  # the size that the directory claims
    out["false-size"] = bytes(whole)
    return out
