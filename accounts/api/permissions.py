"""The one place that decides for which organization, and with which permissions, a request acts."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.services.access import Access

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, through DRF's settings


class InOrganization(BasePermission):
    """The request carries a credential of a member of an organization."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Access)


def access_of(request: Request) -> Access:
    """What `request` may do, and for which organization. Faces start everything from it."""
    assert isinstance(request.auth, Access), "access_of() is for views behind InOrganization"
    return request.auth
