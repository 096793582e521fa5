#!/usr/bin/python3
"""Makes augmentation.fixture: what torchvision makes of an image, called with the same numbers. README.md says how."""
import torch
import torchvision.transforms.functional as F
from torchvision.transforms import InterpolationMode

from fixture import float32, write_fixture

CHANNELS, HEIGHT, WIDTH = 3, 9, 7
MARGIN = 20  # the edge is looked at no farther away

torch.manual_seed(20240301)


def image():
    """Shares of 255: noise, with greys, black and white among it."""
    levels = torch.randint(0, 256, (CHANNELS, HEIGHT, WIDTH)).to(torch.float64)
    levels[:, 2, :] = levels[0, 2, :]
    levels[:, 3, :3], levels[:, 3, 3:] = 0, 255
    levels[:, 4, 0] = torch.tensor([200.0, 200.0, 100.0])
    levels[:, 4, 1] = torch.tensor([100.0, 200.0, 200.0])
    levels[:, 4, 2] = torch.tensor([200.0, 100.0, 200.0])
    return float32(levels / 255)


def affine(picture, degrees, right, down, scale, shear):
    return F.affine(picture, degrees, [right, down], scale, [shear, 0.0], interpolation=InterpolationMode.BILINEAR)


def affine_with_edge(picture, *numbers):
    """In an image that its edge pixels make larger on all sides, and whose middle is the same."""
    large = F.affine(F.pad(picture, [MARGIN] * 4, padding_mode="edge"), numbers[0], list(numbers[1:3]), numbers[3],
                     [numbers[4], 0.0], interpolation=InterpolationMode.BILINEAR)
    return F.crop(large, MARGIN, MARGIN, HEIGHT, WIDTH)


def main():
    picture = image()
    arrays = {"image": picture}
    for name, change, numbers in (("brightness", F.adjust_brightness, (0.4, 1.7)),
                                  ("contrast", F.adjust_contrast, (0.4, 1.7)),
                                  ("saturation", F.adjust_saturation, (0.0, 1.7)),
                                  ("hue", F.adjust_hue, (-0.5, -0.21, 0.13, 0.4))):
        for number in numbers:
            arrays[f"{name}({number:g})"] = change(picture, number)
    arrays["grey_contrast(0.4)"] = F.adjust_contrast(picture[:1], 0.4)
    for numbers in ((30, 0, 0, 1, 0), (0, 0.5, -1.25, 1, 0), (0, 0, 0, 0.6, 0), (0, 0, 0, 1, 25),
                    (-160, 1.5, 2.25, 1.3, -20)):
        text = ",".join(f"{number:g}" for number in numbers)
        arrays[f"affine({text})"] = affine(picture, *map(float, numbers))
    arrays[f"affine_with_edge({text})"] = affine_with_edge(picture, *map(float, numbers))
    for window in ((0, 0, HEIGHT, WIDTH), (3, 2, 5, 4), (1, 4, 7, 1)):
        text = ",".join(map(str, window))
        arrays[f"resized_crop({text})"] = F.resized_crop(picture, *window, [HEIGHT, WIDTH], InterpolationMode.BILINEAR)
    write_fixture("augmentation.fixture", arrays)


if __name__ == "__main__":
    main()
