"""The clean gate's table: right pairs, the same model twice in other files. A new one is a line here.

All are products of tests/zoo/recipes.py. What a converter got wrong by itself does not belong here (nobias*.onnx, training*.onnx,
lstm_fused.tflite; seeded_squeezenet through onnx2tf, which takes the Softmax of opset 9 over the wrong axis; mobilenet_v3 and
dog in int8 with few calibration pictures or one scale for all channels, which change most labels).
"""

from collections import namedtuple

# expected: "same" wants identical or equivalent, "quantized" wants that. order: which output of the target each of the
# source's is, when the files order them differently.
Pair = namedtuple("Pair", "source target data expected options order", defaults=("same", (), ()))
# How photographs become inputs, in fetafix' words and in those of tests/zoo/oracle.py; None: seeded arrays.
Data = namedtuple("Data", "preprocess oracle")

LITE0 = Data("efficientnet-lite", "lite0")
KERAS = Data("keras-tf", "mobilenet")
IMAGENET = Data("torchvision", "mobilenet")
ARRAYS = Data(None, None)

XNNPACK, BUILTIN, REFERENCE = (("--runtime-option", f"tflite.kernels={name}") for name in ("xnnpack", "builtin", "reference"))


def same(data, *pairs, options=(), order=()):
    return [Pair(*pair.split(), data, "same", options, order) for pair in pairs]


def quantized(data, *pairs):
    return [Pair(*pair.split(), data, "quantized") for pair in pairs]


def both_directions(*pairs):
    return [text for pair in pairs for text in (pair, " ".join(reversed(pair.split())))]


PAIRS = [
    # EfficientNet-Lite0, real weights, from PyTorch.
    *same(LITE0,
          "right.onnx sim.onnx", "sim.onnx right.onnx",
          "right.onnx folded.onnx", "folded.onnx right.onnx",
          "right.onnx dynamic.onnx",
          "right.onnx right_basic.onnx", "right_basic.onnx right.onnx",
          "right.onnx right_extended.onnx", "right_extended.onnx sim.onnx",
          "right.onnx right_batchnorm.onnx", "right_batchnorm.onnx folded.onnx",
          "sim.onnx sim_decomposed.onnx", "sim_decomposed.onnx right.onnx",
          "sim.onnx sim_pads.onnx",
          "sim.onnx sim_equalized.onnx", "right.onnx sim_equalized.onnx",
          "sim.onnx sim_permuted.onnx", "right.onnx right_permuted.onnx", "sim_permuted.onnx right.onnx",
          "sim.onnx sim_permuted_apart.onnx",
          "sim.onnx sim_permuted_whole.onnx", "sim_permuted_whole.onnx right.onnx",
          "sim.onnx sim_opset15.onnx", "right.onnx right_opset17.onnx", "right.onnx right_opset21.onnx",
          "right_opset21.onnx sim.onnx",
          "right.onnx sim_renamed.onnx", "sim_renamed.onnx right.onnx",
          "sim.onnx lite0_nhwc.onnx", "lite0_nhwc.onnx right.onnx", "lite0_nhwc.onnx lite0_nchw.onnx",
          "right.onnx lite0_nchw.onnx"),
    *same(LITE0,
          "right.onnx lite0_float32.tflite", "lite0_float32.tflite right.onnx",
          "sim.onnx lite0_float32.tflite", "lite0_float32.tflite sim.onnx",
          "folded.onnx lite0_float32.tflite", "dynamic.onnx lite0_float32.tflite",
          "right_extended.onnx lite0_float32.tflite", "right_opset21.onnx lite0_float32.tflite",
          "right.onnx lite0_renamed.tflite", "lite0_renamed.tflite sim_renamed.onnx",
          "sim.onnx lite0_equalized.tflite", "sim.onnx lite0_permuted.tflite",
          "right.onnx lite0_permuted_whole.tflite", "lite0_permuted_whole.tflite lite0_permuted.tflite",
          "lite0_float32.tflite lite0_nhwc.onnx", "lite0_float32.tflite lite0_nchw.onnx",
          "lite0_float32.tflite lite0_again.tflite", "lite0_again.tflite lite0_float32.tflite",
          "lite0_float32.tflite lite0_renamed.tflite", "lite0_float32.tflite lite0_permuted.tflite"),
    *same(LITE0, "right.onnx lite0_float32.tflite", "lite0_float32.tflite sim.onnx", options=XNNPACK),
    *same(LITE0, "sim.onnx lite0_again.tflite", options=BUILTIN),
    *same(LITE0, "right.onnx lite0_float32.tflite", "lite0_float32.tflite lite0_again.tflite", options=REFERENCE),
    *quantized(LITE0,
               "right.onnx lite0_float16.tflite", "lite0_float32.tflite lite0_float16.tflite",
               "right.onnx lite0_int8.tflite", "lite0_float32.tflite lite0_int8.tflite",
               "lite0_float32.tflite lite0_dynamic.tflite",
               "sim.onnx sim_float16.onnx", "right.onnx sim_int8.onnx",
               "sim.onnx lite0_permuted_whole_float16.tflite", "right.onnx sim_permuted_whole_int8.onnx"),

    # MobileNetV2 of 19 dog breeds, real weights, from Keras.
    *same(KERAS,
          "dog.onnx dog.tflite", "dog.tflite dog.onnx",
          "dog.onnx dog_sim.onnx", "dog.onnx dog_extended.onnx", "dog.onnx dog_opset17.onnx", "dog.onnx dog_permuted.onnx",
          "dog.onnx dog_nchw.onnx", "dog.tflite dog_nchw.onnx",
          "dog.tflite dog_from_tflite.onnx", "dog_from_tflite.onnx dog.onnx", "dog_permuted.onnx dog.tflite",
          "dog.onnx dog_permuted_apart.onnx", "dog_permuted_apart.onnx dog.tflite",
          "dog.onnx dog_permuted_whole.onnx", "dog_permuted_whole.onnx dog.tflite",
          "dog.tflite dog_keras.tflite", "dog.onnx dog_renamed.tflite"),
    *same(KERAS, "dog_sim.onnx dog.tflite", options=XNNPACK),
    *same(KERAS, "dog.tflite dog_from_tflite.onnx", options=REFERENCE),
    *quantized(KERAS, "dog.tflite dog_int8.tflite", "dog.onnx dog_int8.tflite", "dog.tflite dog_float16.tflite",
               "dog.tflite dog_dynamic.tflite"),

    # Equal convolutions in a row, branches, squeeze-and-excite.
    *same(KERAS,
          "branches.onnx branches.tflite", "branches.tflite branches.onnx",
          "branches.onnx branches_sim.onnx", "branches.onnx branches_extended.onnx",
          "branches.onnx branches_equalized.onnx", "branches.onnx branches_permuted.onnx",
          "branches.onnx branches_decomposed.onnx", "branches.onnx branches_nchw.onnx",
          "branches_equalized.onnx branches.tflite", "branches_permuted.onnx branches.tflite",
          "branches.tflite branches_from_tflite.onnx", "branches.tflite branches_renamed.tflite"),
    *same(KERAS, "branches.onnx branches.tflite", options=REFERENCE),
    *quantized(KERAS, "branches.tflite branches_int8.tflite", "branches.onnx branches_int8.tflite",
               "branches.onnx branches_float16.tflite"),

    # Attention, GELU, LayerNormalization.
    *same(KERAS,
          "vit.onnx vit.tflite", "vit.tflite vit.onnx", "vit.onnx vit_extended.onnx", "vit_extended.onnx vit.tflite",
          "vit.onnx vit_opset21.onnx", "vit.onnx vit_gelu_node.onnx", "vit.tflite vit_gelu_node.onnx",
          "former.onnx former_sim.onnx", "former.onnx former_opset17.onnx", "former_opset17.onnx former.onnx",
          "former.onnx former_extended.onnx", "former.onnx former_gelu_node.onnx",
          "former_opset21.onnx former_decomposed.onnx", "former_extended.onnx former_decomposed.onnx"),
    *quantized(KERAS, "vit.tflite vit_float16.tflite", "vit.tflite vit_dynamic.tflite"),

    # Squeeze-and-excite with HardSwish; GroupNorm, PReLU, upsampling; dense connections; residual blocks.
    *same(KERAS,
          "mobilenet_v3.onnx mobilenet_v3.tflite", "mobilenet_v3.tflite mobilenet_v3.onnx",
          "mobilenet_v3.onnx mobilenet_v3_extended.onnx", "mobilenet_v3.onnx mobilenet_v3_opset17.onnx",
          "mobilenet_v3.tflite mobilenet_v3_from_tflite.onnx", "mobilenet_v3.onnx mobilenet_v3_permuted_whole.onnx",
          "mixed.onnx mixed_sim.onnx", "mixed_sim.onnx mixed_decomposed.onnx", "mixed.onnx mixed_folded.onnx",
          "mixed_sim.onnx mixed_permuted.onnx", "mixed_sim.onnx mixed_permuted_whole.onnx",
          "densenet.onnx densenet.tflite", "densenet.tflite densenet.onnx", "densenet.onnx densenet_sim.onnx",
          "densenet.onnx densenet_basic.onnx", "densenet.onnx densenet_permuted.onnx",
          "densenet.onnx densenet_permuted_whole.onnx",
          "densenet.onnx densenet_equalized.onnx", "densenet_sim.onnx densenet_renamed.tflite",
          "resnet.onnx resnet_folded.onnx", "resnet.onnx resnet_equalized.onnx", "resnet.onnx resnet_permuted.onnx",
          "resnet.onnx resnet.tflite", "resnet.tflite resnet_equalized.onnx", "resnet_permuted.onnx resnet.tflite",
          "resnet.onnx resnet_permuted_whole.onnx", "resnet_permuted_whole.onnx resnet.tflite"),
    *quantized(KERAS, "mobilenet_v3.onnx mobilenet_v3_float16.tflite",
               "resnet.onnx resnet_float16.tflite"),

    # Recurrent.
    *same(KERAS,
          "lstm.onnx lstm.tflite", "lstm.tflite lstm.onnx", "lstm.onnx lstm_fused.onnx",
          "lstm_fused.onnx lstm_fused_extended.onnx", "gru.onnx gru.tflite", "gru.tflite gru.onnx", "gru.onnx gru_sim.onnx",
          "rnn.onnx rnn_sim.onnx", "rnn.onnx rnn_opset17.onnx"),

    # Keras files, each with what converters made of it, in both directions.
    *same(KERAS, *both_directions(
        "branches.onnx branches.keras", "branches.tflite branches.keras", "branches_sim.onnx branches.keras",
        "dog.onnx dog.h5", "dog.tflite dog.h5", "dog_sim.onnx dog.h5", "dog_permuted_whole.onnx dog.h5",
        "mobilenet_v3.onnx mobilenet_v3.keras", "mobilenet_v3.tflite mobilenet_v3.keras",
        "mobilenet_v3.tflite mobilenet_v3_keras2.h5", "mobilenet_v3.onnx mobilenet_v3_keras2.h5",
        "densenet.onnx densenet.keras", "densenet.tflite densenet.keras", "chain.onnx chain.h5", "chain.tflite chain.h5",
        "vit.onnx vit.keras", "vit.tflite vit.keras", "vit_gelu.tflite vit_gelu.keras",
        "lstm.onnx lstm.keras", "lstm.tflite lstm.keras", "lstm_fused.onnx lstm.keras",
        "gru.onnx gru.keras", "gru.tflite gru.keras")),
    *same(KERAS, "mobilenet_v3.keras mobilenet_v3_keras2.h5"),
    # Made in memory: Keras 3's own export, and tf2onnx' from_keras.
    *same(KERAS, "branches.keras branches_export.onnx", "branches.keras branches_from_keras.onnx"),
    *quantized(KERAS, "branches.keras branches_int8.tflite", "dog.h5 dog_float16.tflite"),

    # SavedModel folders, which the other files of a net were converted from or are beside, in both directions.
    *same(KERAS,
          "branches.keras branches_saved_model", "branches.onnx branches_saved_model", "branches.tflite branches_saved_model",
          "dog.h5 dog_saved_model", "dog.onnx dog_saved_model", "chain.onnx chain_saved_model", "vit.keras vit_saved_model",
          "mobilenet_v3.keras mobilenet_v3_saved_model", "lstm.keras lstm_saved_model", "gru.keras gru_saved_model",
          "densenet.keras densenet_saved_model",
          *(f"{net}_saved_model {net}.{ending}" for ending in ("onnx", "tflite")
            for net in ("branches", "dog", "chain", "vit", "mobilenet_v3", "densenet", "lstm", "gru")),
          "lstm_fused.onnx lstm_fused_saved_model", "lstm_fused_saved_model lstm_fused.onnx"),
    *same(KERAS, *(pair for net in ("branches", "vit", "mobilenet_v3")
                   for pair in (f"{net}_saved_model {net}_frozen.pb", f"{net}_frozen.pb {net}_saved_model"))),
    *same(LITE0, "lite0_nhwc.onnx lite0_saved_model", "lite0_saved_model lite0_nhwc.onnx",
          "lite0_saved_model lite0_float32.tflite"),
    *same(ARRAYS, "pitch_saved_model pitch.onnx", "pitch_saved_model pitch.tflite", order=(2, 1, 0)),

    # PyTorch programs: what old and new exporters made of the same nets, and ports of nets of other formats.
    *same(LITE0, *both_directions("right.onnx lite0.pt2", "lite0_float32.tflite lite0.pt2"),
          "sim.onnx lite0.pt2", "lite0.pt2 lite0_dynamo.onnx", "lite0.pt2 lite0_permuted_whole.tflite"),
    *same(KERAS, *both_directions(
        "resnet.onnx resnet.pt2", "former.onnx former.pt2", "mixed.onnx mixed.pt2", "parts.onnx parts.pt2", "rnn.onnx rnn.pt2",
        "resnet.tflite resnet.pt2", "parts.tflite parts.pt2", "resnet_dynamo.onnx resnet.pt2", "branches.keras branches.pt2",
        "vit.onnx vit.pt2", "mobilenet_v3.tflite mobilenet_v3.pt2", "lstm.keras lstm.pt2", "gru.keras gru.pt2")),
    *same(KERAS,
          "resnet.pt2 resnet_core.pt2", "resnet.pt2 resnet_folded.pt2", "resnet_dynamic.pt2 resnet.onnx",
          "resnet.pt2 resnet_renamed.pt2", "resnet_permuted_whole.onnx resnet.pt2", "resnet_core.pt2 resnet_dynamo.onnx",
          "former.pt2 former_dynamo.onnx", "mixed.pt2 mixed_dynamo.onnx", "mixed_folded.onnx mixed.pt2", "rnn.pt2 rnn_dynamo.onnx",
          "resnet_dynamo.onnx resnet.onnx", "rnn_dynamo.onnx rnn.onnx",
          "branches_saved_model branches.pt2", "branches.pt2 branches.tflite", "dog.h5 dog.pt2", "dog.pt2 dog.tflite",
          "chain.h5 chain.pt2", "chain.pt2 chain.tflite", "vit_saved_model vit.pt2", "mobilenet_v3.keras mobilenet_v3.pt2",
          "densenet.pt2 densenet.tflite"),

    # TorchScript of the same nets: traced, scripted, frozen.
    *same(LITE0, *both_directions("right.onnx lite0_traced.pt", "lite0_float32.tflite lite0_frozen.pt"),
          "sim.onnx lite0_frozen.pt", "lite0.pt2 lite0_traced.pt", "lite0_saved_model lite0_traced.pt"),
    *same(KERAS, *both_directions(
        "resnet.onnx resnet_traced.pt", "resnet.tflite resnet_scripted.pt", "resnet.pt2 resnet_frozen.pt",
        "mixed.onnx mixed_traced.pt", "parts.tflite parts_traced.pt",
        "rnn.onnx rnn_traced.pt", "former.onnx former_traced.pt", "branches.keras branches_traced.pt",
        "mobilenet_v3.tflite mobilenet_v3_traced.pt", "vit_saved_model vit_traced.pt", "lstm.keras lstm_traced.pt",
        "gru.tflite gru_traced.pt")),
    *same(KERAS,
          "resnet_traced.pt resnet_scripted.pt", "resnet_scripted.pt resnet_frozen.pt", "resnet_permuted_whole.onnx resnet_traced.pt",
          "mixed_folded.onnx mixed_frozen.pt", "mixed_frozen.pt mixed_dynamo.onnx", "branches_saved_model branches_frozen.pt",
          "branches_frozen.pt branches.tflite", "chain.h5 chain_frozen.pt", "chain_frozen.pt chain.tflite"),

    # One audio network as its authors ship it.
    *same(ARRAYS, "pitch.onnx pitch.tflite", "pitch.tflite pitch.onnx", "pitch.onnx pitch_sim.onnx",
          "pitch.onnx pitch_extended.onnx"),

    # The onnx package's topologies: with their own constant weights, and with drawn ones.
    *same(IMAGENET, *(f"light_{name}.onnx light_{name}_sim.onnx"
                      for name in ("densenet121", "inception_v1", "shufflenet", "squeezenet"))),
    *same(IMAGENET,
          *(f"seeded_{name}.onnx seeded_{name}_sim.onnx" for name in ("inception_v2", "shufflenet", "squeezenet")),
          *(f"seeded_{name}.onnx seeded_{name}.tflite" for name in ("inception_v2", "shufflenet")),
          "seeded_shufflenet.tflite seeded_shufflenet_sim.onnx",
          "seeded_inception_v2.onnx seeded_inception_v2_extended.onnx",
          "seeded_inception_v2.onnx seeded_inception_v2_batchnorm.onnx"),
]
