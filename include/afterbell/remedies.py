"""What a person does about an error, by its class; pure. A message covers the case, a remedy its class."""

from __future__ import annotations

from afterbell import errors

_REMEDIES: dict[type[errors.AfterbellError], str] = {
    errors.ConfigError: "Correct the file, setting or field that the message names.",
    errors.NotASessionError: "Start the run for a session that the message names.",
    errors.CalendarBoundsError: "Name a session that the calendar reaches, or update exchange_calendars.",
    errors.MissingDropsError: "Ask the vendor for the drop, or put it where the message expects it.",
    errors.CorruptDropError: "Ask the vendor to deliver the drop again.",
    errors.StoreUnavailableError: "See whether the stores answer: ./afterbell doctor.",
    errors.StoreFullError: "Make room on the disk, in the bucket or in the quota that the message names.",
    errors.ClusterUnavailableError: "See whether the cluster manager answers at the address in the message: "
    "./afterbell doctor.",
    errors.NoResourcesError: "Give the cluster what the message names, or ask for less in its profile.",
    errors.TaskLostError: "Read the executor's log; where memory ran out give executors more in the profile.",
    errors.StoreConfigError: "Correct bucket, path or credentials of the connection that the message names.",
    errors.ObjectRefusedError: "Permit reading what the message names, or restore it.",
    errors.CredentialsExpiredError: "Renew the credentials where they come from.",
    errors.ObjectChangedError: "Wait until nobody writes the object that the message names any more.",
    errors.ObjectMissingError: "Restore the object that the message names from a backup.",
    errors.ObjectTooLargeError: "Remove the object that the message names, or restore the right one.",
    errors.PreconditionFailedError: "Another writer was first: see whether another run of the session is at work.",
    errors.BaseMovedError: "Another run published first: see whether another run of the session is at work.",
    errors.UnknownOutcomeError: "Delete nothing: the next try looks whether the write was done.",
    errors.ValidationFailedError: "Look at the failed rules in the Data Docs and on the quality page. Ask the vendor "
    "for the session again, or let the drop in: ./afterbell drops refused, DAG release_drop.",
    errors.StaleInputError: "Clear the task that the message names, with all tasks after it; where it names none, the "
    "first task of the run.",
    errors.OvertakenError: "Nothing: a newer try does the work.",
    errors.DigestMismatchError: "Do not open the file. Go back to the release before: ./afterbell release rollback.",
    errors.UnprovenPointerError: "Name the champion again: ./afterbell release promote.",
    errors.GateError: "Read the report: the window or the figures that the gate lacks are named there.",
    errors.EnvironmentMismatchError: "Correct `python` or `archive` in the cluster profile: workers must have the "
    "driver's Python and packages.",
    errors.StepFailedError: "Fix what the step's message names.",
    errors.ServiceError: "Read the log that the message names.",
    errors.PortInUseError: "Free the port, configure another, or leave it 0 for any free one.",
}


def remedy(kind: str) -> str:
    """What to do about the class of errors called ``kind``, one or two sentences; empty for others."""
    known = getattr(errors, kind, None)
    if not (isinstance(known, type) and issubclass(known, errors.AfterbellError)):
        return ""
    return next((_REMEDIES[base] for base in known.__mro__ if base in _REMEDIES), "")
