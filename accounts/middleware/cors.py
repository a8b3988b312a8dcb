"""Which web applications may call from a browser: the registered ones, and nobody with cookies."""

from urllib.parse import SplitResult

from corsheaders.middleware import CorsMiddleware as DjangoCorsMiddleware
from django.http import HttpRequest

from accounts.models import Application


class CorsMiddleware(DjangoCorsMiddleware):
    """Origins are those of the applications, as the admin holds them. Nothing but tokens counts here, so credentials are never allowed."""

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return is_registered(origin)

    def check_signal(self, request: HttpRequest) -> bool:
        return False  # the library's hook for other deciders, of which there is none


def is_registered(origin: str) -> bool:
    """Whether some application names exactly this origin."""
    found = Application.objects.filter(allowed_origins__contains=origin).values_list("allowed_origins", flat=True)
    return any(origin in origins.split() for origins in found)
