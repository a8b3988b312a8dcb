"""The links to files. The faces stand in config/faces.py."""

from django.urls import path

from exports.api.download import download

urlpatterns = [
    path("download/<str:token>", download, name="download"),
]
