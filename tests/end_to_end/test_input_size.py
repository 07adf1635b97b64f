"""A target that was converted for pictures of another size than the source takes."""

import sys

import onnx
import pytest
from conftest import MODELS, ROOT, Repaired, heavy

sys.path.insert(0, str(ROOT / "tests/zoo"))
import tflite_file  # noqa: E402


def smaller_onnx(path):
    model = onnx.load(MODELS / "sim.onnx")
    for dimension in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[dimension].dim_value = 192
    del model.graph.value_info[:]
    onnx.save(model, path)
    return path


def smaller_tflite(path):
    model = tflite_file.read(MODELS / "lite0_float32.tflite")
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [1, 192, 192, 3]
    tflite_file.write(model, path)
    return path


@pytest.mark.parametrize("make, name", [(smaller_onnx, "small.onnx"), heavy(smaller_tflite, "small.tflite")])
def test_is_given_the_size_of_the_source(make, name, tmp_path):
    repair = Repaired(MODELS / "right.onnx", make(tmp_path / name), tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    fault, = repair.result["faults"]
    assert (fault["class"], fault["pattern"], fault["fixed"]) == ("input", "input-shape", True)
    assert "192" in fault["explanation"] and "224" in fault["explanation"]
    assert repair.oracle()["max_abs"] < 5e-5
