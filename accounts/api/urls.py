"""Strongroom's own resources of the ground floor, below /api/v1."""

from django.urls import path

from accounts.api.audit import AuditTrail

urlpatterns = [
    path("audit", AuditTrail.as_view()),
]
