"""Strongroom's own resources of this floor, below /api/v1."""

from django.urls import path

from exports.api.own import webhooks

urlpatterns = [
    path("webhooks", webhooks.Webhooks.as_view()),
    path("webhooks/<str:webhook_id>", webhooks.WebhookDetail.as_view()),
    path("webhooks/<str:webhook_id>/secret", webhooks.WebhookSecret.as_view()),
    path("webhooks/<str:webhook_id>/ping", webhooks.WebhookPing.as_view()),
    path("webhooks/<str:webhook_id>/deliveries", webhooks.Deliveries.as_view()),
    path("webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/resend", webhooks.Resend.as_view()),
]
