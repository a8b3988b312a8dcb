from django.contrib import admin
from django.urls import include, path
from django.views.decorators.http import require_http_methods

from accounts.api.documents import Page, document, listing
from accounts.console.passwords import Change
from accounts.console.signing import AdminSignIn, SignOut
from config.faces import FACES

urlpatterns = [
    path("admin/login/", AdminSignIn.as_view()),
    path("admin/logout/", SignOut.as_view()),
    path("admin/password_change/", require_http_methods(["GET", "HEAD", "POST"])(Change.as_view())),
    path("admin/", admin.site.urls),
    *[path(face.path, include(urlconf)) for face in FACES for urlconf in face.urlconfs],
    path("api/schema", document, {"key": FACES[0].key, "form": "json"}),
    path("api/schema/<slug:key>", document, {"form": "json"}, name="document"),
    path("api/schema/<slug:key>.yaml", document, {"form": "yaml"}, name="document-yaml"),
    path("api/docs", listing, name="docs"),
    path("api/docs/<slug:key>", Page.as_view(), name="docs-face"),
    path("", include("exports.api.urls")),
    path("", include("accounts.console.urls")),
    path("", include("accounts.oidc.urls")),
    path("", include("exports.console.urls")),
    path("", include("retention.console.urls")),
]
