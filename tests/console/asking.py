"""How tests of pages ask: a client gets, posts, and reads what it is told."""

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.console.conftest import signed_in
from tests.console.scenes import Scene, person


def text(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def posted(client: Client, name: str, *args: object, **data: str) -> str:
    """The page that the address answers with, or leads to."""
    answer = client.post(reverse(name, args=args), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def told(client: Client, name: str, *args: object, **data: str) -> str:
    """The message that the address leaves."""
    answer = client.post(reverse(name, args=args), data)
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def member(scene: Scene, role: str) -> Client:
    return signed_in(person(f"with {role}", scene.organization, role))
