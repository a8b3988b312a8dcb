"""Strongroom's own resources of this floor, below /api/v1."""

from django.urls import path

from exports.api.own import certificates, datasets, jobs, webhooks

urlpatterns = [
    path("certificates", certificates.Certificates.as_view()),
    path("certificates/<str:certificate_id>", certificates.CertificateDetail.as_view()),
    path("certificates/<str:certificate_id>/challenge", certificates.CertificateChallenge.as_view()),
    path("datasets/<str:source>/<str:dataset>/schema", datasets.DatasetSchema.as_view()),
    path("jobs/<str:job_id>/watermark", jobs.Watermark.as_view()),
    path("webhooks", webhooks.Webhooks.as_view()),
    path("webhooks/<str:webhook_id>", webhooks.WebhookDetail.as_view()),
    path("webhooks/<str:webhook_id>/secret", webhooks.WebhookSecret.as_view()),
    path("webhooks/<str:webhook_id>/ping", webhooks.WebhookPing.as_view()),
    path("webhooks/<str:webhook_id>/deliveries", webhooks.Deliveries.as_view()),
    path("webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/resend", webhooks.Resend.as_view()),
]
