"""The one place that decides which organization a request acts for."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import AccessToken, Organization

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, through DRF's settings


class InOrganization(BasePermission):
    """The request carries a token of an organization."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, AccessToken)


def organization_of(request: Request) -> Organization:
    """The organization that `request` acts for: its token's. Faces start every query from it."""
    assert isinstance(request.auth, AccessToken), "organization_of() is for views behind InOrganization"
    return request.auth.organization
