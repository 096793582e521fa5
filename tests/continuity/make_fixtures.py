#!/usr/bin/python3
"""Trains the jobs of this folder and stores the checkpoints of both epochs. README.md says when and how to run it."""

import os
import pathlib
import shutil
import tempfile

import fixtures
from run import lockstep

for name, (job, settings, _) in fixtures.FIXTURES.items():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # no path of this machine comes into what is stored
        fixtures.write_rows(f"{job}.h5", job)
        changes = [word for setting in settings for word in ("--set", setting)]
        outcome = lockstep("train", fixtures.HERE / f"{job}.job.pbtxt", "--out", "out", *changes)
        if outcome.code != 0:
            raise SystemExit(outcome.text)
        for epochs, when in ((1, "before"), (2, "after")):
            stored = fixtures.HERE / f"{name}.{when}.h5"
            shutil.copyfile(pathlib.Path("out/checkpoints") / fixtures.checkpoint_name(epochs), stored)
            print(f"{stored.name}: {stored.stat().st_size} bytes")
