"""Cluster profiles: where Spark runs, as one typed YAML file each in ``include/config/clusters``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticKnownError

from afterbell.cluster.managers import manager_of, registered
from afterbell.cluster.managers.base import ClusterManager
from afterbell.cluster.profile_keys import OwnKeys, ProfileKeys
from afterbell.cluster.profile_rules import problems
from afterbell.cluster.properties import driver_properties
from afterbell.config.loader import load_named, wrong_keys
from afterbell.errors import ConfigError


class ClusterProfile(ProfileKeys):
    """A profile whose keys go together, those of its cluster manager among them."""

    @field_validator("master")
    @classmethod
    def _is_ours(cls, master: str) -> str:
        if not any(re.fullmatch(manager.pattern, master) for manager in registered()):
            pattern = f"^({'|'.join(manager.pattern for manager in registered())})$"
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": pattern})
        return master

    @model_validator(mode="wrap")
    @classmethod
    def _check_all_keys(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Keys of every manager, then the manager's own: all that are wrong are reported at once."""
        if not isinstance(values, Mapping):
            return handler(values)
        common = {name: value for name, value in values.items() if name in cls.model_fields}
        own, wrong = _read_own_keys(common.get("master"), {n: v for n, v in values.items() if n not in common})
        try:
            profile = handler(common | own)
        except ValidationError as error:
            wrong = [*_details(error), *wrong]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        conflicts = problems(profile, profile.manager)
        if conflicts:
            raise ValueError("; ".join(conflicts))
        return profile

    @property
    def manager(self) -> ClusterManager:
        """The cluster manager, by the master's address."""
        return manager_of(self.master)

    @property
    def rest_address(self) -> str:
        """``http://host:port`` of the REST submission protocol; empty where the driver runs in client mode."""
        return "" if self.deploy_mode == "client" else self.manager.require_nodes().rest_address(self)

    def spark_conf(self) -> dict[str, str]:
        """The Spark properties of this profile, without what it leaves empty or 0; no secret is among them."""
        values = driver_properties(self) | self.manager.properties(self)
        return {name: value for name, value in values.items() if value} | self.conf

    def at(self, master: str, deploy_mode: str, rest_url: str = "") -> ClusterProfile:
        """This profile on another master; without ``rest_url``, a standalone master's REST address moves along.

        Raises:
            ConfigError: these contradict other keys of the profile.
        """
        moved = {"master": master, "deploy_mode": deploy_mode, "rest_url": rest_url or self._rest_url_at(master)}
        try:
            return ClusterProfile.model_validate(self.model_dump() | moved)
        except ValidationError as error:
            raise ConfigError(wrong_keys(f"the cluster profile for {master} in {deploy_mode} mode", error)) from error

    def _rest_url_at(self, master: str) -> str:
        if not self.rest_url or master == self.master:
            return self.rest_url
        address, host = urlsplit(self.rest_url), urlsplit(master.split(",", maxsplit=1)[0]).hostname
        return f"{address.scheme}://{host}" + (f":{address.port}" if address.port else "")


def _read_own_keys(master: object, given: Mapping[str, object]) -> tuple[dict[str, object], list[InitErrorDetails]]:
    """Those of ``given`` that are keys of any manager, and what is wrong with the others and the master's own.

    Keys of other managers than the master's are passed on as they are: a rule reports them.
    """
    kind = next((m.keys for m in registered() if str(master).startswith(m.prefix)), OwnKeys)
    known = {name for manager in registered() for name in manager.keys.model_fields} - set(kind.model_fields)
    others = {name: value for name, value in given.items() if name in known}
    try:
        own = kind.model_validate({name: value for name, value in given.items() if name not in known})
    except ValidationError as error:
        return others, _details(error)
    return others | own.model_dump(exclude_unset=True), []


def _details(error: ValidationError) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(type=item["type"], loc=item["loc"], input=item["input"], ctx=item.get("ctx", {}))
        for item in error.errors()
    ]


def load_profile(name: str) -> ClusterProfile:
    """The profile ``name``.

    Raises:
        ConfigError: there is no such profile (the message lists the known ones), or a key of it is wrong.
    """
    return load_named("clusters", name, ClusterProfile)
