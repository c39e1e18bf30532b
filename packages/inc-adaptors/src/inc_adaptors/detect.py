"""Find the adaptor of a model without importing any framework."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import attrs
from inc_config import plugins
from inc_config.errors import MissingFrameworkError, ModelError, PluginError

from inc_adaptors.roles import Adaptor

GROUP = "inc.adaptors"
_HEAD_BYTES = 4096


def _any_content(_: bytes) -> bool:
    return True


@attrs.frozen(kw_only=True)
class AdaptorSpec:
    """What is known of an adaptor before it is loaded; making one imports nothing of the framework.

    ``lineage`` holds ``(root package, class name)`` pairs, one of which must occur in a fit model's class lineage; ``suffixes`` are those
    of model files; ``looks_right`` judges a file's first bytes; ``extra`` is the pip extra of inc-adaptors (or a whole requirement) that
    brings the libraries; ``load`` is ``"module:attribute"``, the adaptor's class.
    """

    name: str
    lineage: tuple[tuple[str, str], ...] = ()
    suffixes: tuple[str, ...] = ()
    looks_right: Callable[[bytes], bool] = _any_content
    extra: str
    load: str = attrs.field(validator=attrs.validators.matches_re(r"[\w.]+:\w+"))

    @property
    def requirement(self) -> str:
        """What to give to pip."""
        return f"inc-adaptors[{self.extra}]" if self.extra.isidentifier() else self.extra

    @property
    def supported(self) -> str:
        """The model kinds in words, for messages."""
        objects = [f"{package} {name}" for package, name in self.lineage]
        return ", ".join(objects + [f"a path to *{suffix}" for suffix in self.suffixes])


def specs() -> tuple[AdaptorSpec, ...]:
    """Every installed adaptor's declaration, by name.

    Raises:
        PluginError: an entry point that cannot be loaded or is not an ``AdaptorSpec``.
    """
    return tuple(_spec(name) for name in plugins.names(GROUP))


def adaptor_named(name: str) -> Adaptor:
    """Load an adaptor by its name, the ``framework`` of its handles.

    Raises:
        PluginError: no such adaptor.
        MissingFrameworkError: a library it needs is not installed.
    """
    return _load(_spec(name))


def adaptor_for(model: Any) -> Adaptor:
    """Load the adaptor of a native model or of a path to a model file.

    Raises:
        ModelError: no adaptor takes this type, or the path does not lead to a model file.
        MissingFrameworkError: the adaptor's libraries are not installed; names the extra.
    """
    return _load(spec_for(model))


def spec_for(model: Any) -> AdaptorSpec:
    """The declaration of the adaptor that takes ``model``; nothing is loaded.

    Raises:
        ModelError: as for ``adaptor_for``.
    """
    if isinstance(model, str | os.PathLike):
        return _spec_for_path(Path(model))
    known = specs()
    for ancestor in type(model).__mro__:
        kind = (ancestor.__module__.partition(".")[0], ancestor.__name__)
        for spec in known:
            if kind in spec.lineage:
                return spec
    if isinstance(model, type):
        raise ModelError(f"{model.__name__} is a class, not a model.", where="model", fix=f"give an instance: {model.__name__}(...)")
    cls = type(model)
    raise ModelError(f"No adaptor takes a model of type {cls.__module__}.{cls.__qualname__}.", where="model", fix=_give_one_of(known))


def _spec_for_path(path: Path) -> AdaptorSpec:
    head = _head(path)
    known = specs()
    fitting = [spec for spec in known if path.suffix.lower() in spec.suffixes]
    if not fitting:
        raise ModelError(f"No adaptor takes files that end in {path.suffix!r}.", where=str(path), fix=_give_one_of(known))
    for spec in fitting:
        if spec.looks_right(head):
            return spec
    raise ModelError(
        f"The file ends in {path.suffix!r} but its content is not such a model (it starts with {head[:16]!r}).",
        where=str(path),
        fix="save or download the model again (a Git LFS pointer or an error page in its place looks like this)",
    )


def _head(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise ModelError("The path is a folder, not a model file.", where=str(path), fix=_for_folder(path))
        if not stat.S_ISREG(kind):
            raise ModelError("The path is not a regular file.", where=str(path), fix="give the path of a model file")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            "No such model file.", where=str(path), fix="check the path (relative paths start at the working folder)"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"The model file cannot be read: {error}", where=str(path), fix="check its permissions and the disk") from error
    if not head:
        raise ModelError("The model file is empty.", where=str(path), fix="save or download the model again")
    return head


def _for_folder(path: Path) -> str:
    inside = sorted(child.name for child in path.iterdir() if child.is_file() and child.suffix == ".onnx")
    if inside:
        return f"give the file: {path / inside[0]}"
    return "give the path of a model file; a folder written by save() is read back with load()"


def _give_one_of(known: tuple[AdaptorSpec, ...]) -> str:
    return "give one of: " + ("; ".join(f"{spec.supported} ({spec.name})" for spec in known) or "nothing, no adaptor is installed")


def _spec(name: str) -> AdaptorSpec:
    spec = plugins.load(GROUP, name)
    if not isinstance(spec, AdaptorSpec):
        raise PluginError(
            f"{name!r} is a {type(spec).__name__}, not an AdaptorSpec.",
            where=f"entry points {GROUP}",
            fix="register an inc_adaptors.AdaptorSpec that names the adaptor's class in load",
        )
    return spec


def _load(spec: AdaptorSpec) -> Adaptor:
    module, _, attribute = spec.load.partition(":")
    try:
        adaptor = getattr(import_module(module), attribute)()
    except ImportError as error:
        if (error.name or "").partition(".")[0] == module.partition(".")[0]:
            raise _broken(spec, error) from error
        raise MissingFrameworkError(
            f"The adaptor {spec.name!r} needs a library that is missing or too old: {error}.",
            where=f"model of {spec.name}",
            fix=f'pip install "{spec.requirement}"',
        ) from error
    except AttributeError as error:
        raise _broken(spec, error) from error
    return cast(Adaptor, adaptor)


def _broken(spec: AdaptorSpec, error: Exception) -> PluginError:
    return PluginError(
        f"The adaptor {spec.name!r} is declared as {spec.load} but cannot be loaded: {error}.",
        where=f"entry points {GROUP}",
        fix="reinstall or update the package that declares it",
    )
