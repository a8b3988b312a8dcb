"""Expected ends of retention's work, in sentences for whoever it belongs to."""


class PurgeFailed(Exception):
    """The purge cannot go on, for a reason that somebody can mend. The text is the sentence for them."""


class PurgeStopped(Exception):
    """Nobody wants the purge any more. The text says why."""


class RestoreFailed(Exception):
    """The restore cannot go on, for a reason that somebody can mend. The text is the sentence for them."""
