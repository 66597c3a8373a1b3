"""Steps as scenarios call them: inputs by name as JSON values, the result as the JSON that a driver writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from afterbell.run.contracts.base import Result
from afterbell.run.job import StepArgs
from afterbell.run.steps import step_named


def step_args(name: str, session: date, run_id: str, deadline: datetime, given: Mapping[str, Any]) -> StepArgs[Any]:
    """The arguments of a step; of what is given, those that are no inputs of it are left out."""
    contract = step_named(name)
    inputs = {key: value for key, value in given.items() if key in contract.inputs.model_fields}
    parsed = contract.inputs.parse(name, json.dumps(inputs, default=str))
    return StepArgs(name, session, run_id, deadline, parsed)


def call_step(body: Callable[[StepArgs[Any]], Result], args: StepArgs[Any]) -> dict[str, Any]:
    """Run a step; what it answers."""
    return dict(body(args).to_json())
