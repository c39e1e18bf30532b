"""A 1.x document as 1.x YAML."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs
import yaml

from inc_config.compat.catalogue.metrics import METRICS
from inc_config.compat.catalogue.transforms import POSTPROCESS
from inc_config.compat.document.evaluation import V1MultiMetrics
from inc_config.compat.document.pruning import V1Pruner, V2Pruner
from inc_config.compat.document.top import Flavour, V1Document
from inc_config.compat.parser import ELLIPSES
from inc_config.compat.scalars import resolve_v1
from inc_config.compat.shapes import SHAPE
from inc_config.named import Named

_NAMES = ("transform", "filter")
"""Keys under which there may be no name at all; an empty mapping then, not a list."""
_ALONE = {name: args.scalar for names in (METRICS, POSTPROCESS) for name, args in names.catalogue.items() if args.scalar}


def dump_v1(document: V1Document) -> str:
    """Write a document as 1.x YAML, which ``load_v1`` reads back to an equal one; comments and spellings are not kept."""
    head = "# lpot 1.2\n" if document.flavour is Flavour.LPOT else ""
    text: str = yaml.dump(_plain(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return head + text


@attrs.frozen
class _Tagged:
    tag: str
    fields: dict[str, Any]


def _plain(value: Any) -> Any:
    if isinstance(value, V1MultiMetrics):
        extra = {"weight": value.weight, "higher_is_better": value.higher_is_better}
        return {**_plain(value.metrics), **{name: list(item) for name, item in extra.items() if item is not None}}
    if attrs.has(type(value)):
        fields = {a.name: getattr(value, a.name) for a in attrs.fields(type(value)) if SHAPE in a.metadata}
        made = {name: {} if item == () and name in _NAMES else _plain(item) for name, item in fields.items() if item is not None}
        tag = {V1Pruner: "!Pruner", V2Pruner: "!PrunerV2"}.get(type(value))
        return made if tag is None else _Tagged(tag, made)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return {item.name: _arguments(item) for item in value} if value and isinstance(value[0], Named) else [_plain(i) for i in value]
    return value


def _arguments(named: Named) -> Any:
    alone = _ALONE.get(named.name)
    return _plain(named.args) if alone is None else _plain(named.args[alone])


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # whichever of two classes is built in
    """Writes strings so that ``load_v1`` reads them as strings, and repeats values instead of naming them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    is_safe = isinstance(resolve_v1(text), str) and text not in ELLIPSES and not set(text) & set("\n\r，")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_safe else '"')


def _represent_list(dumper: Any, items: list[Any]) -> Any:
    is_flat = not any(isinstance(item, dict | _Tagged) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=is_flat)


def _represent_tagged(dumper: Any, tagged: _Tagged) -> Any:
    return dumper.represent_mapping(tagged.tag, tagged.fields)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(_Tagged, _represent_tagged)
