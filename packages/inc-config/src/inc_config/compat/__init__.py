"""Read every 1.x and LPOT YAML file, and translate it into today's configuration."""

from inc_config.compat.document.top import V1Document
from inc_config.compat.notes import Note, NoteCode
from inc_config.compat.reading import load_v1
from inc_config.compat.translate.translation import Translation, translate
from inc_config.compat.writing import dump_v1

__all__ = ["Note", "NoteCode", "Translation", "V1Document", "dump_v1", "load_v1", "translate"]
