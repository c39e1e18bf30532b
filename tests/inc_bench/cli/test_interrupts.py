"""Signals that end the command, whenever they come."""

from __future__ import annotations

import signal
import subprocess
import sys

from inc_bench.cli.interrupts import interrupts_as_exceptions


def test_an_interrupt_while_the_command_loads_leaves_no_traceback() -> None:
    code = (
        "import sys, inc_bench.cli\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'inc_bench.cli.command': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "sys.exit(inc_bench.cli.main(['targets:sleeper']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_impatient_second_signal_does_not_disturb_the_end() -> None:
    caught = 0
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    try:
        with interrupts_as_exceptions():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                caught += 1
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGTERM)
        assert caught == 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts_as_exceptions():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
