"""Find the command, run it, and turn every failure into a message and an exit code."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Protocol, cast

from inc_config.errors import IncError

from inc_orchestrate.cli.arguments import Parser, UsageError
from inc_orchestrate.cli.exits import Exit
from inc_orchestrate.cli.terminal import lines

COMMANDS = {
    "demo": "quantize a bundled tiny model, offline, in under a minute",
    "diagnose": "say what is wrong with a model that any tool quantized, operator by operator",
    "plan": "show what quantization would do to a model, operator by operator",
    "quantize": "quantize an ONNX model within an accuracy criterion and prove the gain",
    "tune": "search the best quantized model within a budget of time or trials, and show what accuracy costs",
}


class Command(Protocol):
    """A module below ``inc_orchestrate.cli`` with a command's parser and its work."""

    def add_arguments(self, parser: Parser) -> None:
        """Declare what the command takes."""

    def run(self, options: object, command_line: str) -> int:
        """Do it and return the exit code; ``command_line`` is what was typed, quoted for a shell."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``inc``.

    Returns:
        An ``Exit``: 0 done, 1 the accuracy criterion was missed, 2 bad input, 3 a fault of ours, 130 Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    command_line = shlex.join(["inc", *given])
    try:
        return _dispatch(given, command_line)
    except IncError as error:
        print(f"error: {lines(str(error))}", file=sys.stderr)
        return Exit.BAD_INPUT
    except KeyboardInterrupt as interruption:
        print(f"\ninterrupted{f': {interruption}' if str(interruption) else ''}", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; without this the interpreter would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the last resort of a command: users get a message and a log, never a traceback
        print(f"error: {lines(_unexpected(error, command_line))}", file=sys.stderr)
        return Exit.INTERNAL


def _dispatch(given: list[str], command_line: str) -> int:
    if not given or given[0] in {"-h", "--help"}:
        print(_overview())
        return Exit.DONE
    if given[0] == "--version":
        print(f"inc {version('inc-orchestrate')}")
        return Exit.DONE
    name = given[0]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f"; did you mean inc {close[0]}?" if close else ""
        raise UsageError(f"There is no command {name!r}.", where=command_line, fix=f"one of {', '.join(COMMANDS)}{meant}")
    command = cast(Command, import_module(f"inc_orchestrate.cli.{name}"))
    parser = Parser(prog=f"inc {name}", description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.")
    command.add_arguments(parser)
    try:
        options = parser.parse_args(given[1:])
    except SystemExit as end:  # argparse ends the process after --help
        return int(end.code or 0)
    return command.run(options, command_line)


def _overview() -> str:
    lines = ["usage: inc COMMAND ...", "", *(f"  inc {name:<10} {text}" for name, text in COMMANDS.items())]
    return "\n".join([*lines, "", "inc COMMAND --help shows what each takes. Start with: inc demo"])


def _unexpected(error: Exception, command_line: str) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="inc-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(f"{command_line}\ninc-orchestrate {version('inc-orchestrate')}, Python {sys.version}\n\n")
        traceback.print_exception(error, file=log)
    first = (str(error).splitlines() or [""])[0]
    return (
        f"Something failed that should not have: {type(error).__name__}: {first}\n"
        f"  where: {command_line}\n  fix:   nothing on your side; please report it with the log {log.name}"
    )
