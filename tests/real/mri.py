"""The T1 MRI of one head in Debian's package mricron-data, with the regions of the AAL atlas, as slices to import.

  apt-get download mricron-data && dpkg -x mricron-data_*.deb data/mricron
  python3 tests/real/mri.py data/mricron data/mri

writes slices/z084.png (grey), masks/z084.png (a palette; its indices are the classes), class_names.txt and slices.csv
(image, mask, split) of the axial slices that have any region. Classes: the background, which has the other regions too,
and the ten largest regions that the test slices show; left and right are two. Neighbouring slices are nearly the same
picture: so whole slabs are validation and test, and the slices next to them are in no split.
The format is NIfTI-1 (nifti.nimh.nih.gov/nifti-1), gzipped.
"""

import csv
import gzip
import pathlib
import struct
import sys

import numpy
from PIL import Image

VALIDATION, TEST = range(112, 124), range(84, 96)
GAP = 4  # slices on each side of them
REGIONS = 10
TYPES = {2: "u1", 4: "i2", 512: "u2"}


def volume(folder, name):
    """The values of a file, (z, y, x), from the feet, the back and the left."""
    path = next(pathlib.Path(folder).rglob(name), None)
    if path is None:
        raise SystemExit(f"{folder}: has no {name}: expected the package mricron-data, unpacked")
    data = gzip.decompress(path.read_bytes())
    order = "<" if struct.unpack_from("<i", data)[0] == 348 else ">"
    if struct.unpack_from(f"{order}i", data)[0] != 348 or data[344:348] != b"n+1\0":
        raise SystemExit(f"{path}: is no NIfTI-1 file: expected a header of 348 bytes that ends with n+1")
    dimensions, width, height, depth = struct.unpack_from(f"{order}4h", data, 40)
    kind, = struct.unpack_from(f"{order}h", data, 70)
    start, slope, shift = struct.unpack_from(f"{order}3f", data, 108)
    if dimensions != 3 or kind not in TYPES or slope not in (0, 1) or shift != 0:
        raise SystemExit(f"{path}: has {dimensions} dimensions of type {kind}, scaled by {slope} + {shift}: expected 3 of "
                         f"one of the types {list(TYPES)}, not scaled")
    values = numpy.frombuffer(data, order + TYPES[kind], depth * height * width, int(start))
    return values.reshape(depth, height, width)


def region_names(folder):
    path = next(pathlib.Path(folder).rglob("aal.nii.txt"))
    return {int(line.split()[0]): line.split()[1] for line in path.read_text().splitlines() if line.strip()}


def split_of(z):
    """None: too near to a slab that is held out."""
    for name, slab in (("validation", VALIDATION), ("test", TEST)):
        if z in slab:
            return name
        if slab.start - GAP <= z < slab.stop + GAP:
            return None
    return "train"


def palette(classes):
    """Colours as other atlases have them: none for the background, far apart for the others."""
    colours = [(0, 0, 0)] + [tuple(int(c) for c in Image.new("HSV", (1, 1), (i * 255 // classes, 200, 230)).convert("RGB")
                                   .getpixel((0, 0))) for i in range(classes - 1)]
    return [value for colour in colours for value in colour]


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    head, regions = volume(sys.argv[1], "ch2.nii.gz"), volume(sys.argv[1], "aal.nii.gz")
    if head.shape != regions.shape:
        raise SystemExit(f"the head is {head.shape} voxels, its regions {regions.shape}: expected the same grid")
    names = region_names(sys.argv[1])
    sizes = numpy.bincount(regions.ravel())
    shown = [region for region in numpy.unique(regions[TEST.start:TEST.stop]) if region > 0]
    largest = sorted(sorted(shown, key=lambda region: -sizes[region])[:REGIONS])
    class_of = numpy.zeros(len(sizes), numpy.uint8)
    class_of[largest] = numpy.arange(1, REGIONS + 1)

    out = pathlib.Path(sys.argv[2])
    rows = []
    for z in range(len(head)):
        if split_of(z) is None or not regions[z].any():
            continue
        rows.append((f"slices/z{z:03}.png", f"masks/z{z:03}.png", split_of(z)))
        mask = Image.fromarray(class_of[regions[z, ::-1]], "P")  # the face is up, the left is left
        mask.putpalette(palette(REGIONS + 1))
        for name, picture in zip(rows[-1], (Image.fromarray(head[z, ::-1].astype(numpy.uint8)), mask)):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            picture.save(out / name)
    (out / "class_names.txt").write_text("".join(f"{name}\n" for name in ["background", *(names[i] for i in largest)]))
    with open(out / "slices.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "mask", "split"), *rows])
    counts = {split: sum(row[2] == split for row in rows) for split in ("train", "validation", "test")}
    print(f"{out}: {counts}; {', '.join(f'{names[i]} ({sizes[i]} voxels)' for i in largest)}")


if __name__ == "__main__":
    main()
