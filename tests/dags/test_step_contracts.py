"""Every step of every DAG has its contract, and is handed all its inputs by the tasks before it."""

import pytest

from afterbell.run.steps import TASKS, step_named
from tests.airflow.forms import bag

STEPS = [
    pytest.param(dag, task, id=f"{name}.{task.task_id}")
    for name, dag in bag().dags.items()
    for task in dag.tasks
    if hasattr(task, "step")
]


def test_steps_were_found():
    assert len(STEPS) >= 17


@pytest.mark.parametrize(("dag", "task"), STEPS)
def test_a_step_is_handed_every_input_by_the_tasks_before_it(dag, task):
    contract = step_named(task.step)
    given: set[str] = set(TASKS["instructions"].model_fields) if task.step == "train" else set()
    for result in task.results:
        before = dag.get_task(result.operator.task_id)
        model = step_named(before.step).result if hasattr(before, "step") else TASKS[before.task_id]
        given |= set(model.model_fields)
    required = {name for name, field in contract.inputs.model_fields.items() if field.is_required()}
    assert required <= given
    assert set(contract.made_by) - {"factor_sets"} <= given | {"filings_snapshot"}
