"""Errors in three parts: what was wrong, where it was seen, how to fix it."""

from __future__ import annotations


class MetricError(Exception):
    """Bad input to a metric; carries ``what``, ``where`` and ``fix`` so that a caller can report them under its own error class.

    It is raised only as :class:`MetricValueError` (a ``ValueError``) or :class:`MetricTypeError` (a ``TypeError``).
    """

    def __init__(self, what: str, where: str, fix: str) -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"


class MetricValueError(MetricError, ValueError):
    """A value of the right kind that makes no sense: a shape, a label, a NaN, an unknown name."""


class MetricTypeError(MetricError, TypeError):
    """An object of a kind that cannot be used at all."""
