"""Patterns of zeros: which elements are cut together."""

from __future__ import annotations

import re

import attrs

from inc_config.fields import Choice, FieldError, whole


@attrs.frozen
class BlockPattern:
    """Blocks of ``rows`` outputs by ``columns`` inputs over the weight seen as (out, kh*kw*in); 1x1 is unstructured."""

    rows: int = attrs.field(validator=whole(minimum=1))
    columns: int = attrs.field(validator=whole(minimum=1))

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"


@attrs.frozen
class NofMPattern:
    """``zeros`` of every ``group`` consecutive inputs are cut: 2:4 means sparsity 0.5."""

    zeros: int = attrs.field(validator=whole(minimum=1))
    group: int = attrs.field(validator=whole(minimum=2))

    def __attrs_post_init__(self) -> None:
        if self.zeros >= self.group:
            raise FieldError(f"Pattern {self} would cut whole groups.", fix="make the first number smaller than the second, such as 2:4")

    def __str__(self) -> str:
        return f"{self.zeros}:{self.group}"


class ChannelPattern(Choice):
    """Whole channels are cut: input channels (``channelx1``) or output channels (``1xchannel``)."""

    INPUT = "channelx1"
    OUTPUT = "1xchannel"

    def __str__(self) -> str:
        return self.value


class HeadPattern(Choice):
    """Whole attention heads are cut."""

    ATTENTION_HEADS = "mha"

    def __str__(self) -> str:
        return self.value


Pattern = BlockPattern | NofMPattern | ChannelPattern | HeadPattern

_BLOCK = re.compile(r"(\d{1,6})x(\d{1,6})")
_WORDS: dict[object, Pattern] = {
    "unstructured": BlockPattern(1, 1),
    **{str(pattern): pattern for kind in (ChannelPattern, HeadPattern) for pattern in kind},
}
_N_OF_M = re.compile(r"(\d{1,6}):(\d{1,6})")


def parse_pattern(value: str | Pattern) -> Pattern:
    """Read ``"unstructured"``, ``"4x1"``, ``"2:4"``, ``"channelx1"``, ``"1xchannel"`` or ``"mha"`` (an attrs converter).

    Raises:
        FieldError: none of these.
    """
    if isinstance(value, Pattern):
        return value
    if value in _WORDS:
        return _WORDS[value]
    text = value if isinstance(value, str) else ""
    if match := _BLOCK.fullmatch(text):
        return BlockPattern(int(match[1]), int(match[2]))
    if match := _N_OF_M.fullmatch(text):
        return NofMPattern(int(match[1]), int(match[2]))
    raise FieldError(
        f"{value!r} is not a pattern.", fix="use 'unstructured', blocks such as '4x1', N:M such as '2:4', 'channelx1', '1xchannel' or 'mha'"
    )
