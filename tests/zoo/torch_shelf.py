"""Known architectures with drawn numbers, for what operators a reader has to know: torch_shelf.py NET OUT.pt2

Those of torchvision, and two of our own: an encoder of text as BERT is built, with PyTorch's own attention, and a classifier of
sequences with an LSTM of two layers. Both read the numbers of tokens.
"""

import argparse
import warnings

import torch
import torchvision
from torch import nn

from torch_nets import draw_parameters

SEED, WORDS, LENGTH = 20263, 500, 32
SIDES = {"mobilenet_v2": 224, "mobilenet_v3_small": 224, "resnet18": 224, "inception_v3": 299, "densenet121": 224,
         "efficientnet_b0": 224, "vit_b_16": 224}


class Bert(nn.Module):
    def __init__(self, width=64, heads=4, depth=2):
        super().__init__()
        self.tokens, self.places = nn.Embedding(WORDS, width, padding_idx=0), nn.Embedding(LENGTH, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.pool, self.head = nn.Linear(width, width), nn.Linear(width, 10)
        self.register_buffer("positions", torch.arange(LENGTH))

    def forward(self, tokens):
        x = self.norm(self.tokens(tokens) + self.places(self.positions))
        x = self.encoder(x, src_key_padding_mask=tokens == 0)
        return self.head(torch.tanh(self.pool(x[:, 0])))


class LstmClassifier(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.tokens = nn.Embedding(WORDS, width)
        self.lstm = nn.LSTM(width, width, num_layers=2, batch_first=True, dropout=0.2)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, tokens):
        states, (last, _) = self.lstm(self.tokens(tokens))
        return self.head(self.norm(last[-1] + states.mean(1)))


OWN = {"bert": Bert, "lstm_classifier": LstmClassifier}


def build(name):
    """Statistics of normalization are drawn too: to measure them would take minutes."""
    torch.manual_seed(SEED)
    if name in OWN:
        model, sample = OWN[name](), torch.arange(LENGTH)[None] % 29
    else:
        extra = {"init_weights": False} if name == "inception_v3" else {}
        model = getattr(torchvision.models, name)(weights=None, **extra)
        sample = torch.randn(1, 3, SIDES[name], SIDES[name])
    with torch.no_grad():
        draw_parameters(model)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.6, 1.4)
    return model.eval(), sample


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("net", choices=[*SIDES, *OWN])
    parser.add_argument("output")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model, sample = build(options.net)
    program = torch.export.export(model, (sample,), strict=False)
    torch.export.save(program, options.output)
    with torch.no_grad():
        difference = (torch.export.load(options.output).module()(sample) - model(sample)).abs().max().item()
    print(f"{options.net}: largest difference {difference:.3g}")
    if not difference < 1e-4:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
