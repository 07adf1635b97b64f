"""An independent second opinion on a pair: oracle.py SOURCE TARGET [--photos DIR] [--preprocess NAME] [--noise N]

Runs both files (.onnx, .tflite, .keras, .h5, .pt2, .pt, SavedModel folders) in the Python packages of their own runtimes on the
same samples, one at a time, and prints one JSON: differing labels, largest differences, and what tells kinds of fault apart. It
decides what a planted fault really does (measures.md: equivalent mutants), so it shares no code with what it judges.
"""

import argparse
import json
from pathlib import Path

import numpy
from PIL import Image

from kinds import kind_of

IMAGES = {".png", ".jpg", ".jpeg"}
CROP = 224 / 256  # of the short side, the usual evaluation crop
VALUES = {
    "lite0": lambda x: (x - 127) / 128,
    "mobilenet": lambda x: x / 127.5 - 1,
    "raw": lambda x: x,
    "unit": lambda x: x / 255,
}


def fixed(shape, batch):
    """Free dimensions become one, the first of them `batch`."""
    return [d if isinstance(d, int) and d > 0 else batch if axis == 0 else 1 for axis, d in enumerate(shape)]


class OnnxModel:
    def __init__(self, path, optimize, batch=1):
        import onnxruntime
        session = onnxruntime.SessionOptions()
        session.log_severity_level = 3
        if not optimize:
            session.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(str(path), session, providers=["CPUExecutionProvider"])
        self.shapes = [fixed(i.shape, batch) for i in self.session.get_inputs()]

    def run(self, inputs):
        feeds = {}
        for slot, value in zip(self.session.get_inputs(), inputs):
            kind = slot.type[len("tensor("):-1]
            feeds[slot.name] = value.astype({"float": "float32", "double": "float64"}.get(kind, kind))
        return self.session.run(None, feeds)


class TfliteModel:
    def __init__(self, path, optimize, batch=1):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
        kind = OpResolverType.AUTO if optimize else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self.interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=kind)
        details = self.interpreter.get_input_details()
        self.shapes = [fixed(i["shape_signature"].tolist(), batch) for i in details]
        for detail, shape in zip(details, self.shapes):
            if detail["shape"].tolist() != shape:
                self.interpreter.resize_tensor_input(detail["index"], shape)
        self.interpreter.allocate_tensors()

    @staticmethod
    def affine(detail):
        """(scale, zero point) of a quantized tensor, or None."""
        is_quantized = numpy.issubdtype(detail["dtype"], numpy.integer) and detail["quantization"][0] > 0
        return detail["quantization"] if is_quantized else None

    def run(self, inputs):
        for detail, value in zip(self.interpreter.get_input_details(), inputs):
            if affine := self.affine(detail):
                limits = numpy.iinfo(detail["dtype"])
                value = numpy.clip(numpy.round(value / affine[0]) + affine[1], limits.min, limits.max)
            self.interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
        # Each sample alone: an LSTM operator keeps its state from one run to the next.
        self.interpreter.reset_all_variables()
        self.interpreter.invoke()
        outputs = []
        for detail in self.interpreter.get_output_details():
            value = self.interpreter.get_tensor(detail["index"])
            if affine := self.affine(detail):
                value = (value.astype(numpy.float32) - affine[1]) * numpy.float32(affine[0])
            outputs.append(value)
        return outputs


def keras_of(path):
    """The package that wrote the file, as it is imported here."""
    import keras_file
    import keras_order
    return keras_order.load_keras(keras_file.generation_of(keras_file.version_of(path)))


class KerasModel:
    """In the Keras that wrote the file: 3, or 2 as tf_keras. There is nothing to optimize: layers run one by one."""

    def __init__(self, path, optimize, batch=1):
        self.model = keras_of(path).models.load_model(path, compile=False)
        self.inputs = list(self.model.inputs)
        self.shapes = [fixed(list(i.shape), batch) for i in self.inputs]

    def run(self, inputs):
        values = [value.astype(getattr(slot.dtype, "name", slot.dtype)) for slot, value in zip(self.inputs, inputs)]
        result = self.model(values if len(values) > 1 else values[0], training=False)
        items = list(result.values()) if isinstance(result, dict) else result if isinstance(result, (list, tuple)) else [result]
        return [numpy.asarray(item) for item in items]


class TensorflowModel:
    """A SavedModel's signature serving_default, inputs and outputs in the order of their names; or a frozen graph."""

    def __init__(self, path, optimize, batch=1):
        import tensorflow
        tensorflow.config.optimizer.set_experimental_options({} if optimize else {"disable_meta_optimizer": True})
        self.kept = None if path.suffix == ".pb" else tensorflow.saved_model.load(str(path))
        self.function = frozen(path) if self.kept is None else self.kept.signatures["serving_default"]
        # A frozen graph's function has no signature: its inputs are called after the placeholders.
        slots = ({tensor.name.split(":")[0]: tensor for tensor in self.function.inputs} if self.kept is None
                 else self.function.structured_input_signature[1])
        self.names = sorted(slots)
        self.dtypes = [slots[name].dtype for name in self.names]
        self.shapes = [fixed(slots[name].shape.as_list(), batch) for name in self.names]

    def run(self, inputs):
        import tensorflow
        values = {name: tensorflow.constant(value, dtype) for name, dtype, value in zip(self.names, self.dtypes, inputs)}
        results = self.function(**values)
        return [results[name].numpy() for name in sorted(results)]


def frozen(path):
    """A GraphDef as a function of its placeholders; what no node reads is an output."""
    import tensorflow
    graph = tensorflow.compat.v1.GraphDef.FromString(path.read_bytes())
    read = {name.split(":")[0].removeprefix("^") for node in graph.node for name in node.input}
    inputs = [node.name for node in graph.node if node.op == "Placeholder"]
    outputs = [node.name for node in graph.node if node.name not in read and node.op not in ("NoOp", "Const")]
    wrapped = tensorflow.compat.v1.wrap_function(lambda: tensorflow.import_graph_def(graph, name=""), [])
    return wrapped.prune({name: f"{name}:0" for name in inputs}, {name: f"{name}:0" for name in outputs})


class TorchModel:
    """An exported program or a script, in the environment that has torch. Nothing is optimized: operators run one by one."""

    def __init__(self, path, optimize, batch=1):
        from torch_client import Session
        self.session = Session(path)
        self.shapes = [fixed(shape, batch) for shape, _ in self.session.slots]

    def run(self, inputs):
        """Where whole numbers go in they count something, and noise becomes such as may be."""
        plain = [abs(value) if "int" in dtype else value for value, (_, dtype) in zip(inputs, self.session.slots)]
        return self.session.ask([value.astype(dtype) for value, (_, dtype) in zip(plain, self.session.slots)])


KINDS = {"onnx": OnnxModel, "tflite": TfliteModel, "keras": KerasModel, "tensorflow": TensorflowModel, "torch": TorchModel,
         "script": TorchModel}


def load(path, optimize=True, batch=1):
    return KINDS[kind_of(path)](path, optimize, batch)


def is_channels_first(shape):
    return len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)


def to_layout(sample, shape):
    """An HWC picture or a ready tensor, in the model's own shape."""
    if sample.ndim == 3 and len(shape) == 4:
        sample = sample.transpose(2, 0, 1) if is_channels_first(shape) else sample
    return numpy.resize(sample, shape)  # a batch repeats it


def photograph(path, size, preprocess):
    image = Image.open(path).convert("RGB")
    side = round(min(image.size) * CROP)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize(size, Image.Resampling.BICUBIC)
    return VALUES[preprocess](numpy.asarray(image, numpy.float32))


def make_samples(shapes, options):
    """Yields (name, one array per input): photographs for a model with one picture input, then noise."""
    if options.photos:
        shape = shapes[0]
        height, width = shape[2:] if is_channels_first(shape) else shape[1:3]
        paths = sorted(p for p in options.photos.iterdir() if p.suffix.lower() in IMAGES)
        for path in paths[: options.limit]:
            yield path.name, [photograph(path, (width, height), options.preprocess)]
    for index in range(options.noise):
        draw = numpy.random.default_rng(index)
        values = [draw.standard_normal([1, *shape[1:]], numpy.float32) for shape in shapes]
        # One noise picture for both layouts: made as HWC.
        yield f"noise{index}", [v[0].transpose(1, 2, 0) if is_channels_first(s) else v[0] if len(s) == 4 else v
                                for v, s in zip(values, shapes)]


def compare(source, target, samples, order):
    names, differences, scales, labels = [], [], [], []
    for name, sample in samples:
        outputs = [model.run([to_layout(v, s) for v, s in zip(sample, model.shapes)]) for model in (source, target)]
        outputs[1] = [outputs[1][i] for i in order] if order else outputs[1]
        flat = [[numpy.asarray(o, numpy.float64).ravel() for o in side] for side in outputs]
        names.append(name)
        differences.append([t - s for s, t in zip(*flat)])
        scales.append([float(numpy.abs(s).max()) for s in flat[0]])
        labels.append([int(numpy.argmax(side[0])) for side in flat])
    per_output = []
    for index in range(len(differences[0])):
        matrix = numpy.stack([row[index] for row in differences])
        scale = max(row[index] for row in scales)
        worst = float(numpy.abs(matrix).max())
        per_output.append({
            "max_abs": worst, "max_relative": worst / scale if scale else None,
            "elements_differing": int((matrix != 0).any(0).sum()), "elements": matrix.shape[1],
            # Small beside max_abs: the difference does not depend on the sample, as with a lost bias.
            "spread_over_samples": float(numpy.ptp(matrix, axis=0).max())})
    changed = [name for name, (s, t) in zip(names, labels) if s != t]
    return {"samples": len(names), "label_differences": len(changed), "changed": changed,
            "max_abs": max(o["max_abs"] for o in per_output),
            "max_relative": max(o["max_relative"] or 0 for o in per_output), "outputs": per_output,
            "source_labels": [s for s, _ in labels], "target_labels": [t for _, t in labels]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--preprocess", choices=VALUES, default="lite0")
    parser.add_argument("--limit", type=int, help="at most so many photographs, in sorted order")
    parser.add_argument("--noise", type=int, default=0, metavar="N", help="N seeded noise samples too")
    parser.add_argument("--output-order", type=int, nargs="+", help="for output i of SOURCE, which output of TARGET")
    parser.add_argument("--batch", type=int, default=1, help="that many copies of a sample at a time, where a model lets it be free")
    parser.add_argument("--no-optimize", action="store_true", help="both runtimes without optimizations and delegates")
    options = parser.parse_args()
    if not options.photos and not options.noise:
        options.noise = 8
    source, target = (load(path, not options.no_optimize, options.batch) for path in (options.source, options.target))
    result = compare(source, target, make_samples(source.shapes, options), options.output_order)
    print(json.dumps({"source": options.source.name, "target": options.target.name, **result}))


if __name__ == "__main__":
    main()
