"""A checkpoint is a plain HDF5 file: h5py and h5dump open it, and the README's byte format is what is on disk.

Usage: h5py_test.py WRITE_SAMPLE, the program that writes the sample checkpoint of sample.cc.
"""

import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

SHAPES = {
    "parameters/convolution_1/weights": (3, 2, 5, 5),
    "parameters/convolution_1/bias": (3,),
    "parameters/residual_10/convolution_1/weights": (4, 3, 1, 1),
    "parameters/dense_9/weights": (3, 4),
    "buffers/batch_norm_1/mean": (7,),
    "optimizer/momentum/convolution_1/weights": (3, 2, 5, 5),
    "optimizer/momentum/dense_9/weights": (3, 4),
}
SPECIAL_BITS = [0, 0x80000000, 0x7F800000, 0xFF800000, 1, 0x7FC12345, 0x7F7FFFFF]


class CheckpointFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.directory.name) / "sample.h5"
        subprocess.run([sys.argv[1], cls.path, "1234"], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_user_block(self):
        content = self.path.read_bytes()
        magic, version, zero, length, digest = struct.unpack_from("<8sIIQ32s", content)
        self.assertEqual((magic, version, zero), (b"LOCKSTEP", 2, 0))
        self.assertEqual(length, len(content) - 512)
        self.assertEqual(digest, hashlib.sha256(content[512:]).digest())
        self.assertEqual(content[56:512], bytes(456))

    def test_tensors(self):
        found = {}
        with h5py.File(self.path, "r") as file:
            self.assertEqual(file.userblock_size, 512)
            file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        self.assertEqual(set(found), set(SHAPES))
        for k, (name, shape) in enumerate(SHAPES.items()):
            self.assertEqual((found[name].dtype, found[name].shape), (np.dtype("<f4"), shape))
            expected = (np.arange(np.prod(shape)) / 2 + k).astype("<f4")
            if name == "buffers/batch_norm_1/mean":
                expected = np.array(SPECIAL_BITS, "<u4")
            self.assertEqual(found[name].tobytes(), expected.tobytes(), name)

    def test_order(self):
        with h5py.File(self.path, "r") as file:
            self.assertEqual(list(file["parameters"]), ["convolution_1", "residual_10", "dense_9"])

    def test_attributes(self):
        with h5py.File(self.path, "r") as file:
            attributes = dict(file.attrs)
            facts = dict(file["facts"].attrs)
            metrics = dict(file["metrics"].attrs)
        self.assertTrue(attributes["job"].decode().startswith('name: "sample"\nbatch: 128\n'))
        self.assertEqual([name.decode() for name in attributes["class_names"]], ["T-shirt/top", "Trouser", "Grüß"])
        self.assertEqual(int(attributes["dataset_fingerprint"]), 0xFEDCBA9876543210)
        scalars = [attributes[name] for name in ("step", "epoch", "accuracy")]
        self.assertEqual(scalars, [1234, 12, 0.875])
        arrays = [list(attributes[name]) for name in ("image_shape", "mean", "deviation")]
        self.assertEqual(arrays, [[1, 28, 28], [0.25], [0.5]])
        self.assertEqual({name: list(values) for name, values in metrics.items()},
                         {"step": [1234], "epoch": [13], "rows": [10000], "loss": [0.1 + 0.2], "accuracy": [0.875],
                          "f1/a, b": [1 / 3]})
        self.assertEqual(attributes["target"], b"class")
        self.assertEqual(attributes["model"], b'layer {\n  name: "dense_9"\n}\n')
        self.assertEqual(facts, {"cpu": b"a processor", "lockstep_version": b"0.1.0", "note": b""})

    def test_h5dump(self):
        header = subprocess.run(["h5dump", "-H", self.path], check=True, capture_output=True, text=True).stdout
        self.assertIn('DATASET "weights"', header)
        self.assertIn("H5T_IEEE_F32LE", header)
        step = subprocess.run(["h5dump", "-a", "/step", self.path], check=True, capture_output=True, text=True).stdout
        self.assertIn("(0): 1234", step)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
