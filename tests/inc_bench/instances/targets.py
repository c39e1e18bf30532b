"""Functions that instances are told to run, by name: honest ones, and every way to go wrong. Needs nothing but the standard library."""

import os
import subprocess
import sys
import time
from pathlib import Path


def sleeper():
    return lambda: time.sleep(0.010)


def clocked():
    """Sleeps 10 ms and writes down how long that took, which on a busy machine may be far more."""
    descriptor = os.open(os.environ["PIDS"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def call() -> None:
        start = time.perf_counter()
        time.sleep(0.010)
        os.write(descriptor, f"{time.perf_counter() - start}\n".encode())

    return call


def worker():
    """A compute-bound call of about half a millisecond."""

    def work() -> int:
        total = 0
        for value in range(10_000):
            total += value
        return total

    return work


def threaded():
    """A numerical library's threads, started as such libraries do: at import and by a pool."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    pool = ThreadPoolExecutor(2)
    matrix = np.ones((64, 64))
    return lambda: list(pool.map(lambda _: matrix @ matrix, range(2)))


def crashes():
    calls = iter(range(10**9))

    def call() -> None:
        if next(calls) == 20:
            print("about to break", flush=True)
            os._exit(7)
        time.sleep(0.005)

    return call


def raises():
    print("loading the weights", flush=True)
    raise RuntimeError("no such weights")


def hangs():
    calls = iter(range(10**9))

    def call() -> None:
        if next(calls) == 20:
            print("waiting for a lock", flush=True)
            time.sleep(3600)
        time.sleep(0.001)

    return call


def killed():
    """Ends as a process ends that the system kills when memory runs out."""
    calls = iter(range(10**9))

    def call() -> None:
        if next(calls) == 20:
            os.kill(os.getpid(), 9)
        time.sleep(0.005)

    return call


def out_of_memory():
    def call() -> None:
        raise MemoryError

    return call


def with_child():
    """Starts a process of its own, as data loaders do, and writes down its number and the child's."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with Path(os.environ["PIDS"]).open("a") as file:
        file.write(f"{os.getpid()} {child.pid}\n")
    return lambda: time.sleep(0.005)


def with_runaway_child():
    """Starts a process that leaves the instance's group and session, as daemons do."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
    with Path(os.environ["PIDS"]).open("a") as file:
        file.write(f"{os.getpid()} {child.pid}\n")
    return lambda: time.sleep(0.005)


def stuck():
    """Hangs inside a library that does not let Python run, with a child of its own."""
    import ctypes

    with_child()
    calls = iter(range(10**9))
    return lambda: ctypes.PyDLL(None).sleep(3600 if next(calls) == 5 else 0)


def first_crashes():
    """The first instance to ask crashes after a while, the others would go on."""
    with_child()
    try:
        Path(os.environ["PIDS"]).with_suffix(".first").touch(exist_ok=False)
    except FileExistsError:
        return sleeper()
    return crashes()


def broken_data():
    raise RuntimeError("no rows")


def not_a_model():
    return 3


def greedy():
    """A library that keeps Python from running for 30 ms: whoever dispatches calls in this process is late."""
    import ctypes

    libc = ctypes.PyDLL(None)
    return lambda: libc.usleep(30_000)
