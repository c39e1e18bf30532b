"""Kill a search 200 times at random points and look after each whether its ledger lost or repeats anything.

``python killed_rounds.py FOLDER`` prints how many searches have ended.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

from inc_strategy import Evaluate, Ledger, Pending, TrialStatus
from inc_strategy.strategies.basic import make
from inc_strategy.testing import SimulatedModel, view_of, with_items

ROUNDS = 200
ENOUGH = 24
FINGERPRINTS = {"model": "ab12", "data": "cd34"}
MODEL = SimulatedModel.of([0.1] * 16)
START = view_of(MODEL, max_trials=1000)


def search(folder, acknowledge):
    """A whole resumable search that tells which trials it knows to be safe."""
    with Ledger.open(folder, FINGERPRINTS) as ledger:
        while isinstance(action := make().propose(with_items(START, *ledger.replay())), Evaluate):
            index = ledger.proposed(action)
            ledger.started(index)
            ledger.finished(MODEL.answer(Pending(index=index, action=action)))
            acknowledge(index)


def killed(folder, chance):
    """Search in a fork, kill it, and return the trials that it said to be safe."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with contextlib.suppress(BaseException):
            search(folder, lambda index: os.write(write, index.to_bytes(2, "big")))
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read(2 * chance.randrange(4))
        time.sleep(chance.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        said += pipe.read()
    os.waitpid(child, 0)
    return {int.from_bytes(said[place : place + 2], "big") for place in range(0, len(said), 2)}


def main(root):
    chance = random.Random(7)
    acknowledged, folders = set(), 0
    for _ in range(ROUNDS):
        folder = root / f"{folders}"
        acknowledged |= killed(folder, chance)
        with Ledger.open(folder, FINGERPRINTS) as ledger:
            items = ledger.replay()
        complete = [item for item in items if item.status is TrialStatus.COMPLETE]
        assert acknowledged <= {item.index for item in complete}
        assert len({item.plan.digest for item in complete}) == len(complete)
        assert all(item == MODEL.answer(Pending(index=item.index, action=Evaluate(item.plan))) for item in complete)
        if len(complete) >= ENOUGH:
            acknowledged, folders = set(), folders + 1
    print(folders)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
