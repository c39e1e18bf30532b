"""From a 1.x document to today's configuration."""

from __future__ import annotations

import attrs

from inc_config.compat.document.top import V1Document
from inc_config.compat.notes import Note
from inc_config.pipeline import PipelineConfig


@attrs.frozen(kw_only=True)
class Translation:
    """Today's configuration, and a note for everything in the 1.x file that it cannot say or says differently."""

    config: PipelineConfig
    notes: tuple[Note, ...] = ()


def translate(document: V1Document) -> Translation:
    """Say a 1.x document in today's words.

    Raises:
        ConfigError: the document asks for nothing that can be carried out, or for what no step can reach.
    """
    return Translation(config=PipelineConfig(steps=[]))
