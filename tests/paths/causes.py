"""Why rows were missed; docs/paths.md prints it behind the row. KNOWN: shown by a mended build, or by the row itself. LIKELY: what the
row's entries and the code suggest, and nobody has looked into yet."""

# Words of the row's name: why.
KNOWN = {
    "saved_model_to_torch.pt2 | pool-window": "the pool's own pads were set to the source's, though a Pad before it lays them already. "
                                              "Mended after this run: the later build repairs this row",
    "keras_to_onnx.onnx | 3 faults | seed 3": "all are mended; an exchanged pair of operators is told as one that is missing, at the operator "
                                              "before the pair, and one too many",
    "tflite_to_saved_model | 3 faults | seed 14": "all are mended; entries name other operators than one of the planted ones",
    "onnx_to_saved_model | 3 faults | seed 19": "all that shows is mended; two of the three places are named",
}
LIKELY = {
    "saved_model_to_saved_model | subgraph-frozen": "an operand is fixed numbers, and what computed it is no live operator any more",
    "classifier_saved_model | 3 faults | seed 1": "a GatherV2 that shuffles channels lies inside of a normalization, and within a longer piece "
                                                  "only activation functions and casts are taken out",
    "keras_to_torch.pt2 | 3 faults | seed 5": "alpha of an addition is seen as a Mul before it, which can't be taken out of the file's operator",
    "onnx_to_tflite.tflite | 3 faults | seed 18": "a repeated depthwise convolution is taken for one of a wrong group",
    "tflite_to_torch.pt2 | 3 faults | seed 16": "the fill value of a Pad is not among what is set",
}


def because(name):
    for word, causes in (("Cause", KNOWN), ("Likely cause, not looked into", LIKELY)):
        for words, cause in causes.items():
            if words in name:
                return f" {word}: {cause}."
    return " Cause not looked into."
