"""All errors, in three families: permanent, retryable, and of unknown outcome.

A message names the object, the rule, what was expected and what was found, and what to do next.
After an unknown outcome read again; never delete.
"""


class AfterbellError(Exception):
    """Base class of all errors of the project; catch one of the three families below instead."""


class PermanentError(AfterbellError):
    """Trying again cannot help: fix what the message names, then start the step again."""


class RetryableError(AfterbellError):
    """A passing fault: try again with growing pauses, inside the deadline."""


class UnknownOutcomeError(AfterbellError):
    """A write may or may not have happened: read the object again and delete nothing."""


class ConfigError(PermanentError):
    """A configuration file or parameter is wrong: the message names the file, the key and a good value."""


class NotASessionError(PermanentError):
    """The exchange does not trade on that day: pass one of the sessions that the message names."""


class CalendarBoundsError(PermanentError):
    """The date lies outside the exchange calendar: nothing is assumed about it."""


class MissingDropsError(PermanentError):
    """A source delivered nothing for a session: check the location that the message names."""


class CorruptDropError(PermanentError):
    """A drop cannot be read as what its source declares: ask the vendor to deliver it again."""


class StoreUnavailableError(RetryableError):
    """A store did not answer: check that it runs (`./afterbell doctor`), then try again.

    Attributes:
        retry_after: seconds that the store asked to wait; 0 if it named no time.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreFullError(StoreUnavailableError):
    """A disk, a bucket or a quota that a step writes to is full: free space; the step is retried automatically."""


class ClusterUnavailableError(RetryableError):
    """The cluster manager did not answer, or took no driver: check that it runs and the address in the message."""


class NoResourcesError(RetryableError):
    """A driver got no executor, or lost them all: the message says which setting no offer of the cluster meets."""


class TaskLostError(RetryableError):
    """A task ended without a result, with its executor or its Python process: its work is done once more by itself."""


class StoreConfigError(PermanentError):
    """A store refused: wrong bucket, path or credentials. Check the connection that the message names."""


class ObjectRefusedError(StoreConfigError):
    """A store refused one object or folder, not its caller: restore it, or permit reading it; others can be read.

    Attributes:
        reason: why and what to do, without the place.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class CredentialsExpiredError(StoreConfigError):
    """The credentials have expired, and no fresh ones could be had: renew them where they come from."""


class ObjectChangedError(RetryableError):
    """An object was replaced while it was being read: read the new version from the start."""


class ObjectMissingError(PermanentError):
    """An object that something names is gone: this is data loss; restore it before going on."""


class ObjectTooLargeError(PermanentError):
    """An object is larger than anything that belongs under its key: it was not read; restore it, or remove it."""


class PreconditionFailedError(RetryableError):
    """A conditional write lost the race: read the object again and decide again."""


class BaseMovedError(RetryableError):
    """Another writer moved ``main`` since the branch was opened: ingest again on the new base, audit that, publish."""


class ValidationFailedError(PermanentError):
    """The data broke rules whose severity is `fail`: the message and the Data Docs name them."""


class StaleInputError(PermanentError):
    """A step was given the id of an input that is no longer current: rerun the steps before it."""


class OvertakenError(PermanentError):
    """Another try of the step was launched before this driver began: the newest one does the work."""


class DigestMismatchError(PermanentError):
    """The bytes of an artifact differ from its manifest: it was not opened. Roll back or publish again."""


class UnprovenPointerError(DigestMismatchError):
    """The audit trail does not have the move that made the champion's pointer: set one with `release promote`."""


class GateError(PermanentError):
    """The gate could not decide, because a common window or finite metrics are missing: nothing is published."""


class EnvironmentMismatchError(PermanentError):
    """Executors run another Python or other packages than the driver: correct the profile's python or archive."""


class StepFailedError(PermanentError):
    """A step failed on its last try: the message is the step's own; fix its cause and run the session again."""


class ServiceError(PermanentError):
    """An embedded service could not start or stop: the message names its log."""


class PortInUseError(ServiceError):
    """A configured port is taken: free it, configure another, or leave it 0 for any free one."""
