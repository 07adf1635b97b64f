"""Measures fetafix against the bars of its issue, on this machine: measure.py [--json FILE]. Run by `make benchmark`.

Times are ratios to bare runs of the same files on the same inputs, or seconds with the machine named; nothing here is
asserted by a test. Models: build/models. One line each, the bar behind it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
FETAFIX = ROOT / "build/release/bin/fetafix"
MODELS = ROOT / "build/models"
PHOTOS = ROOT / "build/photos-benchmark"
PREPARED = ["--data", str(PHOTOS), "--preprocess", "efficientnet-lite"]


def fetafix(*words):
    start = time.monotonic()
    done = subprocess.run([FETAFIX, *map(str, words)], capture_output=True, text=True)
    seconds = time.monotonic() - start
    return seconds, done


def memory_of(*words):
    """MB resident at most, of a fetafix by itself: children that it starts are other processes."""
    with subprocess.Popen([FETAFIX, *map(str, words)], stdout=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_maxrss * 1024 / 1e6


def result_of(command, source, target, *words):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        extra = ["--output", Path(folder) / f"out{Path(target).suffix}"] if command == "repair" else []
        seconds, done = fetafix(command, source, target, *PREPARED, "--json", path, *extra, *words)
        if not path.exists():
            sys.exit(f"{command} {source} {target}: {done.stderr[-400:]}")
        return seconds, json.loads(path.read_text())


def bare_seconds(path, count):
    """One pass of the bare runtime, the median of 5 after a warm-up, times `count`."""
    if path.suffix == ".onnx":
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count()
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        slot = session.get_inputs()[0]
        feed = {slot.name: numpy.random.default_rng(0).standard_normal(slot.shape, numpy.float32)}
        run = lambda: session.run(None, feed)
    else:
        from ai_edge_litert.interpreter import Interpreter
        interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())
        interpreter.allocate_tensors()
        slot = interpreter.get_input_details()[0]
        interpreter.set_tensor(slot["index"], numpy.random.default_rng(0).standard_normal(slot["shape"]).astype(slot["dtype"]))
        run = interpreter.invoke
    run()
    times = []
    for _ in range(5):
        start = time.monotonic()
        run()
        times.append(time.monotonic() - start)
    return sorted(times)[2] * count


def chain(path, nodes, width=16):
    """A model of that many operators: matrix products, additions and activations in a row."""
    draw = numpy.random.default_rng(0)
    graph_nodes, constants, last = [], [], "x"
    for index in range(nodes // 3):
        w, b = f"w{index}", f"b{index}"
        constants.append(numpy_helper.from_array((draw.standard_normal((width, width)) / width ** 0.5).astype("float32"), w))
        constants.append(numpy_helper.from_array(draw.standard_normal(width).astype("float32") * 0.1, b))
        graph_nodes += [helper.make_node("MatMul", [last, w], [f"m{index}"]), helper.make_node("Add", [f"m{index}", b], [f"a{index}"]),
                        helper.make_node("Tanh", [f"a{index}"], [f"t{index}"])]
        last = f"t{index}"
    graph = helper.make_graph(graph_nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, width])],
                              [helper.make_tensor_value_info(last, TensorProto.FLOAT, [4, width])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def large(path, megabytes):
    rows = megabytes * 250_000 // 1000
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, rows])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1000])],
                              [numpy_helper.from_array(numpy.ones((rows, 1000), "float32"), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def weigh_keras(folder, report):
    """ResNet101 with drawn weights, 180 MB, in both of Keras' containers."""
    for suffix in ("keras", "h5"):
        path = folder / f"large.{suffix}"
        subprocess.run([sys.executable, "-c", "import sys, keras; keras.utils.set_random_seed(1); "
                        "keras.applications.ResNet101(weights=None).save(sys.argv[1])", path], check=True, capture_output=True)
        megabytes = path.stat().st_size / 1e6
        seconds, _ = fetafix("inspect", path)
        report(f"read and lift a .{suffix} file of {megabytes:.0f} MB (inspect, process start too)", seconds, "s", "3")
        report("  its largest resident memory / the file", memory_of("inspect", path) / megabytes, "x", "2.5")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not PHOTOS.exists():
        subprocess.run([sys.executable, ROOT / "tests/zoo/photos.py", "--output", PHOTOS, "--derived", "24"], check=True)
    rows = []

    def report(what, value, unit, bar):
        rows.append({"what": what, "value": round(value, 3), "unit": unit, "bar": bar})
        print(f"{what:74}{value:10.2f} {unit:10} bar: {bar}", flush=True)

    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    for target_name in ("sim.onnx", "lite0_float32.tflite"):
        source, target = MODELS / "right.onnx", MODELS / target_name
        seconds, result = result_of("check", source, target)
        count, parts = result["samples"], result["seconds"]
        bare = bare_seconds(source, count) + bare_seconds(target, count)
        passes = max(bare_seconds(source, 1), bare_seconds(target, 1))
        report(f"check of {target_name}, {count} samples: running both / two bare runs", parts["check"] / bare, "x", "1.15")
        seconds, result = result_of("localize", source, target)
        parts = result["seconds"]
        report(f"localize of {target_name}, {count} samples: all but opening and decoding",
               (parts["total"] - parts["open"] - parts["samples"]) / passes, "passes", f"15 K + 60 = {15 * count + 60}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        chain(folder / "chain.onnx", 5000)
        path = folder / "result.json"
        fetafix("localize", folder / "chain.onnx", folder / "chain.onnx", "--limit", "4", "--json", path)
        report("align a graph of 5,000 operators", json.loads(path.read_text())["seconds"]["align"], "s", "5")
        large(folder / "large.onnx", 100)
        seconds, _ = fetafix("inspect", folder / "large.onnx")
        report("read and lift a 100 MB file (inspect, process start too)", seconds, "s", "1")
        report("  its largest resident memory", memory_of("inspect", folder / "large.onnx"), "MB", "-")
        weigh_keras(folder, report)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
