from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("exports.api.urls")),
    path("", include("exports.console.urls")),
]
