"""The addresses of retention's pages. They stand beside those of exports; `retention/…` itself is the rules' API."""

from django.urls import path

from retention.console import dispositions, holds, jobs, overview, purges, rules

urlpatterns = [
    path("retention", overview.overview, name="console-retention"),
    path("rules", rules.rule_list, name="console-retention-rules"),
    path("rules/new", rules.rule_new, name="console-retention-rule-new"),
    path("rules/<int:pk>", rules.rule_detail, name="console-retention-rule"),
    path("rules/<int:pk>/change", rules.rule_change, name="console-retention-rule-change"),
    path("rules/<int:pk>/mode", rules.rule_mode, name="console-retention-rule-mode"),
    path("rules/<int:pk>/preview", rules.rule_preview, name="console-retention-rule-preview"),
    path("rules/<int:pk>/apply", rules.rule_apply, name="console-retention-rule-apply"),
    path("rules/<int:pk>/delete", rules.rule_delete, name="console-retention-rule-delete"),
    path("previews/<int:pk>", rules.preview_detail, name="console-retention-preview"),
    path("purges", purges.purge_list, name="console-retention-purges"),
    path("purges/progress", purges.progress, name="console-retention-purge-progress"),
    path("purges/<int:pk>", purges.purge_detail, name="console-retention-purge"),
    path("purges/<int:pk>/approve", purges.purge_approve, name="console-retention-purge-approve"),
    path("purges/<int:pk>/cancel", purges.purge_cancel, name="console-retention-purge-cancel"),
    path("purges/<int:pk>/files/<int:file>", purges.file_download, name="console-retention-file"),
    path("holds", holds.hold_list, name="console-retention-holds"),
    path("holds/new", holds.hold_new, name="console-retention-hold-new"),
    path("holds/<int:pk>", holds.hold_detail, name="console-retention-hold"),
    path("holds/<int:pk>/rows", holds.hold_rows, name="console-retention-hold-rows"),
    path("holds/<int:pk>/release", holds.hold_release, name="console-retention-hold-release"),
    path("dispositions", dispositions.ledger, name="console-retention-dispositions"),
    path("dispositions/csv", dispositions.ledger_csv, name="console-retention-dispositions-csv"),
    path("dispositions/verify", dispositions.ledger_verify, name="console-retention-dispositions-verify"),
    path("dispositions/<int:number>", dispositions.disposition_detail, name="console-retention-disposition"),
    path("dispositions/<int:number>/restore", dispositions.disposition_restore, name="console-retention-restore"),
    path("dispositions/<int:number>/certificate", dispositions.certificate, name="console-retention-certificate"),
    path("dispositions/<int:number>/certificate.json", dispositions.certificate_json, name="console-retention-certificate-json"),
    path("retention-jobs", jobs.job_list, name="console-retention-jobs"),
    path("retention-jobs/<uuid:pk>", jobs.job_detail, name="console-retention-job"),
    path("retention-jobs/<uuid:pk>/cancel", jobs.job_cancel, name="console-retention-job-cancel"),
]
