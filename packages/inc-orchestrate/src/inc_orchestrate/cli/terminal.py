"""Documents and messages on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from inc_orchestrate.report.document import Block, Table, Verdict
from inc_orchestrate.report.figures import printable

WIDE = 10_000
"""Columns where standard output is no terminal: lines are for programs there, and none is broken."""


def console() -> Console:
    """Standard output, without highlighting: numbers in names stay as they are. Into a pipe nothing is wrapped or coloured."""
    out = Console(highlight=False, markup=False, emoji=False)
    return out if out.is_terminal else Console(highlight=False, markup=False, emoji=False, width=WIDE, no_color=True)


def show(out: Console, block: Block) -> None:
    """Print a table or a verdict."""
    if isinstance(block, Table):
        out.print(_table(block))
    elif isinstance(block, Verdict):
        say(out, block.text, style="bold green" if block.is_good else "bold red")


def say(out: Console, text: str, *, style: str = "") -> None:
    """Print text that may hold names from a model."""
    out.print(Text(lines(text), style=style))


def lines(text: str) -> str:
    """Text with its line breaks, and every other character that would steer a terminal spelled out."""
    return "\n".join(map(printable, text.split("\n")))


def command(out: Console, text: str) -> None:
    """Print the next useful command on a line of its own that can be copied whole, whatever the width."""
    out.print(Text(f"next: {printable(text)}", style="bold"), soft_wrap=True)


def _table(table: Table) -> RichTable:
    drawn = RichTable(box=None, pad_edge=False, show_header=any(table.head))
    for column, head in enumerate(table.head):
        numeric = column in table.numeric
        drawn.add_column(Text(head, style="dim"), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in table.rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    return drawn
