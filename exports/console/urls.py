"""The console's addresses."""

from django.templatetags.static import static
from django.urls import path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from exports.console import certificates, files, jobs, notices, overview, runs

urlpatterns = [
    path("", overview.overview, name="console"),
    path("progress", runs.progress, name="console-progress"),
    path("jobs", jobs.job_list, name="console-jobs"),
    path("jobs/new", jobs.job_new, name="console-job-new"),
    path("jobs/preview", jobs.job_preview, name="console-job-preview"),
    path("jobs/attributes", jobs.job_attributes, name="console-job-attributes"),
    path("jobs/<int:pk>", jobs.job_detail, name="console-job"),
    path("jobs/<int:pk>/delete", jobs.job_delete, name="console-job-delete"),
    path("jobs/<int:pk>/watermark", jobs.job_watermark, name="console-job-watermark"),
    path("jobs/<int:pk>/<slug:action>", jobs.job_act, name="console-job-act"),
    path("runs", runs.run_list, name="console-runs"),
    path("runs/<int:pk>", runs.run_detail, name="console-run"),
    path("runs/<int:pk>/cancel", runs.run_cancel, name="console-run-cancel"),
    path("files", files.file_list, name="console-files"),
    path("files/<int:pk>/download", files.file_download, name="console-file-download"),
    path("certificates", certificates.certificate_list, name="console-certificates"),
    path("certificates/<int:pk>/activity", certificates.certificate_activity, name="console-certificate-activity"),
    path("certificates/<int:pk>/challenge", certificates.certificate_challenge, name="console-certificate-challenge"),
    path("certificates/<int:pk>/prove", certificates.certificate_prove, name="console-certificate-prove"),
    path("notifications", notices.overview, name="console-notifications"),
    path("notifications/webhooks", notices.webhook_new, name="console-webhook-new"),
    path("notifications/webhooks/<int:pk>", notices.webhook_detail, name="console-webhook"),
    path("notifications/webhooks/<int:pk>/<slug:action>", notices.webhook_act, name="console-webhook-act"),
    path("notifications/addresses", notices.address_new, name="console-address-new"),
    path("notifications/addresses/<int:pk>/remove", notices.address_remove, name="console-address-remove"),
    path("notifications/deliveries", notices.delivery_list, name="console-deliveries"),
    path("notifications/deliveries/<int:pk>/resend", notices.delivery_resend, name="console-delivery-resend"),
    path("favicon.ico", require_safe(RedirectView.as_view(url=static("icon.svg"))), name="favicon"),
]
