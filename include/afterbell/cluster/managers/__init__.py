"""Cluster managers, one module or package each: all that differs from one to the next.

A cluster manager is registered by its module alone: whatever module of this package defines ``MANAGER`` is one. The
master's address in a profile decides which. DAG files import all of them, so what a manager needs of clients of the
network it imports where it is used.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from afterbell.cluster.managers.base import ClusterManager
from afterbell.cluster.managers.contract import ClusterRefusal
from afterbell.errors import ConfigError


def discover() -> Mapping[str, ClusterManager]:
    """The managers that the modules of this package define, by name: the fewer keys of their own, the earlier."""
    modules = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    managers = [module.MANAGER for module in modules if hasattr(module, "MANAGER")]
    managers.sort(key=lambda manager: (len(manager.keys.model_fields), manager.name))
    return MappingProxyType({manager.name: manager for manager in managers})


MANAGERS = discover()
"""The registered cluster managers by name."""


def registered() -> tuple[ClusterManager, ...]:
    """The registered cluster managers: the fewer keys of their own, the earlier."""
    return tuple(MANAGERS.values())


def manager_of(master: str) -> ClusterManager:
    """The cluster manager of a master's address.

    Raises:
        ConfigError: it is the address of no registered manager.
    """
    for manager in registered():
        if master.startswith(manager.prefix):
            return manager
    prefixes = ", ".join(manager.prefix for manager in registered())
    raise ConfigError(f"no cluster manager has a master {master!r}; Afterbell runs on {prefixes}")


def manager_named(name: str) -> ClusterManager:
    """The cluster manager ``name``.

    Raises:
        ConfigError: there is no such manager.
    """
    if name not in MANAGERS:
        raise ConfigError(f"cluster manager {name!r} is not known; expected one of {', '.join(MANAGERS)}")
    return MANAGERS[name]


def refusal_in(output: str) -> ClusterRefusal | None:
    """The refusal that the output of a driver shows; None if it shows none."""
    refusals = (manager.refusal(output) for manager in registered())
    return next((refusal for refusal in refusals if refusal is not None), None)
