"""Kills the coordinator and its trials at every fault point and at seeded instants: nothing is lost, nothing differs.

The same sweep is run once undisturbed. Every disturbed one must end with the same trials, parameters, evaluations,
decisions and final weights; at no time were two attempts of a trial alive, and no attempt was started twice; what was
acknowledged is there, once. Prints what was done to each sweep, and "N of N"; exit code 1 when one differs.

Fault points are read from the programs. Controls: a sweep of another seed differs, and two attempts at once are seen.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from attempt_watcher import AttemptWatcher  # noqa: E402
from disturbed_sweep import HALVING, DisturbedSweep, Requests, Scene  # noqa: E402
from run import BIN, wait_until  # noqa: E402
from sweep_outcome import query_log  # noqa: E402

VICTIMS = ("serve", "serve", "all", "lockstep-shim", "rank")
VICTIMS_OF_TWO_RANKS = (*VICTIMS, "mpirun")
KILLS_A_SWEEP = 10  # of the coordinator
VISITS_APART = 5
LEASE_SECONDS = 1
# A shim's claim and exit file; the coordinator writes one only for an attempt that it gives up.
POINTS_OF_DURABLE_FILES = ("file.fsync", "file.fsync_directory", "file.link")


def fault_points(pattern):
    """Names of the points in the programs, as the linker left them."""
    names = set()
    for program in ("lockstep-serve", "lockstep-shim"):
        names |= set(re.findall(rb"\0((?:serve|shim|file)\.[a-z_]+)(?=\0)", (BIN / program).read_bytes()))
    names = sorted(name.decode() for name in names if not name.endswith((b".cc", b".h")))
    if len(names) < 14:
        raise SystemExit(f"expected 14 fault points or more in the programs, got {names}")
    return [name for name in names if re.search(pattern, name)]


def undisturbed(scene, name, spec):
    with DisturbedSweep(scene, name, spec) as it:
        it.start()
        it.submit()
        return it.finish()


def at_fault_point(scene, point, visit):
    """The coordinator dies at that visit of the point. A shim visits a point once or twice: of a point that only shims
    come to, so many of them die before the coordinator is killed, unless it comes there meanwhile and dies of it."""
    with DisturbedSweep(scene, f"{point} {visit}", scene.spec("halving", more=HALVING)) as it:
        shims = point.startswith("shim.") or point in POINTS_OF_DURABLE_FILES
        it.start({"LOCKSTEP_FAULT": f"{point}:{1 if shims else visit}:kill"})
        attempts = lambda: len(list(it.coordinator.state.glob("sweeps/s1/trial-*/attempt-*")))  # noqa: E731
        visited = lambda: not it.coordinator.is_up() or (shims and attempts() >= 2 + visit)  # noqa: E731
        if it.submit() == 0:
            if not wait_until(visited, 60, 0.01):
                raise AssertionError(f"the point was not visited\n{it.coordinator.log()}")
            if it.coordinator.is_up():
                it.coordinator.kill()
            it.start()
        return it.finish()


def at_instants(scene, name, ranks, wanted, chance, kills):
    """Until the coordinator was killed so often, or the sweep has ended. Adds what was killed to `kills`."""
    spec = scene.spec(f"halving of {ranks}", ranks=ranks, more=HALVING)
    with DisturbedSweep(scene, name, spec, ranks) as it:
        requests = Requests(scene, it.coordinator)
        it.start()
        it.submit()
        while kills["serve"] + kills["all"] < wanted and it.is_running():
            time.sleep(chance.uniform(0, 0.6 * ranks ** 2))
            victim = chance.choice(VICTIMS if ranks == 1 else VICTIMS_OF_TWO_RANKS)
            dies = victim in ("serve", "all")
            asks = dies and chance.random() < 0.3
            if asks:
                requests.begin()
                time.sleep(chance.uniform(0, 0.1))
            kills[victim] += it.kill(victim, chance)
            if dies:
                time.sleep(chance.uniform(0, 0.2))
                it.start()
            if asks:
                requests.settle()  # it has asked again by itself
        requests.check()
        kills["requests acknowledged"] += len(requests.acknowledged)
        return it.finish()


def signal_if_there(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def at_leases(scene, name, spec, fenced):
    """Every trial's first attempt is stopped for twice its lease, then continued. Adds the trials that were fenced."""
    with DisturbedSweep(scene, name, spec) as it:
        it.start()
        it.submit()
        times = {}  # trial -> (pid, when it may go on)

        def all_stopped_and_continued():
            for pid, (_, trial, attempt) in it.trainers().items():
                if attempt == 1 and trial not in times and signal_if_there(pid, signal.SIGSTOP):
                    times[trial] = (pid, time.monotonic() + 2 * LEASE_SECONDS)
            for trial, (pid, then) in times.items():
                if pid and time.monotonic() > then:
                    times[trial] = (0, then)
                    if pid in it.trainers():
                        signal_if_there(pid, signal.SIGCONT)
            return len(times) == scene.trials and not any(pid for pid, _ in times.values())

        if not wait_until(all_stopped_and_continued, 300, 0.01):
            raise AssertionError(f"stopped {sorted(times)}\n{it.coordinator.log()}")
        outcome = it.finish()
        sql = "SELECT trial FROM attempts WHERE sweep = 's1' AND attempt = 1 AND outcome = 'FENCED'"
        fenced.update(trial for trial, in query_log(it.coordinator.state, sql))
        return outcome


def two_attempts_are_seen(scene):
    """The control of the watcher: processes that say that they belong to attempts 1 and 2 of a trial."""
    state = scene.folder / "doubles"
    attempts = [f"{state}/sweeps/s1/trial-00000/attempt-00{number}/attempt.pbtxt" for number in (1, 2, 2)]
    doubles = [subprocess.Popen(["/lockstep-train", "-c", "read line", attempt], executable="/bin/sh",
                                stdin=subprocess.PIPE) for attempt in attempts]
    with AttemptWatcher(state, ranks=1) as watcher:
        seen = wait_until(lambda: len(watcher.findings()) == 2, 10)
    for double in doubles:
        double.communicate(b"\n")
    return seen


class Report:
    """Prints each run and counts those that came to what was expected."""

    def __init__(self):
        self.good = 0
        self.runs = 0

    def add(self, name, run, expected):
        self.runs += 1
        begin = time.monotonic()
        try:
            difference = run().difference(expected)
        except AssertionError:
            difference = traceback.format_exc()
        self.good += not difference
        print(f"{name}: {difference or 'the same'} ({time.monotonic() - begin:.1f} s)", flush=True)


def run_instants(scene, arguments, reference, report):
    """Sweeps until the coordinator was killed so often; every fourth has trials of two ranks."""
    chance = random.Random(arguments.seed)
    all_kills = collections.Counter()
    for number in range(arguments.instants):
        left = arguments.instants - all_kills["serve"] - all_kills["all"]
        if left <= 0:
            break
        ranks = 2 if number % 4 == 1 else 1
        kills = collections.Counter()
        wanted = min(left, KILLS_A_SWEEP)
        report.add(f"instants, sweep {number}, ranks: {ranks}",
                   lambda: at_instants(scene, f"instants {number}", ranks, wanted, chance, kills), reference)
        print(f"  killed: {dict(kills)}", flush=True)
        all_kills += kills
    coordinators = all_kills["serve"] + all_kills["all"]
    print(f"killed at instants: {dict(all_kills)}: the coordinator {coordinators} of {arguments.instants} times")
    return coordinators >= arguments.instants


def run_leases(scene, report):
    spec = scene.spec("leases", lease=LEASE_SECONDS)
    reference = undisturbed(scene, "leases undisturbed", scene.spec("no leases"))
    fenced = set()
    report.add("stopped for twice the lease", lambda: at_leases(scene, "leases", spec, fenced), reference)
    print(f"fenced: {len(fenced)} of {scene.trials}")
    return len(fenced) == scene.trials


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4, help="of each sweep")
    parser.add_argument("--points", default="", help="only fault points whose name this regular expression finds")
    parser.add_argument("--visits", type=int, default=1, help="of each fault point: the 1st, 6th, 11th, ...")
    parser.add_argument("--instants", type=int, default=8, help="at which the coordinator is killed")
    parser.add_argument("--leases", action="store_true", help="stop every trial's first attempt for twice its lease")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="lockstep-crash-") as folder:
        scene = Scene(pathlib.Path(folder), arguments.trials)
        reference = undisturbed(scene, "undisturbed", scene.spec("halving", more=HALVING))
        for point in fault_points(arguments.points) if arguments.visits else []:
            for visit in range(1, 1 + VISITS_APART * arguments.visits, VISITS_APART):
                report.add(f"{point}, visit {visit}", lambda: at_fault_point(scene, point, visit), reference)
        complete = run_instants(scene, arguments, reference, report) if arguments.instants else True
        fenced = run_leases(scene, report) if arguments.leases else True
        other = undisturbed(scene, "other", scene.spec("other", more=HALVING + " seed: 2"))
        controls = {"another seed": bool(other.difference(reference)),
                    "two attempts at once": two_attempts_are_seen(scene)}
    for control, seen in controls.items():
        print(f"negative control: {control}: {'seen' if seen else 'NOT SEEN'}")
    print(f"{report.good} of {report.runs}")
    return 0 if complete and fenced and all(controls.values()) and report.good == report.runs else 1


if __name__ == "__main__":
    sys.exit(main())
