from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_http_methods

from accounts.console.passwords import Change
from accounts.console.signing import AdminSignIn, SignOut

urlpatterns = [
    path("admin/login/", AdminSignIn.as_view()),
    path("admin/logout/", SignOut.as_view()),
    path("admin/password_change/", require_http_methods(["GET", "HEAD", "POST"])(Change.as_view())),
    path("admin/", admin.site.urls),
    path("api/v1/", include("accounts.api.urls")),
    path("auth/v3/", include("accounts.api.auth_v3.urls")),
    path("", include("exports.api.urls")),
    path("", include("accounts.console.urls")),
    path("", include("accounts.oidc.urls")),
    path("", include("exports.console.urls")),
]
