"""A target that says it takes any number of samples at once and was frozen to one: no single sample shows it."""

import json

import numpy
import onnx
import pytest
from conftest import DATA, MODELS, fetafix, heavy
from onnx import helper, numpy_helper


def any_batch(sizes, path):
    """The classifier with a free batch, and a Reshape to these sizes before its last layer."""
    model = onnx.load(MODELS / "sim.onnx")
    del model.graph.value_info[:]
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    reshape = next(node for node in model.graph.node if node.op_type == "Reshape")
    model.graph.initializer.append(numpy_helper.from_array(numpy.array(sizes, numpy.int64), "sizes"))
    reshape.CopyFrom(helper.make_node("Reshape", [reshape.input[0], "sizes"], reshape.output))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("sizes, verdict", [([-1, 1280], "identical"), heavy([1, 1280], "repaired"), heavy([1, -1], "repaired")])
def test_frozen(sizes, verdict, tmp_path):
    source, target = any_batch([-1, 1280], tmp_path / "source.onnx"), any_batch(sizes, tmp_path / "target.onnx")
    done = fetafix("check", source, target, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    if verdict == "identical":
        assert result["verdict"] in ("identical", "equivalent"), done.out
        return
    assert result["verdict"] == "latent" and "the batch is frozen" in " ".join(result["warnings"]), done.out
    done = fetafix("repair", source, target, *DATA, "--json", tmp_path / "r.json", "--output", tmp_path / "fixed.onnx")
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["verdict"] == "repaired", done.out
    assert [fault["pattern"] for fault in result["faults"]] == ["reshape-size"]
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "fixed.onnx").graph.initializer}
    assert [-1, 1280] in [array.tolist() for array in stored.values()]
