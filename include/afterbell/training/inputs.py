"""The ids of the inputs of a training run, from earlier steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbell.errors import StaleInputError
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS
from afterbell.run.contracts.models import SnapshotInputs


@dataclass(frozen=True)
class TrainingSnapshots:
    """Snapshots and definitions; nothing else of the lake is read.

    Attributes:
        bars: snapshot of ``market.bars``.
        actions: snapshot of ``market.corporate_actions``.
        features: snapshot of each factor set's table, by the set's name.
        definitions: hash of each factor set's definition.
    """

    bars: int
    actions: int
    features: dict[str, int]
    definitions: dict[str, str]

    @classmethod
    def of(cls, inputs: SnapshotInputs, sets: Sequence[str]) -> TrainingSnapshots:
        """The ids for ``sets``; others that the run has are left out.

        Raises:
            StaleInputError: the step `features` did not make one of the sets.
        """
        snapshots, definitions = inputs.features_snapshots, inputs.definition_hashes
        missing = [name for name in sets if name not in snapshots or name not in definitions]
        if missing:
            raise StaleInputError(
                f"the factor sets {', '.join(missing)} are requested, but the step `features` of this run made "
                f"{', '.join(sorted(snapshots)) or 'none'}: clear the task 'features' and all after it"
            )
        return cls(
            bars=inputs.bars_snapshot,
            actions=inputs.actions_snapshot,
            features={name: snapshots[name] for name in sets},
            definitions={name: definitions[name] for name in sets},
        )

    def ids(self) -> dict[str, int | dict[str, int]]:
        """The snapshot ids, by the names of the steps' inputs."""
        return {
            "bars_snapshot": self.bars,
            "actions_snapshot": self.actions,
            "features_snapshots": dict(self.features),
        }

    def by_table(self) -> dict[str, int]:
        """The snapshot id of each table."""
        sets = {f"features.{name}": snapshot for name, snapshot in self.features.items()}
        return {BARS.name: self.bars, CORPORATE_ACTIONS.name: self.actions, **sets}
