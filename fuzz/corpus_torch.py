"""Seeds of the PyTorch reader: archives, programs alone and pickles alone
(fuzz/torch.cpp puts those in an archive with one weight, w)."""

import io
import json
import zipfile

import corpus_pickle


def tensor(name):
    return {"as_tensor": {"name": name}}


def numbers(*values):
    return [{"as_int": value} for value in values]


def meta(*sizes, dtype=7, strides=None, offset=0):
    rows = strides or [2 ** (len(sizes) - 1 - axis) for axis in range(len(sizes))]
    return {"dtype": dtype, "sizes": numbers(*sizes), "requires_grad": False, "device": {"type": "cpu", "index": None},
            "strides": numbers(*rows), "storage_offset": {"as_int": offset}, "layout": 7}


def node(target, *outputs, **inputs):
    return {"target": target if target.startswith("_") else f"torch.ops.aten.{target}", "name": outputs[0], "metadata": {},
            "inputs": [{"name": name, "arg": value, "kind": 1} for name, value in inputs.items()],
            "outputs": [tensor(outputs[0])] if len(outputs) == 1 else [{"as_tensors": [{"name": name} for name in outputs]}]}


def program(nodes, result="y", shape=(2, 2), metas=(), version=8):
    values = {name: meta(*shape) for one in nodes for output in one["outputs"] if "as_tensor" in output
              for name in [output["as_tensor"]["name"]]} | {"x": meta(*shape), "p_w": meta(2, 2)} | dict(metas)
    return {"graph_module": {
        "graph": {"inputs": [tensor("p_w"), tensor("x")], "outputs": [tensor(result)], "nodes": nodes, "tensor_values": values},
        "signature": {"input_specs": [{"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}},
                                      {"user_input": {"arg": tensor("x")}}],
                      "output_specs": [{"user_output": {"arg": tensor(result)}}]}}, "schema_version": {"major": version, "minor": 1}}


def dense():
    return program([node("linear.default", "a", input=tensor("x"), weight=tensor("p_w"), bias={"as_none": True}),
                    node("relu_.default", "b", self=tensor("a")),
                    node("clamp.default", "c", self=tensor("a"), min={"as_float": -1.0}),
                    node("softmax.int", "y", self=tensor("c"), dim={"as_int": -1})])


def image():
    pool = dict(kernel_size={"as_ints": [2, 2]}, stride={"as_ints": [1, 1]}, ceil_mode={"as_bool": True})
    return program([node("max_pool2d.default", "a", self=tensor("x"), **pool),
                    node("pad.default", "b", self=tensor("a"), pad={"as_ints": [1, 0, 0, 1]}, mode={"as_string": "reflect"}),
                    node("upsample_nearest2d.vec", "c", input=tensor("b"), output_size={"as_none": True},
                         scale_factors={"as_floats": [2.0, 1.5]}),
                    node("adaptive_avg_pool2d.default", "d", self=tensor("c"), output_size={"as_ints": [1, 1]}),
                    node("flatten.using_ints", "y", self=tensor("d"), start_dim={"as_int": 1})], shape=(1, 2, 4, 4))


def sequence():
    weights = {"as_tensors": [{"name": "p_w"}] * 4}
    return program([node("rnn_tanh.input", "a", "h", input=tensor("x"), hx=tensor("x"), params=weights, has_biases={"as_bool": True},
                         num_layers={"as_int": 1}, batch_first={"as_bool": True}),
                    node("split.Tensor", "b", "c", self=tensor("a"), split_size={"as_int": 1}, dim={"as_int": 2}),
                    node("cat.default", "y", tensors={"as_tensors": [{"name": "c"}, {"name": "b"}]}, dim={"as_int": -1})],
                   shape=(1, 2, 2))


def sizes():
    size = node("sym_size.int", "s", self=tensor("x"), dim={"as_int": 0})
    more = node("_operator.mul", "t", a={"as_sym_int": {"as_name": "s"}}, b={"as_int": 2})
    for one, name in ((size, "s"), (more, "t")):
        one["outputs"] = [{"as_sym_int": {"as_name": name}}]
    view = node("view.default", "y", self=tensor("x"), size={"as_sym_ints": [{"as_name": "t"}, {"as_int": -1}]})
    return program([size, more, view])


def programs():
    wrong = {"cycle": program([node("neg.default", "a", self=tensor("y")), node("neg.default", "y", self=tensor("a"))]),
             "twice": program([node("neg.default", "y", self=tensor("x"))] * 2),
             "other-version": program([node("neg.default", "y", self=tensor("x"))], version=9),
             "huge-sizes": program([node("zeros.default", "y", size={"as_ints": [2 ** 40, 2 ** 40]})]),
             "huge-range": program([node("arange.default", "y", end={"as_int": 2 ** 62})]),
             "huge-channels": program([node("group_norm.default", "y", input=tensor("x"), num_groups={"as_int": 1})],
                                      shape=(1, 2 ** 31)),
             "unknown": program([node("no_such_thing.default", "y", self=tensor("x"))])}
    good = {"dense": dense(), "image": image(), "sequence": sequence(), "sizes": sizes()}
    return {name: json.dumps(value).encode() for name, value in (good | wrong).items()}


def archive(document, weight=None, method=zipfile.ZIP_STORED, **more):
    out = io.BytesIO()
    table = {"config": {"w": {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": weight or meta(2, 2)}}}
    files = {"m/models/model.json": json.dumps(document), "m/data/weights/model_weights_config.json": json.dumps(table),
             "m/data/weights/weight_0": bytes(16), "m/data/constants/model_constants_config.json": '{"config": {}}',
             "m/byteorder": "little", **more}
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def saved(*parts, **more):
    """As torch.save writes a dict of tensors."""
    return zipped({"archive/data.pkl": corpus_pickle.state(*parts), "archive/byteorder": "little", "archive/data/0": bytes(24), **more})


def old(weights, document=None, **more):
    """An archive of PyTorch 2.5 to 2.7."""
    return zipped({"serialized_exported_program.json": json.dumps(document or program([], "x", version=7)),
                   "serialized_state_dict.pt": weights, "serialized_constants.pt": saved(), "version": "7.3", **more})


def old_archives():
    weight = corpus_pickle.text("w")
    turned = corpus_pickle.tensor(sizes=(2, 2), strides=(1, 2), offset=1)
    outside = corpus_pickle.tensor(sizes=(2, 2), strides=(9, 9))
    good = corpus_pickle.tensor(sizes=(2, 2), strides=(2, 1))
    newer = {"m/data/weights/model.pt": saved(weight, good), "m/data/constants/model.pt": saved()}
    return {"old": old(saved(weight, turned), dense() | {"schema_version": {"major": 7, "minor": 3}}),
            "old-outside": old(saved(weight, outside)), "old-empty": old(b""), "old-no-pickle": old(zipped({"archive/x": b"x"})),
            "old-code": old(saved(weight, corpus_pickle.call("os", "system", corpus_pickle.text("true")))),
            "old-list": old(zipped({"archive/data.pkl": b"]."})), "old-version": old(saved(weight, good), dense() | {"schema_version": {"major": 6}}),
            "pickle": corpus_pickle.state(weight, good), "pickle-turned": corpus_pickle.state(weight, turned),
            "pickle-outside": corpus_pickle.state(weight, outside), "pickle-empty": corpus_pickle.state(),
            "pickle-huge": corpus_pickle.state(weight, corpus_pickle.tensor(sizes=(2 ** 30, 2 ** 30), strides=(0, 0))),
            "old-2.8": zipped({"m/models/model.json": json.dumps(dense()), **newer})}


def scripts():
    """Code of TorchScript, which fuzz/torch.cpp puts in an archive whose module has no attributes."""
    def module(*lines, more=""):
        body = "".join(f"    {line}\n" for line in lines)
        return f"class M(Module):\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n{body}{more}"

    helper = "  def twice(self: __torch__.M,\n    x: Tensor,\n    n: int=2) -> Tensor:\n    return torch.mul(x, n)\n"
    texts = {"plain": module("return torch.softmax(torch.relu_(x), -1)"),
             "method": module("y = (self).twice(x, )", "return (self).twice(y, 3, )", more=helper),
             "sizes": module("b, c, = torch.size(x)", "n = ops.prim.NumToTensor(torch.mul(b, c))",
                             "return torch.view(x, [int(n), -1])"),
             "branch": module("if torch.ne(torch.dim(x), 4):", '  ops.prim.RaiseException("no")', "else:", "  pass",
                              "return torch.upsample_nearest2d(x, None, [2., 2.])"),
             "loop": module("l = annotate(List[Tensor], [])", "for i in range(3):", "  _0 = torch.append(l, torch.add(x, i))",
                            "return torch.cat(l, 1)"),
             "parts": module("a, b, = torch.chunk(x, 2, 1)", "return torch.add(a, b, alpha=-1)"),
             "endless": module("return (self).forward(x, )"),
             "unknown": module('y = ops.mine.thing(x, [1, 2], "a", None, inf)', "return (y)[0]")}
    return {f"script-{name}": text.encode() for name, text in texts.items()}


def seeds():
    files = {"archive": archive(dense()), "archive-packed": archive(dense(), method=zipfile.ZIP_DEFLATED),
             "archive-traversal": archive(dense(), **{"../x": b"x"}), "archive-two-programs": archive(dense(), **{"m/models/b.json": "{}"}),
             "archive-big-endian": archive(dense(), **{"m/byteorder": "big"}),
             "archive-script": archive(dense(), **{"m/models/model.json": "", "m/constants.pkl": b"x"}),
             "weight-turned": archive(dense(), meta(2, 2, strides=[1, 2])),
             "weight-outside": archive(dense(), meta(2, 2, offset=1)),
             "weight-of-nothing": archive(dense(), meta(2 ** 20, 2 ** 20, strides=[0, 0])),
             "weight-of-no-type": archive(dense(), meta(2, 2, dtype=99))}
    files["archive-cut"] = files["archive"][:-40]
    return files | old_archives() | programs() | scripts() | {"deep": b'{"a":' * 3000}
