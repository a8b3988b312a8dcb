"""What a face is: one API under an address of its own, with an OpenAPI document and a page to read it. config/faces.py lists them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Face:
    """`key` names its document, `/api/schema/KEY`, and its page, `/api/docs/KEY`."""

    key: str
    title: str
    path: str
    """What its addresses begin with: `udm/v10/`."""
    urlconfs: tuple[str, ...]
    """Modules whose `urlpatterns` stand below `path`."""
    sentence: str
    """For the list of the documents: what it is for."""
    about: str = ""
    """For the head of its document, in Markdown: what a newcomer must know."""
    deprecated: bool = False
    """Kept for existing clients; new ones take another face, which `sentence` names."""
