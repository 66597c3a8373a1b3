"""The SLA file: typed, whole, and without secrets."""

import pytest
import yaml

from afterbell.config.loader import config_folder, load_yaml
from afterbell.errors import ConfigError
from afterbell.sla.policy import TIMED, SlaPolicy, load_policy


def written(tmp_path, **changes):
    found = yaml.safe_load((config_folder() / "sla.yaml").read_text(encoding="utf-8")) | changes
    path = tmp_path / "sla.yaml"
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    return path


def test_the_projects_own_file_gives_two_hours_from_the_bell():
    policy = load_policy()
    assert policy.budget.total_seconds() == 7200
    assert tuple(policy.budgets) == TIMED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget_minutes": 0}, "budget_minutes"),
        ({"budget_minutes": 30}, "add up to 81 minutes, expected 30 or fewer"),
        ({"budgets": {"train": 10}}, "missing: .*'await_drops'"),
        ({"leave_out": [{"step": "train", "saves": 0.1}]}, "either families"),
        ({"leave_out": [{"step": "train", "folds": 2, "families": ["ridge"], "saves": 0.1}]}, "either families"),
        ({"leave_out": [{"step": "validate", "folds": 2, "saves": 0.1}]}, "leave_out.0.step"),
        ({"leave_out": [{"step": "train", "families": ["../x"], "saves": 0.1}]}, "leave_out.0.families"),
        ({"notices": [{"kinds": ["never"], "notifier": "a.B"}]}, "notices.0.kinds"),
        ({"notices": [{"kinds": ["failure"], "notifier": "os.system('x')"}]}, "notices.0.notifier"),
    ],
)
def test_a_wrong_key_is_named(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said):
        load_yaml(written(tmp_path, **changes), SlaPolicy)


@pytest.mark.parametrize("kwargs", [{"password": "hunter-22"}, {"url": "https://me:hunter-22@example.com/"}])
def test_a_secret_in_the_file_is_refused_without_naming_its_value(tmp_path, monkeypatch, kwargs):
    written(tmp_path, notices=[{"kinds": ["failure"], "notifier": "a.B", "kwargs": kwargs}])
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    with pytest.raises(ConfigError, match="name an Airflow connection") as caught:
        load_policy()
    assert "hunter-22" not in str(caught.value)
