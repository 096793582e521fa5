#!/usr/bin/python3
"""Makes the seeds of fuzzing: small good files of every kind that is read.

Usage: make_seeds.py [DIR]. DIR: where the folders of the targets are (default: seeds, beside this file). What is there
and has another name stays.
"""

import gzip
import io
import pathlib
import struct
import sys
import zipfile

import numpy
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "storage/import"))
from made_pictures import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, jpeg_of_scans, png, tiff

RANDOM = numpy.random.default_rng(1)


def samples(bits, channels, height=9, width=13):
    return RANDOM.integers(0, 1 << bits, (height, width, channels))


def picture(mode="RGB", size=(19, 14)):
    values = RANDOM.integers(0, 256, (4, 5, len(mode)), numpy.uint8)
    return Image.fromarray(values.squeeze(), mode).resize(size, Image.BICUBIC)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif.tobytes()


def jpegs():
    inks = encoded(picture().convert("CMYK"), "JPEG")
    begin = inks.index(b"\xff\xee")
    return {"colour": encoded(picture(), "JPEG"), "grey": encoded(picture("L"), "JPEG"), "turned":
            encoded(picture(), "JPEG", exif=turned(6)), "progressive": encoded(picture(), "JPEG", progressive=True),
            "whole": encoded(picture(), "JPEG", subsampling=0, quality=95), "inks": inks, "plain_inks":
            inks[:begin] + inks[begin + 16:], "ycck": inks[:begin + 15] + b"\2" + inks[begin + 16:], "scans": jpeg_of_scans(1),
            "restart": encoded(picture(size=(40, 40)), "JPEG", quality=20, restart_marker_blocks=1), "profile":
            encoded(picture(size=(3, 3)), "JPEG", icc_profile=bytes(50), comment=b"words")}


def pngs():
    plte, clear = (b"PLTE", samples(8, 3, 1, 16).astype(numpy.uint8).tobytes()), (b"tRNS", bytes((0, 128, 255)))
    made = {f"{name}_{bits}{'_interlaced' * lines}": png(samples(bits, channels), bits, kind, lines, chunks)
            for name, kind, channels, depths, chunks in (
                ("grey", GREY, 1, (1, 2, 16), ()), ("colour", COLOUR, 3, (8, 16), ()), ("grey_alpha", GREY_ALPHA, 2, (8,), ()),
                ("colour_alpha", COLOUR_ALPHA, 4, (8, 16), ()), ("palette", PALETTE, 1, (4,), (plte, clear)),
                ("transparent", GREY, 1, (4,), ((b"tRNS", b"\0\1"),)), ("clear", COLOUR, 3, (8,), ((b"tRNS", bytes(6)),)))
            for bits in depths for lines in (False, True)}
    return {**made, "turned": encoded(picture(), "PNG", exif=turned(8)), "text": png(samples(8, 1), 8, GREY, False, (
        (b"tEXt", b"Title\0words"), (b"gAMA", struct.pack(">I", 45455)), (b"sBIT", b"\5"), (b"pHYs", bytes(9))))}


def webps():
    return {"lossless": encoded(picture(), "WEBP", lossless=True), "lossy": encoded(picture(), "WEBP", quality=50),
            "alpha": encoded(picture("RGBA"), "WEBP", quality=50), "lossless_alpha": encoded(picture("RGBA"), "WEBP",
            lossless=True), "turned": encoded(picture(), "WEBP", exif=turned(5)), "moving":
            encoded(picture(), "WEBP", save_all=True, append_images=[picture()])}


def pnms():
    return {"plain_bits": b"P1\n# two lines\n4 2\n0 1 0 1\n1010\n", "plain_grey": b"P2 3 2 7\n0 1 2\n3 5 7\n",
            "plain_colour": b"P3\n2 1\n255\n255 0 0  0 128 255\n", "bits": encoded(picture("L").convert("1"), "PPM"),
            "grey": encoded(picture("L"), "PPM"), "deep": b"P5 2 1 65535\n\x01\x02\xff\xfe", "colour": encoded(picture(), "PPM"),
            "pam": b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(8)}


def tiffs():
    made = {f"{name}_{bits}{'_planes' * separate}{'_tiles' * bool(tile)}":
            tiff(samples(bits, channels), bits, kind, separate=separate, tile=tile, order=order, extra=extra)
            for name, bits, kind, channels, extra in (("grey", 8, 1, 1, None), ("white", 16, 0, 1, None), ("colour", 8, 2, 3, None),
                                                      ("alpha", 16, 2, 4, 2), ("ready", 8, 2, 4, 1))
            for separate, tile, order in ((False, None, "<"), (True, (16, 16), ">"))}
    colours = [(320, 3, list(range(0, 65280, 85)))]
    with_methods = {name: encoded(picture(), "TIFF", compression=name)
                    for name in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "tiff_lzma", "webp", "zstd")}
    fax = {name: encoded(picture("L", (33, 9)).convert("1"), "TIFF", compression=name) for name in ("group3", "group4")}
    return {**made, **with_methods, **fax, "palette": tiff(samples(8, 1), 8, 3, more=colours), "bits": tiff(samples(2, 1), 2, 1),
            "deflate": tiff(samples(8, 3), 8, 2, deflate=True, more=[(274, 3, [6])]), "inks":
            encoded(picture().convert("CMYK"), "TIFF"), "turned": encoded(picture(), "TIFF", tiffinfo={274: 7})}


def exifs():
    block = turned(6)[6:]
    return {"big" if block[:2] == b"MM" else "little": block, "other": b"II*\0\x08\0\0\0\x01\0\x12\x01\3\0\1\0\0\0\3\0\0\0\0\0\0\0"}


def array(values):
    file = io.BytesIO()
    numpy.save(file, values)
    return file.getvalue()


def npys():
    made = {f"{kind}_{values.ndim}": array(values.astype(kind)) for kind in ("u1", "i2", "u4", "i8", "f4", "f8", "?")
            for values in (samples(8, 1, 2, 3), samples(1, 1)[0, :3, 0])}
    wide = array(samples(8, 1).astype("u1"))
    return {**made, "version_2": wide[:6] + b"\2\0" + struct.pack("<I", len(wide) - 12) + wide[10:], "objects":
            b"\x93NUMPY\1\0\x36\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), } "}


def npzs():
    made = {}
    for name, labels in (("classes", numpy.arange(4) % 3), ("labels", samples(1, 1, 4, 3)[..., 0]), ("numbers", RANDOM.normal(
            size=(4, 2)))):
        for method, images in ((zipfile.ZIP_STORED, samples(8, 2, 4, 3).astype("u1")), (zipfile.ZIP_DEFLATED,
                                                                                     samples(8, 2, 4, 3) / 255)):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", method) as archive:
                for part in ("train", "test"):
                    archive.writestr(zipfile.ZipInfo(f"{part}_images.npy"), array(images[:, None]), method)
                    with archive.open(zipfile.ZipInfo(f"{part}_labels.npy"), "w", force_zip64=True) as member:
                        member.write(array(labels))
            made[f"{name}_{method}"] = file.getvalue()
    return made


def idxs():
    def idx(*shape):
        return b"\0\0\x08" + bytes((len(shape),)) + struct.pack(f">{len(shape)}I", *shape) + bytes(numpy.prod(shape))
    return {"labels": idx(9), "images": idx(3, 4, 5), "colour": idx(2, 3, 2, 3), "gzip": gzip.compress(idx(3, 4, 5), mtime=0)}


def tables():
    return {"plain": b"a,b\n1,2\n3,4\n", "quoted": b"\xef\xbb\xbfa;\"b \"\"c\"\"\"\r\n1;\"x\r\ny;z\"\r\n\n", "tabs": b"a\tb\tc\n1\t\t-2.5e3\n",
            "wide": "a,b\n1,2\n".encode("utf-16"), "one": b"name\nx\ny\n"}


def cifars():
    rows = RANDOM.integers(0, 256, (3, 3074)).astype(numpy.uint8)
    rows[:, :2] = 1
    return {"three": b"cat\ndog\n\r\nowl\n--\n" + rows.tobytes(), "one": b"cat\nb\n--\n" + rows[:1].tobytes()}


def lists():
    return {"classes": b"file,kind,x,part\na.png,cat,1,train\nb.png,dog,0,test\nnone.png,cat,0,val\n",
            "numbers": b"file,x,y,part\na.png,1,0,train\nb.png,0,1,val\n", "names": b"file;x;y\na.png;cat;1\nb.png;dog;0\n"}


def texts():
    return {"two": b"kind,text\na,Hello World\nb,\"caf\xc3\xa9, \"\"x\"\"\"\na,\n", "tabs": b"kind\ttext\n1\tone\n10\tten\n2\ttwo\n"}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "seeds"
    for target, seeds in (("jpeg", jpegs()), ("png", pngs()), ("webp", webps()), ("pnm", pnms()), ("tiff", tiffs()),
                          ("exif", exifs()), ("npy", npys()), ("npz", npzs()), ("idx", idxs()), ("table", tables()),
                          ("cifar", cifars()), ("list", lists()), ("text", texts())):
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / target / name.replace("?", "bool")).write_bytes(content)


if __name__ == "__main__":
    main()
