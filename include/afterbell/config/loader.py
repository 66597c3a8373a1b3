"""Reading a YAML file into a typed model, with errors that name the file, the key and a good value."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from afterbell.config.environment import CONFIG
from afterbell.errors import ConfigError

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML was built with it, as all its wheels are."""
_DEEP = 1000
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """The base of every configuration model: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


PACKED = "afterbell-config"
"""The folder of the YAML files in a library that came as a zip."""


def config_folder() -> Path:
    """The folder of the YAML files: ``AFTERBELL_CONFIG``, else what lies beside the library or came with it."""
    named = os.environ.get(CONFIG)
    if named:
        return Path(named)
    library = Path(__file__).parents[2]
    if library.is_file():
        return _unpacked(library)
    beside = library.resolve()  # a Mesos agent unpacks what it fetches, the configuration beside the package
    return beside / PACKED if (beside / PACKED).is_dir() else beside / "config"


@functools.cache
def _unpacked(library: Path) -> Path:
    """The folder out of the zip that this very module was imported from."""
    folder = tempfile.mkdtemp(prefix="afterbell-config-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(library) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(f"{PACKED}/")])
    return Path(folder) / PACKED


def load_yaml(path: Path, model: type[Model], *, bare: str = "") -> Model:
    """Read ``path`` as one ``model``.

    Args:
        path: of the file.
        model: its type.
        bare: the key that a file means which is nothing but a list, or empty; without it such a file is wrong.

    Raises:
        ConfigError: the file is missing, is not UTF-8 or YAML, or a key is wrong.
    """
    content = _parse(path, _read(path))
    if bare and (content is None or isinstance(content, list)):
        content = {bare: content or []}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys, found {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(wrong_keys(str(path), error)) from error


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start)
        line = data.split(b"\n")[number].decode("utf-8", "backslashreplace").strip()
        raise ConfigError(
            f"{path}: expected UTF-8, found byte {data[error.start]:#04x} in line {number + 1}, '{line[:80]}': "
            "save the file as UTF-8"
        ) from error


def _parse(path: Path, text: str) -> object:
    try:
        return _load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    except (ValueError, ArithmeticError) as error:  # a date that no calendar has, a number of too many digits
        key, value = _unreadable_value(yaml.compose(text, Loader=yaml.SafeLoader))
        raise ConfigError(
            f"{path}: {key}: expected a value that can be read, found {value[:80]!r} ({error}); correct it, or write "
            "it in quotes if it is meant as text"
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply; expected a mapping of keys") from error


def _load(text: str) -> object:
    """What ``yaml.safe_load`` makes of it, ten times faster; errors in it are reported by Python's own parser."""
    if _deepest(text) > _DEEP:
        return yaml.safe_load(text)  # libyaml's recursion ends the process
    try:
        return yaml.load(text, Loader=_FAST)  # noqa: S506 - both are safe ones
    except yaml.YAMLError:
        return yaml.safe_load(text)


def _deepest(text: str) -> int:
    """No part of the text is nested deeper than this."""
    lines = (len(line) - len(line.lstrip()) + line.count("- ") + line.count("? ") for line in text.splitlines())
    return text.count("[") + text.count("{") + max(lines, default=0)


def _unreadable_value(node: yaml.Node, key: str = "(top)") -> tuple[str, str]:
    """The key and the text of the first value that YAML's constructor cannot read."""
    if isinstance(node, yaml.ScalarNode):
        try:
            yaml.SafeLoader("").construct_document(yaml.ScalarNode(node.tag, node.value))
        except (ValueError, ArithmeticError):
            return key, str(node.value)
        return "", ""
    children: list[tuple[str, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children += [(str(name.value), name) for name, _ in node.value]
        children += [(str(name.value), value) for name, value in node.value]
    else:
        children += [(str(number), item) for number, item in enumerate(node.value)]
    inside = (_unreadable_value(child, name if key == "(top)" else f"{key}.{name}") for name, child in children)
    return next((entry for entry in inside if entry[0]), ("", ""))


def wrong_keys(where: str, error: ValidationError) -> str:
    """The validation errors of ``where``, one line per key.

    The value that was found is shown, except for mappings: a check of several keys reports it itself, and no more than
    it must.
    """
    lines = [f"{where}: {len(error.errors())} wrong key(s):"]
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "(top)"
        shown = "" if isinstance(item["input"], dict) else f"; found {item['input']!r}"
        lines.append(f"  {key}: {item['msg']}{shown}")
    return "\n".join(lines)


def load_named(kind: str, name: str, model: type[Model]) -> Model:
    """Read ``<config>/<kind>/<name>.yaml``; ``name`` must be one of the files there.

    Raises:
        ConfigError: no such file; the message lists those that exist.
    """
    folder = config_folder() / kind
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:  # membership, not a path built from the name: `../x` is just unknown
        raise ConfigError(f"{kind} {name!r} is not known; {folder} has: {', '.join(known) or 'none'}")
    return load_yaml(folder / f"{name}.yaml", model)
