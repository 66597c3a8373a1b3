"""A stand-in for a Mesos master, with agents: what Spark's frameworks see of Mesos, and what its HTTP pages tell.

Frameworks reach it through ``MesosSchedulerDriver.java``. Offers, declines with their time, suppressing and reviving,
kills, lost agents, failover times and a restart without ZooKeeper follow Mesos; roles, quotas and reservations are not
there. ``tests/clusters/test_mesos_behaviour.py`` lists what was seen on a real Mesos and holds here.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from tests.clusters.mesos.agent import Agent, Task
from tests.clusters.mesos.http import Server
from tests.clusters.mesos.pages import RUNNING, pages

_ROUND = 0.2
"""Seconds between rounds of offers."""


@dataclass
class Framework:
    """One scheduler, connected or not: ``quiet`` says until when each agent is not offered to it."""

    id: str
    asked: dict[str, Any]
    out: BinaryIO | None = None
    line: socket.socket | None = None
    suppressed: bool = False
    quiet: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, tuple[Agent, Task]] = field(default_factory=dict)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, event: str, **what: Any) -> None:
        """Send an event; what is sent to nobody is lost, and reconciliation tells it later."""
        with self._writing:
            if self.out is not None:
                try:
                    self.out.write(json.dumps({"event": event, **what}).encode() + b"\n")
                    self.out.flush()
                except OSError:
                    self.out = None


class Master:
    """The master. ``port`` is both where frameworks register and where its pages are.

    Args:
        agents: the machines.
        secret: what frameworks must know; empty: they need no secret.
    """

    def __init__(self, agents: Iterable[Agent], secret: str = "") -> None:
        self.agents = {agent.name: agent for agent in agents}
        self._secret = secret
        self.frameworks: dict[str, Framework] = {}
        self._offers: dict[str, tuple[Framework, Agent, float, float]] = {}
        self._numbers = itertools.count(1)
        self.lock = threading.RLock()
        self._over = threading.Event()
        self.server = Server(pages(self), self._serve)
        threading.Thread(target=self._offer_on, daemon=True).start()

    @property
    def port(self) -> int:
        """Of everything it serves."""
        return self.server.port

    def close(self) -> None:
        """End serving and offering."""
        self._over.set()
        self.server.close()

    # ---- frameworks

    def _serve(self, lines: BinaryIO, out: BinaryIO, connection: socket.socket) -> None:
        asked = json.loads(lines.readline())
        if self._secret and asked["secret"] != self._secret:
            Framework("", asked, out).tell("error", message="Master refused authentication")
            return
        framework = self._register(asked, out, connection)
        stopped = False
        try:
            for line in lines:
                call = json.loads(line)
                name = call.pop("call")
                if name == "stop":
                    stopped = not call["failover"]
                    break
                with self.lock:
                    getattr(self, f"_on_{name}")(framework, **call)
        except OSError:
            pass  # a process that is killed with something unread resets the connection instead of ending it
        finally:
            self._disconnected(framework, out, stopped=stopped)

    def _register(self, asked: dict[str, Any], out: BinaryIO, connection: socket.socket) -> Framework:
        with self.lock:
            known = asked["id"] or f"stand-in-{next(self._numbers):04d}"
            framework = self.frameworks.setdefault(known, Framework(known, asked))
            framework.out, framework.line = out, connection
        framework.tell("registered", framework=framework.id, port=self.port)
        return framework

    def _disconnected(self, framework: Framework, out: BinaryIO, *, stopped: bool) -> None:
        """The framework's tasks go with it, unless it has time to come back."""
        with self.lock:
            if framework.out is not out:
                return  # it has come back already, over another line
            framework.out = None
            for offer in [each for each, (owner, *_) in self._offers.items() if owner is framework]:
                del self._offers[offer]
            if stopped or not framework.asked["failover_seconds"]:
                for agent, task in framework.tasks.values():
                    if task.state in RUNNING:
                        agent.kill(task)

    def _on_launch(self, framework: Framework, offers: list[str], tasks: list[dict[str, Any]]) -> None:
        held = [self._offers.pop(offer, None) for offer in offers]
        for info in tasks:
            agent = self.agents[info["agent"]]
            task = Task(framework.id, info, self._report)
            framework.tasks[task.id] = (agent, task)
            if None in held:
                task.tell("TASK_LOST", "Task launched with invalid offers", "REASON_INVALID_OFFERS")
                continue
            threading.Thread(target=agent.launch, args=(task,), daemon=True).start()

    def _on_decline(self, framework: Framework, offer: str, seconds: float) -> None:
        found = self._offers.pop(offer, None)
        if found is not None:
            framework.quiet[found[1].name] = time.monotonic() + seconds

    def _on_kill(self, framework: Framework, task: str) -> None:
        if task in framework.tasks:
            agent, found = framework.tasks[task]
            agent.kill(found)

    def _on_revive(self, framework: Framework) -> None:
        framework.suppressed = False
        framework.quiet.clear()

    def _on_suppress(self, framework: Framework) -> None:
        framework.suppressed = True

    def _on_reconcile(self, framework: Framework, tasks: list[str]) -> None:
        for name in tasks or list(framework.tasks):
            found = framework.tasks.get(name)
            if found is None:
                self._status(
                    framework,
                    name,
                    "",
                    "TASK_LOST",
                    "Reconciliation: Task is unknown to the agent",
                    "REASON_RECONCILIATION",
                )
            else:
                agent, task = found
                self._status(
                    framework,
                    name,
                    agent.name,
                    task.state,
                    "Reconciliation: Latest task state",
                    "REASON_RECONCILIATION",
                )

    def _report(self, task: Task, state: str, message: str | None, reason: str | None) -> None:
        framework = self.frameworks.get(task.framework)
        if framework is None:  # forgotten by a restart
            return
        agent, _ = framework.tasks[task.id]
        self._status(framework, task.id, agent.name, state, message, reason)

    def _status(
        self, framework: Framework, task: str, agent: str, state: str, message: str | None, reason: str | None
    ) -> None:
        by_master = state == "TASK_LOST" or reason == "REASON_RECONCILIATION"
        framework.tell(
            "status", task=task, agent=agent, state=state, message=message, reason=reason,
            source="SOURCE_MASTER" if by_master else "SOURCE_EXECUTOR", timestamp=time.time(),
        )  # fmt: skip

    # ---- offers

    def _offer_on(self) -> None:
        while not self._over.wait(_ROUND):
            with self.lock:
                for agent in self.agents.values():
                    if agent.registered:
                        self._offer(agent)

    def _offer(self, agent: Agent) -> None:
        held = [(cpus, mem) for _, where, cpus, mem in self._offers.values() if where is agent]
        cpus = agent.cpus - agent.used("cpus") - sum(each for each, _ in held)
        mem = agent.mem - agent.used("mem") - sum(each for _, each in held)
        waiting = [
            each
            for each in self.frameworks.values()
            if each.out is not None and not each.suppressed and each.quiet.get(agent.name, 0.0) < time.monotonic()
        ]
        if not waiting or cpus < 0.01 or mem < 32:
            return
        framework = min(waiting, key=lambda each: sum(task.state in RUNNING for _, task in each.tasks.values()))
        number = f"offer-{next(self._numbers)}"
        self._offers[number] = (framework, agent, cpus, mem)
        offer = {
            "id": number, "framework": framework.id, "agent": agent.name, "cpus": cpus, "mem": mem,
            "attributes": agent.attributes,
        }  # fmt: skip
        framework.tell("offers", offers=[offer])

    # ---- what tests do to it

    def lose(self, name: str) -> None:
        """The agent ``name`` answers no more: its tasks are given up, while their processes go on where they are."""
        with self.lock:
            agent = self.agents[name]
            agent.alive = False
            agent.server.close()
            for offer in [each for each, (_, where, *_) in self._offers.items() if where is agent]:
                del self._offers[offer]
            for framework in self.frameworks.values():
                for where, task in framework.tasks.values():
                    if where is agent and task.state in RUNNING:
                        task.tell("TASK_LOST", "health check timed out", "REASON_SLAVE_REMOVED")
                        task.lost = True

    def find(self, name: str) -> None:
        """The agent ``name`` answers again; the tasks that were given up stay so."""
        with self.lock:
            agent = self.agents[name]
            agent.server.open()
            agent.alive = True

    def restart(self) -> None:
        """As a master without ZooKeeper: it forgets frameworks and agents. These come back by ``agents_return``."""
        with self.lock:
            lines = [each.line for each in self.frameworks.values() if each.line is not None]
            for each in self.frameworks.values():
                each.out = None  # it has not disconnected: its tasks stay
            self.frameworks.clear()
            self._offers.clear()
            for agent in self.agents.values():
                agent.away = True
        self.server.close()
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self.server.open()

    def agents_return(self) -> None:
        """Agents notice the new master, which takes them a minute or more, and register; their tasks run on."""
        with self.lock:
            for agent in self.agents.values():
                agent.away = False

    def task(self, name: str) -> tuple[Agent, Task]:
        """The task ``name`` and its agent; the newest where frameworks gave the name twice.

        Raises:
            KeyError: nobody launched it.
        """
        with self.lock:
            for framework in reversed(self.frameworks.values()):
                if name in framework.tasks:
                    return framework.tasks[name]
        raise KeyError(name)
