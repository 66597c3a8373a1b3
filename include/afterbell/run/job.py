"""The frame of every Spark job: typed arguments in, one typed result out, both checked against the step's contract.

A step's result goes to the artifact store under ``runs/<session>/<run id>/<step>.json``, where the submitter of
the driver finds it, on whatever machine the driver ran; the reason of its failure goes to ``<step>.failure.json``
beside it. Both name the attempt that they belong to, so that those of another try are not taken for this one's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from afterbell.cluster.driver import EXIT_PERMANENT, RECORD, STEP
from afterbell.cluster.packed import unpacked
from afterbell.cluster.ready import ready_at
from afterbell.errors import AfterbellError, ConfigError, ObjectMissingError, OvertakenError, PermanentError
from afterbell.run.contracts.base import Inputs, Result, misfit, to_json
from afterbell.run.contracts.notes import AttemptNote, StepFailure
from afterbell.run.steps import In_co, Out_co, Step

if TYPE_CHECKING:
    from afterbell.stores.artifacts import ArtifactStore

_LONGEST_MESSAGE = 16 * 1024
_ATTEMPT = re.compile(r"[0-9a-f]{0,64}")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,199}")


OtherIn = TypeVar("OtherIn", bound=Inputs)


@dataclass(frozen=True)
class StepArgs(Generic[In_co]):
    """Arguments common to every step.

    Attributes:
        step: the step's name.
        session: the exchange session the run is for.
        run_id: the Airflow run's id, or the command line's.
        deadline: UTC instant by which the release must stand.
        inputs: handed on by earlier steps (snapshot ids, candidate id).
        attempt: token of the try that submitted this driver; empty where no other try is possible.
    """

    step: str
    session: date
    run_id: str
    deadline: datetime
    inputs: In_co
    attempt: str = ""

    def for_step(self, step: Step[OtherIn, Result], inputs: OtherIn, session: date | None = None) -> StepArgs[OtherIn]:
        """The arguments of another step that this one runs itself, of another session where one is given."""
        return StepArgs(step.name, session or self.session, self.run_id, self.deadline, inputs, self.attempt)


def result_key(session: date, run_id: str, step: str) -> str:
    """The key of a step's result in the artifact bucket."""
    return f"runs/{session.isoformat()}/{run_slug(run_id)}/{step}.json"


def failure_key(session: date, run_id: str, step: str) -> str:
    """The key of the reason of a step's failure in the artifact bucket."""
    return f"runs/{session.isoformat()}/{run_slug(run_id)}/{step}.failure.json"


def progress_key(session: date, run_id: str, step: str) -> str:
    """The key of a step's progress in the artifact bucket; the last report stays there."""
    return f"runs/{session.isoformat()}/{run_slug(run_id)}/{step}.progress.json"


def attempt_key(session: date, run_id: str, step: str) -> str:
    """The key of the newest attempt of a step on a cluster in the artifact bucket."""
    return f"runs/{session.isoformat()}/{run_slug(run_id)}/{step}.attempt.json"


def run_slug(run_id: str) -> str:
    """``run_id`` as one path segment and as the name of an Iceberg branch."""
    if not RUN_ID.fullmatch(run_id):
        raise ConfigError(f"run id {run_id!r} is not allowed: use letters, digits and _ . : + - (200 at most)")
    return re.sub(r"[^A-Za-z0-9]+", "_", run_id).strip("_")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)  # argparse would end the process


def parse_args(contract: Step[In_co, Result], argv: Sequence[str]) -> StepArgs[In_co]:
    """Read the command line of a step.

    Raises:
        ConfigError: an argument is missing or of another type; an input does not fit the step's contract.
    """
    step = contract.name
    parser = _Parser(prog=step, allow_abbrev=False)
    parser.add_argument("--session", required=True)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--deadline", required=True)
    parser.add_argument("--inputs", default="{}")
    parser.add_argument("--attempt", default="")
    try:
        parsed = parser.parse_args(unpacked(argv))
        session = date.fromisoformat(parsed.session)
        deadline = datetime.fromisoformat(parsed.deadline)
        is_mapping = isinstance(json.loads(parsed.inputs), dict)
    except ValueError as error:
        raise ConfigError(f"arguments of step {step!r}: {error}") from error
    if deadline.tzinfo is None or not is_mapping:
        raise ConfigError(f"arguments of step {step!r}: --deadline needs a zone, --inputs is a JSON mapping")
    if not _ATTEMPT.fullmatch(parsed.attempt):
        raise ConfigError(f"arguments of step {step!r}: --attempt {parsed.attempt!r} is not a token of an attempt")
    run_slug(parsed.run_id)
    inputs = contract.inputs.parse(step, parsed.inputs)
    return StepArgs(step, session, parsed.run_id, deadline.astimezone(UTC), inputs, parsed.attempt)


def run_step(
    contract: Step[In_co, Out_co], body: Callable[[StepArgs[In_co]], Out_co], argv: Sequence[str] | None = None
) -> int:
    """Run ``body`` as the step of ``contract`` and return the exit status of the process.

    A result that does not fit the contract is not written. An ``AfterbellError`` is printed as one message, without a
    traceback; anything unexpected keeps its traceback.
    """
    from afterbell.cluster.report import reported  # noqa: PLC0415
    from afterbell.cluster.spark_errors import removed_by  # noqa: PLC0415
    from afterbell.lake.missing_files import lost_by  # noqa: PLC0415
    from afterbell.lake.outage import outage_of  # noqa: PLC0415
    from afterbell.run.active import at_work  # noqa: PLC0415
    from afterbell.stores.retry import waiting_until  # noqa: PLC0415

    started, step = datetime.now(UTC), contract.name
    STEP.set(step)
    args = None
    try:
        args = parse_args(contract, sys.argv[1:] if argv is None else argv)
        RECORD.set(partial(_record_failure, args, started=started))
        with waiting_until(args.deadline):
            _require_newest(args)
            work = at_work(step, run_slug(args.run_id), partial(_store, waits=False))
            with work, reported(partial(_write_progress, args)):
                result = _call(contract, body, args)
            _require_newest(args)  # the result of a driver that was lost and lived on would hide that of the next
            text = _write_result(args, result, started)
    except AfterbellError as error:
        return _report_failure(step, args, error, started)
    except Exception as error:
        # Spark reports a missing file in a page of its own; the message must name what was lost.
        known = lost_by(error) or removed_by(error) or outage_of(error)
        if known is None:
            _record_failure(args, error, started)
            raise
        return _report_failure(step, args, known, started)
    print(f"{step}: {text}", flush=True)
    return 0


def _call(contract: Step[In_co, Out_co], body: Callable[[StepArgs[In_co]], Out_co], args: StepArgs[In_co]) -> Out_co:
    """The result of ``body``, which fits the contract: as it will be read, with every key that its model requires."""
    try:
        result = body(args)
        _require_fit(contract, result)
    except ValidationError as error:
        if error.title != contract.result.__name__:  # of another document, which the body read
            raise
        raise PermanentError(misfit(f"the values of the result of step {contract.name!r}", error)) from error
    return result


def _require_fit(contract: Step[Inputs, Result], result: BaseModel) -> None:
    name, model = contract.name, contract.result.__name__
    if not isinstance(result, contract.result):
        raise PermanentError(f"step {name!r} returned {type(result).__name__}; expected {model}")
    unknown = sorted(result.model_extra or ())
    if unknown:
        raise PermanentError(f"the result of step {name!r} has unknown fields {unknown}: they are not in {model}")
    document = to_json(result)
    if to_json(contract.result.model_validate_json(json.dumps(document))) != document:
        raise PermanentError(f"the result of step {name!r} is not equal after writing and reading it: {document}")


def _write_result(args: StepArgs[Inputs], result: Result, started: datetime) -> str:
    """Write the step's result, with its times and its attempt; returns its text."""
    finished, ready = datetime.now(UTC), ready_at()
    frame = {
        "step": args.step,
        "started_at": started,
        "ready_at": ready,
        "finished_at": finished,
        "seconds": round((finished - started).total_seconds(), 3),
    }
    frame |= {"attempt": args.attempt} if args.attempt else {}
    text = json.dumps(to_json(result.model_copy(update=frame)), sort_keys=True, allow_nan=False)
    _store().put(result_key(args.session, args.run_id, args.step), text.encode())
    return text


def _write_progress(args: StepArgs[Inputs], progress: Mapping[str, object]) -> None:
    body = json.dumps({**progress, "step": args.step, "attempt": args.attempt}, sort_keys=True).encode()
    _store(waits=False).put(progress_key(args.session, args.run_id, args.step), body)


def _store(*, waits: bool = True) -> ArtifactStore:
    """The artifact store; what a step does beside its work passes ``waits=False``, so that it holds nothing up."""
    from afterbell.config.runtime import Runtime  # noqa: PLC0415
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415
    from afterbell.stores.retry import Retry  # noqa: PLC0415

    return ArtifactStore(Runtime.from_env().s3, Retry(waits=waits))


def _require_newest(args: StepArgs[Inputs]) -> None:
    """A driver that was queued, or lost and found, while another try was launched neither begins nor reports.

    This saves work and no more: of two drivers that have begun, the table's commit lets one through.
    """
    if not args.attempt:
        return
    try:
        newest = AttemptNote.read(_store().get(attempt_key(args.session, args.run_id, args.step)))
    except ObjectMissingError:
        return
    if newest.attempt != args.attempt or newest.killed:
        raise OvertakenError(
            f"attempt {args.attempt} of step {args.step!r} was {'killed' if newest.killed else 'overtaken'}: "
            f"the newest is {newest.attempt}"
        )


def _report_failure(step: str, args: StepArgs[Inputs] | None, error: AfterbellError, started: datetime) -> int:
    print(f"{step}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    _record_failure(args, error, started)
    return EXIT_PERMANENT if isinstance(error, PermanentError) else 1


def _record_failure(args: StepArgs[Inputs] | None, error: Exception, started: datetime) -> None:
    """Store the reason where the submitter of the driver reads it; the log of a driver may be out of reach."""
    if args is None or isinstance(error, OvertakenError):
        return
    reason = StepFailure(
        step=args.step,
        kind=type(error).__name__,
        message=str(error)[:_LONGEST_MESSAGE],
        permanent=isinstance(error, PermanentError),
        attempt=args.attempt,
        started_at=started,
        failed_at=datetime.now(UTC),
    )
    try:
        _store(waits=False).put(
            failure_key(args.session, args.run_id, args.step), json.dumps(to_json(reason), sort_keys=True).encode()
        )
    except Exception as unwritten:  # noqa: BLE001 - the failure itself must be what is reported
        print(f"{args.step}: the reason could not be stored: {unwritten}", file=sys.stderr, flush=True)
