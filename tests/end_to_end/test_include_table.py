"""The include-table test sees what it should see."""

import re
import sys

from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests"))
import include_table  # noqa: E402


def rule(room, header, is_test=False):
    return include_table.broken_rule(room, header, is_test, *(include_table.table(h) for h in include_table.HEADINGS))


def test_what_is_allowed():
    for room, header in (("align", "graph/graph.h"), ("align", "align/walk.h"), ("base", "nlohmann/json.hpp"),
                         ("formats", "formats/onnx/onnx.h"), ("pipeline", "fetafix/fetafix.h"), ("base", "sys/stat.h")):
        assert rule(room, header) is None
    assert rule("base", "gtest/gtest.h", is_test=True) is None


def test_what_is_forbidden():
    for room, header in (("graph", "formats/format.h"), ("repair", "faults/pattern.h"), ("tools", "pipeline/run.h"),
                         ("formats/onnx", "formats/tflite/tflite.h"), ("graph", "nlohmann/json.hpp"),
                         ("base", "gtest/gtest.h"), ("report", "graph/graph.h"), ("base", "boost/any.hpp")):
        assert rule(room, header), (room, header)


def test_the_table_of_keras_layers_is_the_one_in_the_code():
    """docs/keras.md lists what lifts, row for row."""
    code = (ROOT / "src/formats/keras/lift_table.cpp").read_text()
    rules = re.findall(r'\{"([^"]+)", (?:true|false), \w+,\s*"([^"]+)"\}', code)
    document = (ROOT / "docs/keras.md").read_text().split("| Keras | lifts to |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\S+) \| (.+) \|$", document, re.MULTILINE)
    assert len(rules) > 80 and rows == rules


def test_the_table_of_tensorflow_operators_is_the_one_in_the_code():
    """docs/tensorflow.md lists what lifts, row for row."""
    code = (ROOT / "src/formats/tensorflow/lift_table.cpp").read_text()
    rules = re.findall(r'\{"([^"]+)", \w+,\s*"([^"]+)"\}', code)
    document = (ROOT / "docs/tensorflow.md").read_text().split("| TensorFlow | lifts to |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\S+) \| (.+) \|$", document, re.MULTILINE)
    assert len(rules) > 120 and rows == rules


def test_the_table_of_pytorch_operators_is_the_one_in_the_code():
    """docs/torch.md lists what lifts, row for row."""
    code = (ROOT / "src/formats/torch/lift_table.cpp").read_text()
    rules = re.findall(r'\{"([^"]+)", \w+,\s*"([^"]+)"\}', code)
    document = (ROOT / "docs/torch.md").read_text().split("| PyTorch | lifts to |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\S+) \| (.+) \|$", document, re.MULTILINE)
    assert len(rules) > 220 and rows == rules
