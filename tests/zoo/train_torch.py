"""The classifier of train_keras.py as one writes it in PyTorch, trained there:
train_torch.py PICTURES.npz --program FILE.pt2 --onnx FILE --free-onnx FILE

The program has a free batch, and so has the second ONNX file, which is made of it; the first has a batch of one and is of the
older exporter, for onnx2torch does not know the ReduceMean that the newer one writes. Pads are symmetric here, where
TensorFlow's are not.
"""

import argparse
import contextlib
import sys
import warnings

import numpy
import torch
from torch import nn
from torch.nn import functional

SEED, EPOCHS, BATCH = 20264, 10, 17
NAMES = {"input_names": ["image"], "output_names": ["shows"]}
BLOCKS = [(12, 12, 1), (12, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1)]  # inputs, outputs, stride


def conv_bn(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.expand, self.project = conv_bn(inputs, 2 * inputs, 1), conv_bn(2 * inputs, outputs, 1)
        self.depthwise = conv_bn(2 * inputs, 2 * inputs, 3, stride, 2 * inputs)
        self.is_residual = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.project(functional.relu6(self.depthwise(functional.relu(self.expand(x)))))
        return x + y if self.is_residual else y


class Classifier(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = conv_bn(3, 12, 3, 2)
        self.blocks = nn.Sequential(*(Block(*size) for size in BLOCKS))
        self.last, self.head = conv_bn(24, 32, 1), nn.Linear(32, classes)

    def forward(self, image):
        x = functional.max_pool2d(functional.relu(self.stem(image)), 3, 2, 1)
        x = functional.relu(self.last(self.blocks(x)))
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1)).softmax(1)


def logits(model, images):
    """Of the answers, whose softmax is that of the logits again."""
    return model(images).clamp_min(1e-9).log()


def train(model, images, labels):
    draw = torch.Generator().manual_seed(SEED)
    # Smoothed labels: without, the answers would be 0 and 1, and most faults without an effect on them.
    optimizer, loss = torch.optim.Adam(model.parameters(), 0.01), nn.CrossEntropyLoss(label_smoothing=0.1)
    model.train()
    for _ in range(EPOCHS):
        for some in torch.randperm(len(images), generator=draw).split(BATCH):
            optimizer.zero_grad()
            loss(logits(model, images[some]), labels[some]).backward()
            optimizer.step()
    return model.eval()


def to_input(images):
    return torch.from_numpy(images.astype(numpy.float32) / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


def write_onnx(model, program, sample, path, free_path):
    with contextlib.redirect_stdout(sys.stderr):  # it prints its progress
        torch.onnx.export(model, (sample,), path, dynamo=False, opset_version=17, **NAMES)
        torch.onnx.export(program, None, dynamo=True, opset_version=18, external_data=False, **NAMES).save(free_path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures")
    for name in ("program", "onnx", "free-onnx"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # two are slower at this size, and sum in another order each time
    data = numpy.load(options.pictures)
    model = train(Classifier(int(data["labels"].max()) + 1), to_input(data["images"]), torch.from_numpy(data["labels"]))
    with torch.no_grad():
        right = (model(to_input(data["held_images"])).argmax(1).numpy() == data["held_labels"]).mean()
    print(f"{right:.0%} of crops right that it was not trained on")
    if right < 0.8:
        raise SystemExit("the classifier has not learned enough")
    side = data["images"].shape[1]
    one, two = torch.zeros(1, 3, side, side), torch.zeros(2, 3, side, side)  # a batch of one counts as a fixed one
    program = torch.export.export(model, (two,), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False)
    torch.export.save(program, options.program)
    write_onnx(model, program, one, options.onnx, options.free_onnx)


if __name__ == "__main__":
    main()
