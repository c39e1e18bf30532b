"""A document as one HTML page: no script, no font, no picture and no style sheet from anywhere else."""

from __future__ import annotations

from inc_orchestrate.report.bars import escape, to_svg
from inc_orchestrate.report.document import Bars, Block, Bullets, Command, Document, Paragraph, Section, Table, Verdict

# The policy lets a browser fetch nothing and run nothing, whatever a model's operator names hold.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2430; --faint: #5d6675; --line: #d9dee6; --ground: #fff; --band: #f5f7fa; --bar: #3569b8;
  --good: #17693a; --bad: #a3271c; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e4e8ee; --faint: #9aa4b2; --line: #363d48; --ground: #14181e; --band: #1c222b;
  --bar: #6f9fe8; --good: #5cc98a; --bad: #f08a7f; }} }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.verdict {{ font-size: 1.1rem; font-weight: 600; padding: .6rem .9rem; border-left: 4px solid; background: var(--band); }}
.good {{ color: var(--good); }}
.bad {{ color: var(--bad); }}
.table {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }}
th {{ color: var(--faint); font-weight: 600; }}
.number {{ text-align: right; white-space: nowrap; }}
pre {{ background: var(--band); padding: .6rem .9rem; overflow-x: auto; }}
figure {{ margin: 1rem 0; }}
figcaption {{ color: var(--faint); margin-bottom: .4rem; }}
svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
"""


def to_html(document: Document) -> str:
    """Render a document; all of its text is escaped."""
    title = escape(document.title)
    body = "\n".join(_section(section) for section in document.sections)
    return f"{_HEAD.format(title=title)}<h1>{title}</h1>\n{body}\n</body>\n</html>\n"


def _section(section: Section) -> str:
    heading = f"<h2>{escape(section.heading)}</h2>\n" if section.heading else ""
    return heading + "\n".join(_block(block) for block in section.blocks)


def _block(block: Block) -> str:
    match block:
        case Verdict():
            return f'<p class="verdict {"good" if block.is_good else "bad"}">{escape(block.text)}</p>'
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case Bullets():
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
        case Command():
            return f"<pre>{escape(block.text)}</pre>"
        case Table():
            return _table(block)
        case Bars():
            return f"<figure><figcaption>{escape(block.caption)}</figcaption>\n{to_svg(block)}</figure>"


def _table(table: Table) -> str:
    head = f"<thead>{_row(table, table.head, 'th')}</thead>\n" if any(table.head) else ""
    rows = "\n".join(_row(table, row, "td") for row in table.rows)
    return f'<div class="table"><table>\n{head}<tbody>\n{rows}\n</tbody></table></div>'


def _row(table: Table, cells: tuple[str, ...], tag: str) -> str:
    drawn = (f"<{tag}{_class(table, column)}>{escape(cell)}</{tag}>" for column, cell in enumerate(cells))
    return f"<tr>{''.join(drawn)}</tr>"


def _class(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numeric else ""
