"""Cluster profiles: where Spark runs, as one typed YAML file each in ``include/config/clusters``."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import ValidationError, model_validator

from afterbell.cluster.profile_keys import ProfileKeys
from afterbell.cluster.profile_rules import problems
from afterbell.cluster.properties import properties
from afterbell.config.loader import load_named, wrong_keys
from afterbell.errors import ConfigError


class ClusterProfile(ProfileKeys):
    """A profile whose keys go together."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        conflicts = problems(self)
        if conflicts:
            raise ValueError("; ".join(conflicts))
        return self

    def spark_conf(self) -> dict[str, str]:
        """The Spark properties of this profile; no secret is among them."""
        return properties(self)

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


def load_profile(name: str) -> ClusterProfile:
    """The profile ``name``.

    Raises:
        ConfigError: there is no such profile (the message lists the known ones), or a key of it is wrong.
    """
    return load_named("clusters", name, ClusterProfile)
