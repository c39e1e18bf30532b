"""Check, migrate and show configuration files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from inc_config.cli.migrate import commented
from inc_config.cli.opened import Opened, open_file
from inc_config.cli.show import table
from inc_config.errors import ConfigError, IncError, StoreError
from inc_config.files import atomic_write
from inc_config.schema import json_schema


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is well, 1 for faults in files, 2 for a wrong call."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
        sys.stdout.flush()
    except IncError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough; the interpreter flushes once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inc-config", description="Configuration files of model compression, of today and of 1.x.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="list every fault of files, with path and line")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(run=_check)
    migrate = commands.add_parser("migrate", help="write a 1.x file in today's words")
    migrate.add_argument("file", type=Path, metavar="FILE")
    migrate.add_argument("-o", "--output", type=Path, metavar="NEW", help="where to write it (default: standard output)")
    migrate.set_defaults(run=_migrate)
    show = commands.add_parser("show", help="say what a file will make happen")
    show.add_argument("file", type=Path, metavar="FILE")
    show.set_defaults(run=_show)
    schema = commands.add_parser("schema", help="print a JSON Schema for editors")
    schema.set_defaults(run=_schema)
    return parser


def _check(asked: argparse.Namespace) -> int:
    return max([_check_one(path) for path in asked.files])


def _check_one(path: Path) -> int:
    try:
        opened = open_file(path)
    except ConfigError as error:
        print(error)
        return 1
    if opened.faults:
        print(ConfigError(opened.faults, source=str(path)))
        return 1
    print(f"{path}: ok{_about(opened)}")
    for fault in opened.asides:
        print(f"  without effect on the model: {fault.path}: {fault.what}")
    for note in opened.notes:
        print(f"  note: {' '.join(str(note).split())}")
    return 0


def _about(opened: Opened) -> str:
    if not opened.is_v1:
        return ""
    return f" (1.x, {len(opened.notes)} notes; 'inc-config migrate {opened.path}' writes it in today's words)"


def _migrate(asked: argparse.Namespace) -> int:
    opened = open_file(asked.file)
    if not opened.is_v1:
        raise StoreError("This is no 1.x file.", where=str(asked.file), fix="use it as it is: inc_config.load reads it")
    text = commented(opened.config, opened.notes)
    if asked.output is None:
        sys.stdout.write(text)
        return 0
    if asked.output.exists() and asked.output.samefile(asked.file):
        raise StoreError("This would replace the 1.x file.", where=str(asked.output), fix="give another name with -o")
    try:
        atomic_write(asked.output, text.encode())
    except OSError as error:
        raise StoreError(f"Cannot write: {error.strerror}.", where=str(asked.output), fix="choose a folder that is writable") from error
    return 0


def _show(asked: argparse.Namespace) -> int:
    opened = open_file(asked.file)
    print(table(opened.config))
    for fault in (*opened.faults, *opened.asides):
        print(f"not offered yet: {fault.path}: {fault.what}")
    for note in opened.notes:
        print(f"note: {' '.join(str(note).split())}")
    return 0


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=2))
    return 0
