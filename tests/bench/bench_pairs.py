"""The pairs that faults are planted into: right ones that count, in all directions. A new one is a line here."""

import sys
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gate"))
from outcome import format_name  # noqa: E402
from kinds import kind_of  # noqa: E402,F401
from pairs import IMAGENET, KERAS, LITE0  # noqa: E402

# only: faults whose names hold one of these (all when empty). few: comes up in a quarter of the rounds. reduced: the target
# keeps numbers in fewer bits, so that it is judged against itself before the fault.
BenchPair = namedtuple("BenchPair", "source target data sort only few reduced", defaults=((), False, False))


def pairs(sort, data, *names, **options):
    return [BenchPair(*name.split(), data, sort, **options) for name in names]


PAIRS = [
    *pairs("plain", IMAGENET, "seeded_squeezenet.onnx seeded_squeezenet_sim.onnx"),
    *pairs("equal shapes, branches, squeeze-and-excite", KERAS,
           "branches.onnx branches_sim.onnx", "branches.onnx branches.tflite", "branches.tflite branches_from_tflite.onnx",
           "branches.tflite branches_again.tflite"),
    *pairs("depthwise, squeeze-and-excite", KERAS,
           "mobilenet_v3.onnx mobilenet_v3_opset17.onnx", "mobilenet_v3.onnx mobilenet_v3.tflite",
           "mobilenet_v3.tflite mobilenet_v3_from_tflite.onnx", "mixed.onnx mixed_sim.onnx", "mixed_folded.onnx mixed.onnx"),
    *pairs("depthwise", LITE0, "sim.onnx lite0_float32.tflite", "lite0_float32.tflite lite0_again.tflite",
           "lite0_float32.tflite sim.onnx", few=True),
    *pairs("residual", KERAS, "resnet.onnx resnet_permuted.onnx", "resnet.onnx resnet.tflite",
           "resnet.tflite resnet_equalized.onnx", "resnet.tflite resnet_permuted.tflite"),
    *pairs("recurrent", KERAS, "rnn.onnx rnn_sim.onnx", "lstm_fused.onnx lstm_fused_extended.onnx", "lstm.onnx lstm.tflite",
           "gru.onnx gru.tflite", "gru.tflite gru.onnx"),
    *pairs("attention", KERAS, "former.onnx former_sim.onnx", "former.onnx former_opset17.onnx", "vit.onnx vit.tflite",
           "vit.tflite vit.onnx"),
    *pairs("other operators", KERAS, "parts.onnx parts_sim.onnx", "parts.onnx parts.tflite", "parts.tflite parts_sim.onnx"),
    *pairs("channel shuffle", IMAGENET, "seeded_shufflenet.onnx seeded_shufflenet.tflite", few=True),
    *pairs("LRN", IMAGENET, "light_inception_v1.onnx light_inception_v1_sim.onnx", only=("lrn",)),
    *pairs("GELU", KERAS, "former.onnx former_gelu_node.onnx", only=("gelu",)),
    *pairs("Keras layers", KERAS, "branches.onnx branches.keras", "branches.tflite branches.keras", "dog.tflite dog.h5",
           "dog.onnx dog.h5", "lstm.onnx lstm.keras", "gru.tflite gru.keras", "vit.onnx vit.keras", "chain.tflite chain.h5", "chain.onnx chain.h5",
           "mobilenet_v3.tflite mobilenet_v3_keras2.h5"),
    *pairs("from Keras layers", KERAS, "branches.keras branches.onnx", "dog.h5 dog.tflite", "chain.h5 chain.onnx",
           "lstm.keras lstm.tflite", "vit.keras vit.tflite", "mobilenet_v3.keras mobilenet_v3.onnx",
           "mobilenet_v3.keras mobilenet_v3_keras2.h5"),
    *pairs("SavedModel", KERAS, "branches.keras branches_saved_model", "branches.onnx branches_saved_model",
           "branches.tflite branches_saved_model", "dog.h5 dog_saved_model", "dog.onnx dog_saved_model",
           "chain.onnx chain_saved_model", "vit.keras vit_saved_model", "mobilenet_v3.keras mobilenet_v3_saved_model",
           "lstm.keras lstm_saved_model", "gru.keras gru_saved_model"),
    *pairs("SavedModel", LITE0, "lite0_nhwc.onnx lite0_saved_model"),
    *pairs("SavedModel", KERAS, "branches_frozen.pb branches_saved_model", "vit_frozen.pb vit_saved_model"),
    *pairs("SavedModel", KERAS, "densenet.keras densenet_saved_model", few=True),
    *pairs("from a SavedModel", KERAS, "branches_saved_model branches.onnx", "branches_saved_model branches.tflite",
           "dog_saved_model dog.onnx", "chain_saved_model chain.tflite", "vit_saved_model vit.onnx",
           "mobilenet_v3_saved_model mobilenet_v3.tflite"),
    *pairs("PyTorch", KERAS, "resnet.onnx resnet.pt2", "resnet.tflite resnet.pt2", "resnet_dynamo.onnx resnet_dynamic.pt2",
           "resnet.pt2 resnet_core.pt2", "mixed.onnx mixed.pt2", "former.onnx former.pt2", "parts.onnx parts.pt2",
           "parts.tflite parts.pt2", "rnn.onnx rnn.pt2", "branches.keras branches.pt2", "chain.tflite chain.pt2",
           "vit_saved_model vit.pt2", "lstm.keras lstm.pt2", "gru.tflite gru.pt2"),
    *pairs("PyTorch", KERAS, "mobilenet_v3.keras mobilenet_v3.pt2", "dog.h5 dog.pt2", few=True),
    *pairs("PyTorch", LITE0, "right.onnx lite0.pt2", few=True),
    *pairs("from PyTorch", KERAS, "resnet.pt2 resnet.tflite", "resnet.pt2 resnet_dynamo.onnx", "mixed.pt2 mixed_folded.onnx",
           "former.pt2 former_dynamo.onnx", "parts.pt2 parts.tflite", "rnn.pt2 rnn.onnx", "branches.pt2 branches_saved_model",
           "vit.pt2 vit.keras"),
    *pairs("from PyTorch", LITE0, "lite0.pt2 lite0_float32.tflite", few=True),
    *pairs("TorchScript", KERAS, "resnet.onnx resnet_traced.pt", "resnet.tflite resnet_scripted.pt", "resnet.pt2 resnet_frozen.pt",
           "mixed.onnx mixed_traced.pt", "parts.tflite parts_traced.pt", "former.onnx former_traced.pt",
           "rnn.onnx rnn_traced.pt", "branches.keras branches_traced.pt", "branches_saved_model branches_frozen.pt",
           "chain.tflite chain_frozen.pt", "vit.keras vit_traced.pt", "lstm.keras lstm_traced.pt", "gru.tflite gru_traced.pt"),
    *pairs("TorchScript", KERAS, "mobilenet_v3.tflite mobilenet_v3_traced.pt", few=True),
    *pairs("TorchScript", LITE0, "right.onnx lite0_traced.pt", few=True),
    *pairs("from TorchScript", KERAS, "resnet_scripted.pt resnet.tflite", "resnet_traced.pt resnet.pt2", "mixed_frozen.pt mixed.onnx",
           "parts_traced.pt parts.tflite", "rnn_traced.pt rnn.onnx", "branches_traced.pt branches.keras"),
    *pairs("int8", KERAS, "branches.onnx branches_int8.tflite", only=("quantization",), reduced=True),
    *pairs("int8", LITE0, "sim.onnx sim_int8.onnx", only=("quantization",), reduced=True),
]


def name_of(pair):
    return f"{pair.source} -> {pair.target}"


def direction(pair):
    return " to ".join(map(format_name, (pair.source, pair.target)))
