"""A report of one compression as files that need nothing else: Markdown and one HTML page."""

from inc_orchestrate.report.content import Context, Sensitivity, contents
from inc_orchestrate.report.files import write_report
from inc_orchestrate.report.html import to_html
from inc_orchestrate.report.markdown import to_markdown

__all__ = ["Context", "Sensitivity", "contents", "to_html", "to_markdown", "write_report"]
