"""Strongroom's own resources of retention, below /api/v1."""

from django.urls import path

from retention.api.own import dispositions, holds, previews, purges, restores

urlpatterns = [
    *restores.urlpatterns,
    path("holds", holds.Holds.as_view()),
    path("holds/<str:hold_id>", holds.HoldDetail.as_view()),
    path("holds/<str:hold_id>/release", holds.HoldRelease.as_view()),
    path("retention/previews", previews.Previews.as_view()),
    path("retention/previews/<str:preview_id>", previews.PreviewDetail.as_view()),
    path("retention/purges", purges.Purges.as_view()),
    path("retention/purges/<str:purge_id>", purges.PurgeDetail.as_view()),
    path("retention/purges/<str:purge_id>/approve", purges.PurgeApproval.as_view()),
    path("retention/purges/<str:purge_id>/cancel", purges.PurgeCancellation.as_view()),
    path("dispositions", dispositions.Dispositions.as_view()),
    path("dispositions/<str:number>", dispositions.DispositionDetail.as_view()),
    path("dispositions/<str:number>/certificate", dispositions.DispositionCertificate.as_view()),
]
