"""Pictures that stay the bytes of their files: imported, told, trained on with the same bits by any number of ranks and
threads and after kills, and evaluated."""

import io
import json
import signal
import unittest

import h5py
import numpy
from PIL import Image

import sample
from run import lockstep
from training_case import TrainingCase, metrics

AUGMENTATION = """random_crop { padding: 1 } horizontal_flip {}
    transform { random_resized_crop { min_scale: 0.5 } } transform { brightness { amount: 0.1 } }
    mixup { probability: 0.3 } cut_mix { probability: 0.3 }"""


def picture(pixels, height, width, kind):
    """The bytes of a file whose texture is as `pixels`, larger."""
    image = Image.fromarray(pixels).resize((width, height), Image.BICUBIC)
    file = io.BytesIO()
    if kind == "JPEG":
        image.convert("RGB").save(file, kind, quality=90)
    else:
        image.save(file, kind)
    return file.getvalue()


def write_folder(folder):
    """420 files of five classes, of many sizes and two formats."""
    random = numpy.random.default_rng(1)
    images, labels = sample.rows(420, 5)
    for number, (pixels, label) in enumerate(zip(images[..., 0], labels)):
        height, width = random.integers(40, 120, 2)
        kind = "PNG" if number % 10 == 0 else "JPEG"
        path = folder / sample.CLASSES[label] / f"{number}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(pixels, int(height), int(width), kind))


class EncodedTest(TrainingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pictures = cls.folder / "pictures"
        write_folder(cls.pictures)
        cls.file = cls.folder / "encoded.h5"
        cls.summary = json.loads(cls.bring(cls.file).out)
        cls.picture_job = sample.write_job(cls.folder / "encoded.job.pbtxt", cls.file, clip="")
        text = cls.picture_job.read_text()
        before = "augmentation { random_crop { padding: 1 } horizontal_flip {} }"
        assert before in text
        cls.picture_job.write_text(text.replace(before, f"augmentation {{ {AUGMENTATION} }}"))

    @classmethod
    def bring(cls, out, *arguments):
        return lockstep("data", "import", "folder", cls.pictures, out, "--keep-encoded", "--size", "16", "--channels", "rgb",
                        "--validation", "0.15", "--test", "0.15", "--json", *arguments)

    def test_the_file_is_the_files(self):
        all_bytes = sum(path.stat().st_size for path in self.pictures.rglob("*.*"))
        with h5py.File(self.file) as file:
            stored = 0
            for split in ("train", "validation", "test"):
                images = file[split]["images"]
                offsets = images["offsets"][()]
                stored += int(offsets[-1])
                self.assertEqual(offsets[-1], images["bytes"].size)
                for row in (0, len(offsets) // 2, len(offsets) - 2):
                    name = file[split]["sources/path"][row].decode().rpartition("/")[2]
                    content = next(self.pictures.rglob(name)).read_bytes()
                    self.assertEqual(images["bytes"][offsets[row]:offsets[row + 1]].tobytes(), content)
                    width, height = Image.open(io.BytesIO(content)).size
                    self.assertEqual(list(images["shapes"][row])[:2], [height, width])
        self.assertEqual(stored, all_bytes)
        info = lockstep("data", "info", self.file)
        self.assertEqual(info.code, 0, info.text)
        self.assertIn("picture files", info.out)
        # The same input gives the same bytes.
        self.bring(self.folder / "again.h5")
        self.assertEqual((self.folder / "again.h5").read_bytes(), self.file.read_bytes())

    def test_any_number_of_ranks_and_threads(self):
        for ranks in (1, 2, 4, 8):
            self.train(ranks, f"ranks {ranks}", job=self.picture_job)
            self.assert_identical("ranks 1", f"ranks {ranks}")
        self.train(2, "threads", "--set", "data.decode_threads=3", "--set", "data.prefetch_batches=1", job=self.picture_job)
        self.assert_identical("ranks 1", "threads")
        self.train(1, "another size", "--set", "data.size=20", job=self.picture_job)
        self.assertIn("20 x 20 x 3", (self.folder / "another size/log.txt").read_text())
        refused = self.train(1, "another size", "--set", "data.size=24", job=self.picture_job, code=2)
        self.assertIn("data.size", refused.text)
        last = metrics(self.folder / "ranks 1", "eval")[-1]
        self.assertGreater(last["accuracy"], 0.3)

    def test_killed_and_gone_on_with(self):
        self.train(1, "whole", job=self.picture_job)
        run = self.start(2, "killed", "--set", "checkpoint.every_steps=2", job=self.picture_job)
        self.wait_for_step(run, "killed", 5)
        run.signal(run.ranks().values(), signal.SIGKILL)
        run.wait()
        self.train(4, "killed", "--set", "checkpoint.every_steps=2", job=self.picture_job)
        self.assert_identical("whole", "killed")

    def test_evaluated_as_while_training(self):
        self.train(1, "judged", "--set", "data.centre_crop=0.8", job=self.picture_job)
        for split, event in (("validation", "eval"), ("test", "final_test")):
            found = json.loads(lockstep("eval", "--checkpoint", self.folder / "judged", "--split", split, "--json").out)
            self.assertEqual(found["loss"], metrics(self.folder / "judged", event)[-1]["loss"])
        self.train(1, "whole pictures", job=self.picture_job)
        self.assert_identical("judged", "whole pictures")
        self.assertNotEqual(metrics(self.folder / "judged", "eval")[-1]["loss"],
                            metrics(self.folder / "whole pictures", "eval")[-1]["loss"])

    def test_damage_is_told_with_its_row(self):
        bad = self.folder / "bad.h5"
        bad.write_bytes(self.file.read_bytes())
        with h5py.File(bad, "r+") as file:
            images = file["train/images"]
            begin, end = (int(at) for at in images["offsets"][7:9])
            images["bytes"][begin + (end - begin) // 2:end] = 0
        outcome = self.train(2, "bad", "--set", f"data.path={bad}", job=self.picture_job, code=3)
        self.assertRegex(outcome.text, r"bad.h5: train/images: row 7 \(.*\): is a")
        with h5py.File(bad, "r+") as file:
            file["train/images/offsets"][9] = 1 << 50
        outcome = self.train(1, "bad", "--set", f"data.path={bad}", job=self.picture_job, code=3)
        self.assertIn("import it again", outcome.text)

    def test_what_cannot_be_kept_is_refused(self):
        refused = lockstep("data", "import", "folder", self.pictures, self.folder / "no.h5", "--keep-encoded", "--fit", "pad")
        self.assertEqual(refused.code, 2, refused.text)
        self.assertIn("--fit crop", refused.text)
        cut = self.folder / "cut"
        write_folder(cut)
        victim = next(cut.rglob("*.jpeg"))
        victim.write_bytes(victim.read_bytes()[:-200])
        told = lockstep("data", "import", "folder", cut, self.folder / "no.h5", "--keep-encoded", "--size", "16")
        self.assertEqual(told.code, 3, told.text)
        self.assertIn(victim.name, told.text)
        left = lockstep("data", "import", "folder", cut, self.folder / "some.h5", "--keep-encoded", "--size", "16", "--skip-bad")
        self.assertEqual(left.code, 0, left.text)


if __name__ == "__main__":
    unittest.main()
