"""Where people sign in with a provider. The callback's address is registered at the provider."""

from django.urls import path

from accounts.oidc import views
from accounts.oidc.library import CALLBACK

START = "oidc-start"

urlpatterns = [
    path("oidc/start", views.explained(views.Start.as_view()), name=START),
    path("oidc/callback", views.explained(views.Callback.as_view()), name=CALLBACK),
]
