"""What pages of this admin share: they act as the superuser in a row's organization, and services write the audit trail."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest

from accounts.admin import SuperuserOnly
from accounts.models import Organization, User
from accounts.services.access import Access, superuser_access
from exports.services.errors import Invalid, ServiceError


def access_in(request: HttpRequest, organization: Organization) -> Access:
    assert isinstance(request.user, User), "the admin is for people who are signed in"
    return superuser_access(request.user, organization)


class ThroughServices(SuperuserOnly):
    """Pages whose form hands what was typed to one service, which audits it."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form's class, made for this request, knows who asks."""
        made = super().get_form(request, obj, change=change, **kwargs)
        made.request = request
        return made

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has saved it."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return ModelAdmin.log_addition(self, request, obj, message)  # without another entry in the trail

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return ModelAdmin.log_change(self, request, obj, message)  # without another entry in the trail


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A form that is valid once its service has done what it asks for: what that refuses stands at the fields."""

    request: HttpRequest
    NAMES: dict[str, str] = {}
    """What services call the fields, where that differs."""

    def act(self) -> Model:
        """Call the service; gives the row as it is now. Raises ServiceError."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, without a type
        if self.errors:
            return
        try:
            done = self.act()
        except ServiceError as error:
            self._refuse(error)
            return
        for field in done._meta.concrete_fields:  # noqa: SLF001 Django's documented API
            setattr(self.instance, field.attname, getattr(done, field.attname))

    def _refuse(self, error: ServiceError) -> None:
        for path, sentence in (error.errors if isinstance(error, Invalid) else {"": str(error)}).items():
            name = self.NAMES.get(path, path)
            self.add_error(name if name in self.fields else None, sentence)

    def save(self, commit: bool = True) -> Any:
        """It is saved."""
        self.save_m2m: Callable[[], None] = lambda: None
        return self.instance
