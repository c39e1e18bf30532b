"""The saved form of a model: a folder of safetensors, JSON and native files, checked by a manifest. Nothing is pickled."""

from inc_adaptors.store.manifest import FORMAT_VERSION, Manifest
from inc_adaptors.store.reading import Loaded, load
from inc_adaptors.store.state import pack_state, unpack_state
from inc_adaptors.store.writing import check_writable, save

__all__ = ["FORMAT_VERSION", "Loaded", "Manifest", "check_writable", "load", "pack_state", "save", "unpack_state"]
