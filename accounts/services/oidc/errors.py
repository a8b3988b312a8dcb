"""Expected failures of signing in with a provider. Each text is one sentence for the person who signs in."""


class Refused(Exception):
    """The provider, or what it says, does not let this person in."""


class ProviderDown(Exception):
    """The provider does not answer, or answers nonsense; later it may."""
