"""Amazon's food reviews in Debian's package r-cran-modeldata as train.csv and test.csv (product, score, review), without R.

  apt-get download r-cran-modeldata && dpkg -x r-cran-modeldata_*.deb modeldata
  python3 tests/real/food_reviews.py modeldata data/food_reviews

The format is R's serialization (R Internals, 1.8): big-endian, items of a flag word and what it says follows.
"""

import bz2
import csv
import gzip
import lzma
import pathlib
import struct
import sys
import zlib

SYMBOL, PAIRLIST, CHARS, LOGICAL, INTEGER, REAL, STRINGS, LIST = 1, 2, 9, 10, 13, 14, 16, 19
REFERENCE, NIL, GLOBAL, COMPACT = 255, 254, 253, 238


class Reader:
    def __init__(self, data):
        self.data, self.at, self.known = data, 0, []
        if data[:2] != b"X\n":
            raise SystemExit("no serialized R object in XDR: expected X and a new line")
        self.at = 2
        version = self.numbers("i", 3)[0]
        if version == 3:
            self.bytes(self.numbers("i", 1)[0])  # the encoding
        elif version != 2:
            raise SystemExit(f"a serialization of version {version}: expected 2 or 3")

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def numbers(self, kind, count):
        return struct.unpack(f">{count}{kind}", self.bytes(count * struct.calcsize(kind)))

    def length(self):
        (count,) = self.numbers("i", 1)
        if count < 0:
            raise SystemExit("a vector of more than 2^31 elements")
        return count

    def item(self):
        """(value, attributes) of the next item; lists are lists of such, pair lists are dictionaries."""
        (flags,) = self.numbers("I", 1)
        kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
        if kind in (NIL, GLOBAL):
            return None, {}
        if kind == REFERENCE:
            return self.known[(flags >> 8) - 1], {}
        if kind == SYMBOL:
            self.known.append(self.item()[0])
            return self.known[-1], {}
        if kind == PAIRLIST:
            return self.pairs(has_attributes, has_tag), {}
        if kind == CHARS:
            (count,) = self.numbers("i", 1)
            return None if count == -1 else self.bytes(count).decode("utf-8", errors="replace"), {}
        if kind == COMPACT:
            return self.compact()
        if kind in (STRINGS, LIST):
            value = [self.item() for _ in range(self.length())]
            value = [text for text, _ in value] if kind == STRINGS else value
        elif kind in (LOGICAL, INTEGER):
            value = list(self.numbers("i", self.length()))
        elif kind == REAL:
            value = list(self.numbers("d", self.length()))
        else:
            raise SystemExit(f"an item of type {kind}, which is not read here")
        return value, self.item()[0] if has_attributes else {}

    def pairs(self, has_attributes, has_tag):
        found = {}
        while True:
            if has_attributes:
                self.item()
            tag = self.item()[0] if has_tag else len(found)
            found[tag] = self.item()
            (flags,) = self.numbers("I", 1)
            if flags & 255 != PAIRLIST:
                return found
            has_attributes, has_tag = flags & 512, flags & 1024

    def compact(self):
        """A vector in another form: of integers by length, first and step, or of another vector and what is known of it."""
        name = next(iter(self.item()[0].values()))[0]
        state, _ = self.item()
        self.item()
        if name == "compact_intseq":
            count, first, step = state
            return [int(first + i * step) for i in range(int(count))], {}
        return state[0] if isinstance(state, list) and isinstance(state[0], tuple) else (state, {})


def frame(data):
    """The columns of a data frame, factors as their names."""
    columns, attributes = Reader(data).item()
    table = {}
    for name, (values, of_column) in zip(attributes["names"][0], columns):
        levels = of_column.get("levels") if of_column else None
        table[name] = [levels[0][value - 1] for value in values] if levels else values
    return table


def unpacked(entry):
    """What a compressed entry of a database holds: its length, then zlib, or a letter and bzip2 or xz."""
    body = entry[4:]
    if body[:1] == b"2":
        return bz2.decompress(body[1:])
    if body[:1] == b"Z":
        return lzma.decompress(body[1:], lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}])
    return zlib.decompress(body)


def objects(folder):
    """{name: serialized object} of the package's database."""
    base = next(pathlib.Path(folder).rglob("modeldata/data/Rdata.rdb"), None)
    if base is None:
        raise SystemExit(f"{folder}: has no modeldata/data/Rdata.rdb: expected the package r-cran-modeldata, unpacked")
    (variables, _, _), _ = Reader(gzip.decompress(base.with_suffix(".rdx").read_bytes())).item()
    content = base.read_bytes()
    places, attributes = variables
    return {name: unpacked(content[at:at + length]) for name, ((at, length), _) in zip(attributes["names"][0], places)}


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    stored = objects(sys.argv[1])
    out = pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for split, name in (("train", "training_data"), ("test", "testing_data")):
        table = frame(stored[name])
        with open(out / f"{split}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*table.values(), strict=True))
        print(f"{out / split}.csv: {len(next(iter(table.values())))} rows of {', '.join(table)}")


if __name__ == "__main__":
    main()
