"""The small classifier in every format, by every ordered pair of them: one file of each format as the source, and what real
converters make of it. make_models.py --set paths; tests/paths runs them.

Sources: classifier.keras was trained in Keras; its export and its TFLite file are classifier_saved_model and classifier.tflite.
classifier.pt2 was trained in PyTorch; classifier.onnx is its export. What one path leaves on its way to another format is an
input like any other.
"""

from recipes import Recipe, converted, from_saved_model, from_tflite, held, in_memory, optimized, ported, python, rewritten, to_keras, \
    to_tflite, torch


def trained():
    pictures = "{models}/classifier_pictures.npz"
    return [
        Recipe("paths", ["classifier_pictures.npz"], [], [python("classifier_pictures.py", "OUT:classifier_pictures.npz")]),
        Recipe("paths", ["classifier.keras", "classifier_saved_model"], ["classifier_pictures.npz"], [
            python("train_keras.py", pictures, "--keras", "OUT:classifier.keras", "--saved-model", "OUT:classifier_saved_model")]),
        Recipe("paths", ["classifier.pt2", "classifier.onnx", "torch_to_onnx.onnx"], ["classifier_pictures.npz"], [
            torch("train_torch.py", pictures, "--program", "OUT:classifier.pt2", "--onnx", "OUT:classifier.onnx",
                  "--free-onnx", "OUT:torch_to_onnx.onnx")]),
        converted("classifier_saved_model", "classifier.tflite"),
    ]


def to_saved_model(source, name):
    """onnx2tf."""
    return Recipe("paths", [name], [source], [python("onnx_to_tflite.py", "{models}/" + source, "--saved-model", f"OUT:{name}")])


def by_onnx2tf(source, stem):
    """Of one ONNX file what onnx2tf makes: a TFLite file, a SavedModel, a Keras 2 file."""
    return [to_tflite(source, f"{stem}_to_tflite.tflite"), to_saved_model(source, f"{stem}_to_saved_model"),
            to_keras(source, f"{stem}_to_keras.h5")]


def decomposed_program(source, name):
    return Recipe("paths", [name], [source], [torch("core_program.py", "{models}/" + source, f"OUT:{name}"), held(source, name)])


PATHS = [recipe._replace(set="paths") for recipe in [
    *trained(),

    converted("classifier.keras", "keras_to_tflite.tflite"),
    in_memory("classifier.keras", "keras_to_onnx.onnx", "tf2onnx"),
    ported("keras_to_onnx.onnx", "keras_to_torch.pt2"),
    in_memory("classifier.keras", "keras_export.onnx", "export"),
    rewritten("keras_resave.py", "classifier.keras", "keras_to_keras.h5"),

    from_saved_model("classifier_saved_model", "saved_model_to_onnx.onnx", "--inputs-as-nchw", "image"),
    ported("saved_model_to_onnx.onnx", "saved_model_to_torch.pt2"),
    *by_onnx2tf("saved_model_to_onnx.onnx", "saved_model")[1:],
    rewritten("freeze_graph.py", "classifier_saved_model", "saved_model_frozen.pb"),

    from_tflite("paths", "classifier.tflite", "tflite_to_onnx.onnx"),
    from_tflite("paths", "classifier.tflite", "tflite_nchw.onnx", "--inputs-as-nchw", "serving_default_image:0"),
    ported("tflite_to_onnx.onnx", "tflite_to_torch.pt2"),
    *by_onnx2tf("tflite_nchw.onnx", "tflite"),

    ported("classifier.onnx", "onnx_to_torch.pt2"),
    *by_onnx2tf("classifier.onnx", "onnx"),
    optimized("classifier.onnx", "onnx_to_onnx.onnx", "extended"),

    *by_onnx2tf("torch_to_onnx.onnx", "torch"),
    decomposed_program("classifier.pt2", "torch_to_torch.pt2"),

    # Wrong by themselves (tests/paths/natural.py).
    Recipe("paths", ["natural_names.pt2"], ["tflite_to_onnx.onnx"], [
        python("fix_shapes.py", "{models}/tflite_to_onnx.onnx", "fixed.onnx"),
        ["{python}", "-m", "onnxsim", "fixed.onnx", "simplified.onnx"],
        torch("torch_port.py", "simplified.onnx", "OUT:natural_names.pt2", "--keep-names")]),
    to_tflite("keras_to_onnx.onnx", "natural_layout.tflite"),
    rewritten("concrete_tflite.py", "classifier.keras", "natural_variables.tflite"),
]]
