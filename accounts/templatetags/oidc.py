"""The way to the provider on the sign-in page."""

from typing import Any

from django import template
from django.conf import settings

register = template.Library()


@register.inclusion_tag("console/_oidc.html")
def oidc_button(next_page: str = "") -> dict[str, Any]:
    """Nothing where there is no provider. `next_page`: where to go after the sign-in."""
    return {"provider": settings.OIDC, "next": next_page}
