"""Seeds of the reader of pickles: plain values in each protocol, tensors as torch.save and torch.jit.save write them, hostile ones."""

import pickle
import struct


def text(content):
    return b"X" + struct.pack("<I", len(content)) + content.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def items(*parts):
    return b"(" + b"".join(parts) + b"t"


def call(module, name, *parts):
    return f"c{module}\n{name}\n".encode() + items(*parts) + b"R"


def storage(kind="FloatStorage", count=6):
    return items(text("storage"), f"ctorch\n{kind}\n".encode(), text("0"), text("cpu"), number(count)) + b"Q"


HOOKS = b"ccollections\nOrderedDict\n)R"


def tensor(of=storage(), offset=0, sizes=(2, 3), strides=(3, 1), grad=b"\x89"):
    shape = [items(*map(number, part)) for part in (sizes, strides)]
    return call("torch._utils", "_rebuild_tensor_v2", of, number(offset), *shape, grad, HOOKS)


def state(*parts):
    return b"\x80\x02}(" + b"".join(parts) + b"u."


def plain():
    value = {"a": [1, -2, 70000, 2 ** 40, -2 ** 40], "b": (1.5, None, True), "c": b"\xff\0", "d": "h\u00e9\n", 3: {"e": ()}}
    return {f"plain-{protocol}": pickle.dumps(value, protocol) for protocol in range(6)} | {
        "set": pickle.dumps({1, "b"}, 4), "frozenset": pickle.dumps(frozenset([1]), 2), "bytearray": pickle.dumps(bytearray(b"ab"), 5)}


def of_pytorch():
    parameter = call("torch._utils", "_rebuild_parameter", tensor(), b"\x88", HOOKS)
    metadata = b"}" + text("_metadata") + HOOKS + b"sb"
    listed = call("torch.jit._pickle", "build_intlist", b"](K\x01K\x02e")
    tagged = call("torch.jit._pickle", "restore_type_tag", b"}", text("Dict[str, int]"))
    attributes = text("training") + b"\x88" + text("k") + listed + text("d") + tagged + text("w") + tensor()
    untyped = items(text("storage"), b"ctorch.storage\nUntypedStorage\n", text("1"), text("cpu"), number(4)) + b"Q"
    third = call("torch._utils", "_rebuild_tensor_v3", untyped, number(0), items(number(2)), items(number(1)), b"\x89", HOOKS,
                 b"ctorch\nuint16\n")
    typed = call("torch._tensor", "_rebuild_from_type_v2", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nTensor\n",
                 items(storage(), number(0), items(number(2)), items(number(1)), b"\x89", HOOKS), b"}")
    return {"state": state(text("w"), tensor(), text("b"), parameter, text("u"), third, text("t"), typed),
            "ordered": b"\x80\x02" + HOOKS + b"(" + text("w") + tensor() + b"u" + metadata + b".",
            "script": b"\x80\x02c__torch__\nNet\n)\x81}(" + attributes + b"ub.",
            "devices": b"\x80\x02" + items(call("torch", "device", text("cuda"), b"K\x01"), b"ctorch\nfloat32\n",
                                           call("torch", "Size", items(b"K\x02"))) + b".",
            "latin": call("_codecs", "encode", text("a\u00ff"), text("latin1")) + b"."}


def hostile():
    laughs = text("ha") + b"".join(b"q%c0](" % i + b"h%c" % i * 10 + b"e" for i in range(10)) + b"."
    return {"system": call("os", "system", text("true")) + b".", "eval": text("builtins") + text("eval") + b"\x93.",
            "cycle": b"]q\1h\1a.", "state-of-itself": b"c__torch__\nA\n)\x81q\1h\1b.", "laughs": laughs,
            "deep": b")" + b"\x85" * 5000 + b".", "deep-lists": b"]" * 3000 + b"a" * 2999 + b".", "long-number": b"\x8a\x09" + b"\1" * 9 + b".",
            "beyond": b"X\xff\xff\xff\xffa.", "empty-stack": b"a.", "no-mark": b"t.", "twice": state(text("a"), b"N", text("a"), b"]"),
            "negative": state(text("w"), tensor(sizes=(-2, 3))), "strides": state(text("w"), tensor(strides=(1,))),
            "no-storage": items(text("module"), text("x")) + b"Q."}


def seeds():
    return plain() | of_pytorch() | hostile()
