"""Strongroom's own resources of this floor, below /api/v1."""

from retention.api.own import restores

urlpatterns = [
    *restores.urlpatterns,
]
