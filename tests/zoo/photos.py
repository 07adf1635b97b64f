"""Photographs for tests: the ones that the scikit-image and scikit-learn wheels ship, and crops of them.

Why these: the project commits no picture, and a test needs real ones whose license is known. The table below names each
file, what it shows and its license. Originals stay byte for byte as shipped (gray PNGs too: a reader has to take those);
only GIF and TIFF become PNG. Derived pictures are named ORIGINAL@K.png, so that a split by original picture can group them.

The wheels are read as files: neither package is imported (both are installed without their dependencies).
"""

import argparse
import random
import shutil
import sysconfig
from pathlib import Path

from PIL import Image

SKIMAGE = "skimage/data"
SKLEARN = "sklearn/datasets/images"
CC0, PUBLIC, CC_BY = "CC0", "public domain", "CC BY 2.0"

# (folder, file, what it shows, license). The first eight are photographs of things that ImageNet has classes for.
PHOTOGRAPHS = [
    (SKIMAGE, "coffee.png", "espresso", CC0),
    (SKIMAGE, "camera.png", "cameraman", CC0),
    (SKIMAGE, "chelsea.png", "cat", CC0),
    (SKIMAGE, "rocket.jpg", "rocket", PUBLIC),
    (SKIMAGE, "astronaut.png", "astronaut", PUBLIC),
    (SKIMAGE, "clock_motion.png", "clock", PUBLIC),
    (SKLEARN, "flower.jpg", "daisy", CC_BY),   # by vultilion
    (SKLEARN, "china.jpg", "palace", CC_BY),   # by danielbuechele
]
TEXTURES = [
    (SKIMAGE, "brick.png", "brick-wall", CC0),
    (SKIMAGE, "grass.png", "grass", CC0),
    (SKIMAGE, "gravel.png", "gravel", CC0),
    (SKIMAGE, "cell.png", "cell", CC0),
    (SKIMAGE, "microaneurysms.png", "microaneurysms", CC0),
    (SKIMAGE, "horse.png", "horse-silhouette", CC0),
    (SKIMAGE, "retina.jpg", "retina", CC0),
    (SKIMAGE, "text.png", "text", PUBLIC),
    (SKIMAGE, "hubble_deep_field.jpg", "galaxies", PUBLIC),
]
# Shipped with the wheel without a license of their own that we know: for local measurements, never to be passed on.
OTHERS = [(SKIMAGE, name, shows, "see scikit-image") for name, shows in [
    ("chessboard_GRAY.png", "chessboard-gray"), ("chessboard_RGB.png", "chessboard"), ("coins.png", "coins"),
    ("color.png", "color-wheel"), ("ihc.png", "stained-tissue"), ("logo.png", "snake-logo"), ("moon.png", "moon"),
    ("motorcycle_left.png", "motorcycle-left"), ("motorcycle_right.png", "motorcycle-right"), ("page.png", "page"),
    ("phantom.png", "phantom"), ("multipage.tif", "gradient-gray"), ("multipage_rgb.tif", "gradient"),
    ("no_time_for_that_tiny.gif", "bird-animation")]]
SETS = {"photographs": PHOTOGRAPHS, "licensed": PHOTOGRAPHS + TEXTURES, "all": PHOTOGRAPHS + TEXTURES + OTHERS}


def copy_originals(table, output):
    """Returns the written paths, in table order."""
    packages = Path(sysconfig.get_paths()["purelib"])
    written = []
    for folder, file, shows, _ in table:
        source = packages / folder / file
        if source.suffix in (".gif", ".tif"):
            target = output / f"{shows}.png"
            Image.open(source).convert("RGB").save(target)
        else:
            target = output / f"{shows}{source.suffix}"
            shutil.copyfile(source, target)
        written.append(target)
    return written


def derive(original, number):
    """A crop of 55-95 % of each side, flipped half of the time: the same picture for the same name and number."""
    draw = random.Random(f"{original.stem}@{number}")
    image = Image.open(original).convert("RGB")
    width, height = (round(side * draw.uniform(0.55, 0.95)) for side in image.size)
    left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    image = image.crop((left, top, left + width, top + height))
    if draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # 320 is above the 256 that preprocessing wants, and keeps a hundred of them small.
    shrink = 320 / min(image.size)
    if shrink < 1:
        image = image.resize([round(side * shrink) for side in image.size], Image.Resampling.LANCZOS)
    return image


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--set", choices=SETS, default="photographs")
    parser.add_argument("--derived", type=int, default=0, metavar="N", help="N crops and flips in all, spread over the originals")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    table = SETS[options.set]
    originals = copy_originals(table, options.output)
    for path, (folder, file, _, license_name) in zip(originals, table):
        print(f"{path.name}\t{license_name}\t{folder}/{file}")
    for index in range(options.derived):
        original, number = originals[index % len(originals)], index // len(originals) + 1
        derive(original, number).save(options.output / f"{original.stem}@{number}.png")
    print(f"{len(originals)} originals, {options.derived} derived")


if __name__ == "__main__":
    main()
