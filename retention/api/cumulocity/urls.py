from django.urls import path

from retention.api.cumulocity.views import Retention, Retentions

urlpatterns = [
    path("retentions", Retentions.as_view(), name="retention-rules"),
    path("retentions/<str:rule_id>", Retention.as_view(), name="retention-rule"),
]
