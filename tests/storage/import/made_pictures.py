"""PNG and TIFF files of the kinds that Pillow does not write, made from arrays (height, width, samples)."""

import struct
import zlib

import numpy

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6  # colour types of PNG
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def packed(line, bits, order):
    """A line of samples as it is stored."""
    if bits >= 8:
        return line.astype(f"{order}u{bits // 8}").tobytes()
    digits = (line.reshape(-1, 1) >> numpy.arange(bits - 1, -1, -1)) & 1
    return numpy.packbits(digits.astype(numpy.uint8)).tobytes()


def png(values, bits, colour_type, interlaced=False, chunks=()):
    """`chunks`: (name, content) before the pixels, such as PLTE and tRNS."""
    height, width = values.shape[:2]
    parts = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [values]
    lines = b"".join(b"\0" + packed(line, bits, ">") for part in parts if part.size for line in part)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in (
        (b"IHDR", header), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")))


def pieces(values, height, width):
    """Rectangles of this size, from the left to the right, from the top to the bottom; the last ones padded by zeros."""
    for top in range(0, values.shape[0], height):
        for left in range(0, values.shape[1], width):
            part = values[top:top + height, left:left + width]
            yield numpy.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)))


def tiff(values, bits, photometric, *, separate=False, tile=None, strip=7, extra=None, order="<", deflate=False, more=()):
    """`extra`: what the last sample is (0: nothing said, 1: associated alpha, 2: alpha); `more`: (tag, type, value)."""
    height, width, samples = values.shape
    parts = []
    for plane in (numpy.split(values, samples, 2) if separate else [values]):
        if tile:
            parts += pieces(plane, *tile)
        else:
            parts += [plane[top:top + strip] for top in range(0, height, strip)]
    contents = [b"".join(packed(line, bits, order) for line in part) for part in parts]
    if deflate:
        contents = [zlib.compress(content) for content in contents]
    offsets = [8 + sum(map(len, contents[:i])) for i in range(len(contents))]
    short, long = 3, 4
    fields = [(256, long, [width]), (257, long, [height]), (258, short, [bits] * samples),
              (259, short, [8 if deflate else 1]), (262, short, [photometric]), (277, short, [samples]),
              (284, short, [2 if separate else 1]), (324 if tile else 273, long, offsets),
              (325 if tile else 279, long, list(map(len, contents))), *more]
    fields += [(322, long, [tile[1]]), (323, long, [tile[0]])] if tile else [(278, long, [strip])]
    if extra is not None:
        fields.append((338, short, [extra]))
    body = b"".join(contents) + b"\0" * (sum(map(len, contents)) % 2)
    directory = b""
    far = b""
    far_at = 8 + len(body) + 2 + 12 * len(fields) + 4
    for tag, kind, numbers in sorted(fields):
        content = struct.pack(f"{order}{len(numbers)}{'H' if kind == short else 'I'}", *numbers)
        if len(content) > 4:
            content, far = struct.pack(f"{order}I", far_at + len(far)), far + content
        directory += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (mark + struct.pack(f"{order}I", 8 + len(body)) + body + struct.pack(f"{order}H", len(fields)) + directory +
            struct.pack(f"{order}I", 0) + far)


def jpeg_segment(mark, content):
    return bytes((0xff, mark)) + struct.pack(">H", len(content) + 2) + content


def jpeg_of_scans(components):
    """A grey picture of 8 x 8 pixels: progressive, with a scan for each coefficient of each component. All are zero."""
    def scan(of, band):
        # One block a component, the one code of a bit for each; the rest of the byte is ones.
        data = (0xff >> len(of)).to_bytes(1, "big")
        places = b"".join(bytes((i, 0)) for i in of)
        return jpeg_segment(0xda, bytes((len(of),)) + places + bytes((band, band, 0))) + data

    every = range(1, components + 1)
    one_code = bytes((1, *[0] * 15, 0))
    frame = struct.pack(">BHHB", 8, 8, 8, components) + b"".join(bytes((i, 0x11, 0)) for i in every)
    return (b"\xff\xd8" + jpeg_segment(0xdb, bytes((0, *[1] * 64))) + jpeg_segment(0xc2, frame) +
            jpeg_segment(0xc4, bytes((0x00,)) + one_code) + jpeg_segment(0xc4, bytes((0x10,)) + one_code) + scan(every, 0) +
            b"".join(scan((i,), band) for band in range(1, 64) for i in every) + b"\xff\xd9")
