"""The list of sessions: what came in and what was set aside, at a cost that does not grow with the history."""

from __future__ import annotations

from tests.plugins.conftest import SESSION
from tests.plugins.pages_world import put_champion, put_run


def test_sessions_tell_what_came_in_and_what_was_set_aside(client, store):
    put_run(store)
    found = client.json(f"/sessions?before={SESSION}")
    assert len(found["rows"]) == 20
    row = found["rows"][0]
    assert (row["session"], row["rows"], row["quarantined_rows"]) == (SESSION, 1000, 7)
    assert row["drops"] == {"landed": 3, "quarantined": 1}
    assert row["rules"][0] == {"rule": "price_positive", "rows": 5}
    assert row["late_drops"][0]["source"] == "us_reports"
    assert row["verdict"]["verdict"] == "publish"
    assert found["rows"][1]["slug"] is None
    assert found["older"] == "2026-06-01"  # Juneteenth is no session: 20 sessions up to 30 June begin on 2 June


def test_sessions_begin_with_the_newest_that_is_known(client, store):
    put_run(store)
    put_champion(store)
    found = client.json("/sessions")
    assert (found["jumped"], found["rows"][0]["session"]) == (SESSION, SESSION)


def test_the_cost_of_a_page_does_not_grow_with_the_history(client, store, monkeypatch):
    put_run(store)
    asked = []
    for name in ("list", "get"):
        original = getattr(type(store), name)
        monkeypatch.setattr(
            type(store), name, lambda self, key, original=original: (asked.append(key), original(self, key))[1]
        )
    assert client.json(f"/sessions?before={SESSION}")
    few = len(asked)
    for number in range(1, 8):
        put_run(store, session=f"2026-04-0{number}")
    asked.clear()
    assert client.json(f"/sessions?before={SESSION}")
    assert len(asked) == few
    assert "runs/" not in asked


def test_programs_get_the_same_as_json(client, store):
    put_run(store)
    by_header = client.json(f"/sessions?before={SESSION}")
    by_address = client(f"/sessions?before={SESSION}&format=json").json()
    assert by_header["rows"] == by_address["rows"]
    assert client("/sessions?before=x&format=json").json() == {
        "status": 400, "error": "'x' is not a session like 2026-06-30",
    }  # fmt: skip
