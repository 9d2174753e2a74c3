"""Why a MailStack is not Ready. The error alone decides the policy.

`Waiting`: it resolves by itself. `Stalled`: a person must act.
"""


class Unfinished(Exception):
    """`reason` is one CamelCase word, `message` a sentence for a person; look again after `retry_after`
    seconds, or only when something changes (None)."""

    def __init__(self, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class Waiting(Unfinished):
    """Something is under way or still to come; the run is tried again."""


class Stalled(Unfinished):
    """Only a change by a person helps; the running stack stays as it is."""


class ClusterError(Exception):
    """The API server refused a request, or did not answer.

    `status` is the HTTP status, 0 where there was no answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def permanent(self) -> bool:
        """Whether the same request would be refused again."""
        return self.status in (400, 403, 404, 422)
