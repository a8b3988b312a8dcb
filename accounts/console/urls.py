"""The addresses of the account's own pages."""

from django.urls import path
from django.views.decorators.http import require_http_methods

from accounts.console import audit, passwords, profile
from accounts.console.signing import SignIn, SignOut

# Django's form views would take a PUT for a POST.
form = require_http_methods(["GET", "HEAD", "POST"])

urlpatterns = [
    path("sign-in", form(SignIn.as_view()), name="sign-in"),
    path("sign-out", form(SignOut.as_view()), name="sign-out"),
    path("password", form(passwords.Change.as_view()), name="password-change"),
    path("password/forgotten", form(passwords.Forgotten.as_view()), name="password-forgotten"),
    path("password/mailed", passwords.Mailed.as_view(), name="password-mailed"),
    path("password/reset/<uidb64>/<token>", form(passwords.Reset.as_view()), name="password-reset"),
    path("profile", profile.profile, name="profile"),
    path("profile/notices", profile.notices, name="profile-notices"),
    path("profile/keys", profile.key_issue, name="key-issue"),
    path("profile/keys/<int:pk>/revoke", profile.key_revoke, name="key-revoke"),
    path("organization", profile.organization_switch, name="organization-switch"),
    path("organization/keys", profile.organization_keys, name="organization-keys"),
    path("audit", audit.audit, name="console-audit"),
    path("audit/csv", audit.audit_csv, name="console-audit-csv"),
]
