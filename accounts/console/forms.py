"""The forms of the account's own pages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.cache import cache
from django.http import HttpRequest

from accounts.models import ApiKey, User
from accounts.roles import PERMISSIONS
from accounts.services import keys
from accounts.services.access import Access

MAILED_EVERY = 300  # seconds: nobody's mailbox is flooded by others who ask


class ForgottenForm(PasswordResetForm):
    """Mails a link to the people of an address, each at most once in MAILED_EVERY."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"

    def get_users(self, email: str) -> Iterator[User]:
        for user in super().get_users(email):
            if cache.add(f"password-mailed-{user.pk}", True, MAILED_EVERY):
                yield user


if TYPE_CHECKING:
    _SetPasswordForm = SetPasswordForm[User]
else:
    _SetPasswordForm = SetPasswordForm


class NewPasswordForm(_SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_rules(self)


class ChangeForm(PasswordChangeForm):
    """Guesses of the old password count as failed sign-ins: a session that was left open must not become a way to find it."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        _say_rules(self)

    def clean_old_password(self) -> str:
        old = str(self.cleaned_data["old_password"])
        if authenticate(self.request, username=self.user.get_username(), password=old) != self.user:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old


def _say_rules(form: forms.Form) -> None:
    """As one text: Django's list does not fit into a field's paragraph."""
    form.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
    form.fields["new_password2"].label, form.fields["new_password2"].help_text = "New password again", ""


class KeyForm(forms.Form):
    """A new API key for the user of `access`, for some of the permissions that they hold."""

    name = forms.CharField(max_length=100, help_text="The program that will use it: one key for each.")
    scopes = forms.MultipleChoiceField(
        label="May be used to",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one: a key is good only for what it names."},
    )
    days = forms.IntegerField(label="Days until it expires", min_value=1)

    def __init__(self, access: Access, data: Any = None) -> None:
        super().__init__(data, label_suffix="", initial={"days": settings.API_KEY_DAYS})
        self.access = access
        scopes, days = self.fields["scopes"], self.fields["days"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(name, scope_words(name)) for name in PERMISSIONS if access.may(name)]
        days.help_text = f"At most {settings.API_KEY_MAX_DAYS}."

    def issue(self) -> tuple[ApiKey, str] | None:
        """The new key and what its user keeps, or None when the service refused: then the form says why."""
        data = self.cleaned_data
        try:
            return keys.issue(self.access, name=data["name"], scopes=data["scopes"], days=data["days"])
        except keys.Refused as refused:
            self.add_error(refused.field, str(refused))
        return None


def scope_words(permission: str) -> str:
    """A permission in words that follow “may be used to”, without what protocols call it."""
    return PERMISSIONS.get(permission, permission).removeprefix("May ").partition(" (")[0]
