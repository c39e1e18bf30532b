from __future__ import annotations

import io

import pytest
from inc_orchestrate.cli import terminal
from inc_orchestrate.report.document import Table
from rich.console import Console


def narrow() -> Console:
    return Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)


def printed(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_table_keeps_to_80_columns_and_loses_no_name() -> None:
    name = "features/stage4/block3/conv2/batch_norm_folded/a_name_that_no_terminal_can_hold_in_a_single_line"
    out = narrow()
    terminal.show(out, Table(head=("operator", "share"), rows=((name, "12.3 %"),), numeric=(1,)))
    lines = printed(out).splitlines()
    assert max(map(len, lines)) <= 80
    assert name in "".join(line.split()[0] for line in lines[1:])


def test_a_command_stays_on_one_line_so_that_it_can_be_copied() -> None:
    text = "inc quantize " + "x" * 200
    out = narrow()
    terminal.command(out, text)
    assert printed(out) == f"next: {text}\n"


def test_names_cannot_steer_the_terminal_or_hold_markup() -> None:
    out = narrow()
    terminal.show(out, Table(head=("operator",), rows=(("[bold]a[/] :smile: \x1b[31m\r",),)))
    terminal.say(out, "b\x1b]0;title\x07")
    assert "[bold]a[/] :smile: \\x1b[31m\\r" in printed(out)
    assert "\x1b" not in printed(out)
    assert "\x07" not in printed(out)


def test_nothing_is_coloured_or_broken_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(terminal.console(), "x" * 400, style="bold red")
    assert capsys.readouterr().out == "x" * 400 + "\n"
