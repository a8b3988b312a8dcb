"""Who gets what at every address of Strongroom: the table that tests/test_isolation.py walks.

One row is one (route, method). A URL without a row, a method that answers and has none, and a row without a URL fail
the walk. To add a route:

1. Add a row to the section of its face, or a section of your own to TABLE. `route` is what the patterns of the URL conf
   say, one after another (`resolve(address).route`).
2. Write the statuses: of the owner (Administrator of the organization whose ids are in the address), the teammate (same
   organization, no role), the outsider (Administrator of another organization) and anonymous.
3. Say what the address needs: `args` fills the route's placeholders from the Scene (PLACEHOLDERS has those that mean the
   same everywhere), `query` and `data` are what is sent. Send what lets the owner succeed, so that it is the persona that
   the others are refused for. Personas ask in the order anonymous, outsider, teammate, owner.

`api` rows are asked for with a bearer token, `page` rows with a signed-in session, `anybody` rows with both. Beside the
statuses the walk sees that a safe or a refused request changes no row of the database (but for UNCOMPARED) and no stored
object, that an outsider never changes what others have, that a session opens no API and a token no page, and that no page
takes a POST without a CSRF token.
"""

# ruff: noqa: ARG005 a cell of the table is a status or a function of the scene

from collections.abc import Callable
from datetime import timedelta
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from accounts.models import AccessToken, ApiKey, Application, AuditEntry, Identity, Membership
from accounts.roles import EXPORT_ALL
from accounts.secrets import digest
from accounts.services import keys
from accounts.services.access import access_to
from accounts.services.audit import record
from exports.models import Challenge, Delivery, MailAddress, Notice, Webhook
from exports.services.files import link
from retention.models import RetentionSettings
from tests.console.scenes import PASSWORD, Scene, certificate_pem, new_job
from tests.isolation_retention import OWN_RETENTION, RESTORES, RETENTION_JOBS, RETENTION_PAGES, RULES, restore, rule_terms
from tests.isolation_rows import Row, Sent, anybody, api, page, readable, root


# --- User Data Management --------------------------------------------------------------------------------------------
def ids(name: str) -> Sent:
    return lambda scene: {"jobIDs": getattr(scene, name).pk}


def file_name(scene: Scene) -> dict[str, str]:
    return {"filename": scene.file.name}


def certificate(scene: Scene) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("archive.pem", certificate_pem()), "profile": "standard"}


JOB_BODY: dict[str, Any] = {
    "source": "contact-history",
    "type": "UCS",
    "title": "All chats",
    "timeFrame": {"all": True},
    "schedulerParam": {"cron": "0 3 * * *"},
    "jobParams": {"type": "Interaction", "media": []},
    "suspended": False,
}


def job_body(scene: Scene) -> dict[str, Any]:
    return {**JOB_BODY, "source": scene.source.key}


def older_body(scene: Scene) -> dict[str, Any]:
    return {name: value for name, value in job_body(scene).items() if name != "type"}


def syncing_page(scene: Scene) -> dict[str, int]:
    return {"pk": new_job(scene.owner, scene.dataset, "Changes", kind="DataSync").pk}


def waiting(scene: Scene) -> dict[str, int]:
    """A job that is suspended and has never started."""
    tomorrow = timezone.now() + timedelta(days=1)
    return {"job_id": new_job(scene.owner, scene.dataset, "Waiting", cron="0 3 * * *", next_slot=tomorrow, suspended=True).pk}


def files_and_catalogue(base: str) -> list[Row]:
    """Version 3, and in version 10."""
    return [
        api(f"{base}/cipher", "GET", 200, 403, 404),
        api(f"{base}/cipher/<str:certificatefilename>", "POST", 201, 403, 201, data=certificate),
        api(f"{base}/data/job-statuses", "GET", 200, 403, 200),
        api(f"{base}/data/sources", "GET", 200, 403, 204),
        api(f"{base}/data/sub-types", "GET", 200, 403, 204),
        api(f"{base}/data/types", "GET", 200, 403, 204),
        api(f"{base}/file-metadatas", "GET", 200, 403, 200),
        api(f"{base}/files", "GET", 200, 403, 404, query=file_name),
        api(f"{base}/files", "DELETE", 204, 403, 404, query=file_name),
        api(f"{base}/files/<str:filename>", "GET", 303, 403, 404),
        api(f"{base}/files/<str:filename>", "DELETE", 204, 403, 404),
        anybody(f"{base}/version", "GET", 200),
    ]


def jobs_and_history(base: str, body: Sent = job_body) -> list[Row]:
    """Version 4, and in version 10."""
    return [
        api(f"{base}/export/history", "GET", 200, 403, 204),
        api(f"{base}/export/history", "DELETE", 204, 403, 404, query=ids("run")),
        api(f"{base}/export/history/<str:run_id>", "GET", 200, 403, 404),
        api(f"{base}/export/history/<str:run_id>", "DELETE", 204, 403, 404),
        api(f"{base}/export/history/<str:run_id>/progress", "GET", 200, 403, 404),
        api(f"{base}/export/jobs", "GET", 200, 403, 204),
        api(f"{base}/export/jobs", "POST", 202, 403, 400, data=body),
        api(f"{base}/export/jobs", "DELETE", 204, 403, 404, query=ids("job")),
        api(f"{base}/export/jobs/<str:job_id>", "GET", 200, 403, 404),
        api(f"{base}/export/jobs/<str:job_id>", "PUT", 200, 403, 404, args=waiting, data=body),
        api(f"{base}/export/jobs/<str:job_id>", "DELETE", 204, 403, 404),
        api(f"{base}/export/jobs/cancel/<str:job_id>", "POST", 200, 403, 404),
        api(f"{base}/export/jobs/resume/<str:job_id>", "POST", 200, 403, 404, args=waiting),
        api(f"{base}/export/jobs/suspend/<str:job_id>", "POST", 200, 403, 404),
    ]


UDM = [
    *files_and_catalogue("udm/v10"),
    *jobs_and_history("udm/v10"),
    api("udm/v10/data/attributes", "GET", 200, 403, 200, args=readable),
    api("udm/v10/resources/labels", "GET", 200, 403, 200),
    *jobs_and_history("udm/v4", older_body),
    *files_and_catalogue("udm/v3"),
    *jobs_and_history("data-download/v4", older_body),
    *files_and_catalogue("data-download/v3"),
    anybody("download/<str:token>", "GET", 200, args=lambda scene: {"token": link(scene.file, "", scene.owner).rpartition("/")[2]}),
]


# --- Strongroom's own resources --------------------------------------------------------------------------------------
def webhook(scene: Scene) -> Webhook:
    """The owner's."""
    given = {"url": "https://receiver.example/", "secret": "whsec_AAAA", "events": ["run.failed"]}
    return Webhook.objects.get_or_create(organization=scene.organization, name="Pager", defaults=given)[0]


def delivery(scene: Scene) -> Delivery:
    """Of a notice that arrived."""
    hook = webhook(scene)
    notice = Notice.objects.create(
        organization=scene.organization, event="ping", subject_kind="webhook", subject_id=hook.pk, subject_name="Pager"
    )
    return Delivery.objects.create(organization=scene.organization, notice=notice, webhook=hook, status="delivered")


def to_webhook(scene: Scene) -> dict[str, object]:
    return {"webhook_id": webhook(scene).pk}


def to_delivery(scene: Scene) -> dict[str, object]:
    return {**to_webhook(scene), "delivery_id": delivery(scene).pk}


def webhook_body(scene: Scene) -> dict[str, object]:
    return {"name": "Chat", "url": "https://chat.example/", "events": ["run.failed"]}


def to_certificate(scene: Scene) -> dict[str, object]:
    return {"certificate_id": scene.certificate.pk}


def challenged(scene: Scene) -> dict[str, object]:
    """A certificate for which the owner has asked for a secret: `right`."""
    expires = timezone.now() + timedelta(minutes=5)
    Challenge.objects.get_or_create(
        certificate=scene.certificate, user=scene.owner, defaults={"digest": digest("right"), "expires_at": expires}
    )
    return to_certificate(scene)


def recipient(scene: Scene) -> dict[str, object]:
    return {"name": "second", "pem": certificate_pem().decode()}


def named_dataset(scene: Scene) -> dict[str, Any]:
    return {**readable(scene), "source": scene.source.key, "dataset": scene.dataset.name}


def syncing(scene: Scene) -> dict[str, int]:
    return {"job_id": new_job(scene.owner, scene.dataset, "Changes", kind="DataSync").pk}


OWN = [
    *RESTORES,
    api("api/v1/audit", "GET", 200, 403, 200),
    api("api/v1/certificates", "GET", 200, 403, 200),
    api("api/v1/certificates", "POST", 201, 403, 201, data=recipient),
    api("api/v1/certificates/<str:certificate_id>", "GET", 200, 403, 404, args=to_certificate),
    api("api/v1/certificates/<str:certificate_id>", "PATCH", 200, 403, 404, args=to_certificate, data=lambda scene: {"active": False}),
    api("api/v1/certificates/<str:certificate_id>/challenge", "POST", 201, 403, 404, args=to_certificate),
    api(
        "api/v1/certificates/<str:certificate_id>/challenge", "PUT", 200, 403, 404, args=challenged, data=lambda scene: {"secret": "right"}
    ),
    anybody("api/schema", "GET", 200),
    anybody("api/schema/<slug:key>", "GET", 200),
    anybody("api/schema/<slug:key>.yaml", "GET", 200),
    anybody("api/docs", "GET", 200),
    anybody("api/docs/<slug:key>", "GET", 200),
    api("api/v1/datasets/<str:source>/<str:dataset>/schema", "GET", 200, 403, 404, args=named_dataset),
    api("api/v1/jobs/<str:job_id>/watermark", "GET", 200, 403, 404, args=syncing),
    api("api/v1/jobs/<str:job_id>/watermark", "PUT", 200, 403, 404, args=syncing, data=lambda scene: {"watermark": "2024-01-31T12:00:00Z"}),
    api("api/v1/webhooks", "GET", 200, 403, 200),
    api("api/v1/webhooks", "POST", 201, 403, 201, data=webhook_body),
    api("api/v1/webhooks/<str:webhook_id>", "GET", 200, 403, 404, args=to_webhook),
    api("api/v1/webhooks/<str:webhook_id>", "PATCH", 200, 403, 404, args=to_webhook, data=lambda scene: {"active": False}),
    api("api/v1/webhooks/<str:webhook_id>", "DELETE", 204, 403, 404, args=to_webhook),
    api("api/v1/webhooks/<str:webhook_id>/secret", "POST", 200, 403, 404, args=to_webhook),
    api("api/v1/webhooks/<str:webhook_id>/ping", "POST", 202, 403, 404, args=to_webhook),
    api("api/v1/webhooks/<str:webhook_id>/deliveries", "GET", 200, 403, 404, args=to_webhook),
    api("api/v1/webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/resend", "POST", 202, 403, 404, args=to_delivery),
]


# --- Console ---------------------------------------------------------------------------------------------------------
def pk(name: str, **more: str) -> Sent:
    return lambda scene: {"pk": getattr(scene, name).pk, **more}


def job_form(scene: Scene) -> dict[str, str]:
    return {"title": "All", "dataset": str(scene.dataset.pk), "time_frame": "all", "schedule": "now", "timezone": "UTC"}


def pk_webhook(scene: Scene) -> dict[str, object]:
    return {"pk": webhook(scene).pk}


def pk_action(action: str) -> Sent:
    return lambda scene: {"pk": webhook(scene).pk, "action": action}


def pk_challenged(scene: Scene) -> dict[str, object]:
    return {"pk": challenged(scene)["certificate_id"]}


def mail_address(scene: Scene) -> MailAddress:
    return MailAddress.objects.get_or_create(
        organization=scene.organization, address="ops@company.example", defaults={"events": ["run.failed"]}
    )[0]


CONSOLE = [
    page("", "GET", 200, 200, 200),
    page("progress", "GET", 200, 403, 200, query=lambda scene: {"run": scene.run.pk}),
    page("jobs", "GET", 200, 403, 200),
    page("jobs/new", "GET", 200, 403, 200),
    page("jobs/new", "POST", 302, 403, 200, data=job_form),
    page("jobs/attributes", "GET", 200, 403, 404, query=lambda scene: {"dataset": scene.dataset.pk}),
    page("jobs/preview", "GET", 200, 403, 200, query=lambda scene: {"cron": "0 3 * * *"}),
    page("jobs/<int:pk>", "GET", 200, 403, 404, args=pk("job")),
    page("jobs/<int:pk>/watermark", "GET", 200, 403, 404, args=syncing_page),
    page("jobs/<int:pk>/watermark", "POST", 302, 403, 404, args=syncing_page, data=lambda scene: {"watermark": "2024-01-31T12:00"}),
    page("jobs/<int:pk>/delete", "GET", 200, 403, 404, args=pk("job")),
    page("jobs/<int:pk>/delete", "POST", 302, 403, 404, args=pk("job")),
    page("audit", "GET", 200, 403, 200),
    page("audit/csv", "GET", 200, 403, 200),
    *[
        page("jobs/<int:pk>/<slug:action>", "POST", 302, 403, 404, args=pk("job", action=action), case=action)
        for action in ("run", "cancel", "suspend", "resume", "clone")
    ],
    page("runs", "GET", 200, 403, 200),
    page("runs/<int:pk>", "GET", 200, 403, 404, args=pk("run")),
    page("runs/<int:pk>/cancel", "POST", 302, 403, 404, args=pk("run")),
    page("files", "GET", 200, 403, 200),
    page("files/<int:pk>/download", "GET", 302, 403, 404, args=pk("file")),
    page("certificates", "GET", 200, 403, 200),
    page("certificates", "POST", 302, 403, 302, data=certificate),
    page("certificates/<int:pk>/activity", "POST", 302, 403, 404, args=pk("certificate")),
    page("certificates/<int:pk>/challenge", "POST", 200, 403, 404, args=pk("certificate")),
    page("certificates/<int:pk>/prove", "POST", 302, 403, 404, args=pk_challenged, data=lambda scene: {"secret": "right"}),
    page("notifications", "GET", 200, 403, 200),
    page("notifications/webhooks", "POST", 200, 403, 200, data=webhook_body),
    page("notifications/webhooks/<int:pk>", "GET", 200, 403, 404, args=pk_webhook),
    page("notifications/webhooks/<int:pk>", "POST", 302, 403, 404, args=pk_webhook, data=webhook_body),
    *[
        page("notifications/webhooks/<int:pk>/<slug:action>", "POST", status, 403, 404, args=pk_action(action), case=action)
        for action, status in {"ping": 302, "rotate": 200, "delete": 302}.items()
    ],
    page(
        "notifications/addresses", "POST", 302, 403, 302, data=lambda scene: {"address": "team@company.example", "events": ["run.failed"]}
    ),
    page("notifications/addresses/<int:pk>/remove", "POST", 302, 403, 404, args=lambda scene: {"pk": mail_address(scene).pk}),
    page("notifications/deliveries", "GET", 200, 403, 200),
    page("notifications/deliveries/<int:pk>/resend", "POST", 302, 403, 404, args=lambda scene: {"pk": delivery(scene).pk}),
    anybody("favicon.ico", "GET", 302),
]


# --- The account's own pages -----------------------------------------------------------------------------------------
def api_key(scene: Scene) -> ApiKey:
    access = access_to(scene.owner, scene.organization)
    assert access is not None
    return keys.issue(access, name="mine", scopes=[EXPORT_ALL])[0]


def reset_link(scene: Scene) -> dict[str, str]:
    """Django keeps the token in the session and sends to this address."""
    return {"uidb64": urlsafe_base64_encode(str(scene.owner.pk).encode()), "token": "set-password"}


ACCOUNT = [
    page("sign-in", "GET", 302, 302, 302, anonymous=200),
    page("sign-in", "POST", 302, 302, 302, anonymous=200),
    page("sign-out", "GET", 200, 200, 200, anonymous=200),
    page("sign-out", "POST", 302, 302, 302),
    page("password", "GET", 200, 200, 200),
    page("password", "POST", 200, 200, 200, data=lambda scene: {"old_password": "wrong"}),
    anybody("password/forgotten", "GET", 200),
    anybody("password/forgotten", "POST", 302, data=lambda scene: {"email": "nobody@example.org"}),
    anybody("password/mailed", "GET", 200),
    anybody("password/reset/<uidb64>/<token>", "GET", 200, args=reset_link),
    anybody("password/reset/<uidb64>/<token>", "POST", 200, args=reset_link),
    page("profile", "GET", 200, 200, 200),
    page("profile/notices", "POST", 302, 302, 302, data=lambda scene: {"notices": "problems"}, own=frozenset({"accounts.user"})),
    page("profile/keys", "GET", 302, 302, 302),
    page("profile/keys", "POST", 200, 200, 200, data=lambda scene: {"name": "mine", "days": "7", "scopes": [EXPORT_ALL]}),
    page("profile/keys/<int:pk>/revoke", "POST", 302, 404, 404, args=lambda scene: {"pk": api_key(scene).pk}),
    page("organization", "POST", 302, 302, 404, data=lambda scene: {"organization": str(scene.organization.pk)}),
    page("organization/keys", "GET", 200, 403, 200),
]


# --- Sign-in with a provider -------------------------------------------------------------------------------------------
# Nobody's, until the settings name a provider; tests/accounts/oidc walks both with one.
OIDC = [
    anybody("oidc/start", "GET", 404),
    anybody("oidc/callback", "GET", 404),
]


# --- Admin -----------------------------------------------------------------------------------------------------------
def model(name: str, found: Callable[[Scene], Any], *, add: int = 200, change: int = 200, delete: int = 200) -> list[Row]:
    """The pages of a model (app/model). `found` gives one of its rows; the statuses are a superuser's POST."""
    one: dict[str, Any] = {"args": lambda scene: {"object_id": found(scene).pk}}
    here = f"{name}/<path:object_id>"
    return [
        root(f"{name}/", "GET", 200),
        root(f"{name}/add/", "GET", add),
        root(f"{name}/add/", "POST", add),
        root(f"{here}/history/", "GET", 200, **one),
        root(f"{here}/change/", "GET", 200, **one),
        root(f"{here}/change/", "POST", change, **one),
        root(f"{here}/delete/", "GET", delete, **one),
        root(f"{here}/delete/", "POST", delete, **one),
        root(f"{here}/", "GET", 302, staff=302, **one),
    ]


def look(name: str, found: Callable[[Scene], Any]) -> list[Row]:
    """A model that the admin only looks at."""
    return model(name, found, add=403, change=403, delete=403)


def type_of_group(scene: Scene) -> dict[str, object]:
    return {"content_type_id": ContentType.objects.get_for_model(Group).pk, "object_id": Group.objects.all()[0].pk}


def interval(scene: Scene) -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=1, period="days")


def periodic_task(scene: Scene) -> PeriodicTask:
    return PeriodicTask.objects.create(name="mine", task="exports.look", interval=interval(scene))


def entry(scene: Scene) -> AuditEntry:
    record("job.create", scene.job, organization=scene.organization, user=scene.owner)
    return AuditEntry.objects.order_by("-pk")[0]


ADMIN = [
    root("", "GET", 200, staff=200),
    root("search/", "GET", 200, staff=200, query=lambda scene: {"s": "here"}),
    root("login/", "GET", 302, staff=302, member=200, anonymous=200),
    root("login/", "POST", 200, staff=200, member=200, anonymous=200),
    root("logout/", "POST", 302, staff=302),
    page("admin/password_change/", "GET", 200, 200, 200),
    page("admin/password_change/", "POST", 200, 200, 200, data=lambda scene: {"old_password": "wrong"}),
    root("password_change/done/", "GET", 200, staff=200),
    root("autocomplete/", "GET", 200, query=lambda scene: {"app_label": "accounts", "model_name": "membership", "field_name": "user"}),
    root("jsi18n/", "GET", 200, staff=200),
    root("r/<path:content_type_id>/<path:object_id>/", "GET", 404, staff=404, args=type_of_group),
    root("<app_label>/", "GET", 200, staff=404, args=lambda scene: {"app_label": "exports"}),
    root("(?P<url>.*)$", "GET", 404, staff=404, args=lambda scene: {"url": "nowhere"}),
    *model("accounts/organization", lambda scene: scene.organization, delete=403),
    *model("accounts/user", lambda scene: scene.owner),
    root("accounts/user/<id>/password/", "GET", 200, args=lambda scene: {"id": scene.owner.pk}),
    root("accounts/user/<id>/password/", "POST", 200, args=lambda scene: {"id": scene.owner.pk}),
    *model("accounts/membership", lambda scene: Membership.objects.all()[0]),
    *look("accounts/accesstoken", lambda scene: AccessToken.issue(scene.owner, scene.organization, lifetime=timedelta(hours=1))[0]),
    *look("accounts/apikey", api_key),
    *look("accounts/auditentry", entry),
    *model("accounts/identity", lambda scene: Identity.objects.create(user=scene.owner, issuer="https://id.example", subject="1")),
    *model("accounts/application", lambda scene: Application.objects.create(organization=scene.organization, name="mine")),
    *model("auth/group", lambda scene: Group.objects.all()[0]),
    *model("exports/source", lambda scene: scene.source),
    *model("exports/dataset", lambda scene: scene.dataset),
    *look("exports/certificate", lambda scene: scene.certificate),
    *look("exports/webhook", webhook),
    *look("exports/mailaddress", mail_address),
    *look("exports/delivery", delivery),
    *look("exports/notice", lambda scene: delivery(scene).notice),
    *look("exports/job", lambda scene: scene.job),
    *look("exports/run", lambda scene: scene.run),
    *model("retention/retentionsettings", lambda scene: RetentionSettings.objects.create(organization=scene.organization)),
    *model("retention/rule", lambda scene: scene.retention.rule),
    root(
        "retention/rule/<path:object_id>/preview/", "POST", 200, args=lambda scene: {"object_id": scene.retention.rule.pk}, data=rule_terms
    ),
    *model("retention/foreignkeyplan", lambda scene: scene.retention.plan),
    *model("retention/hold", lambda scene: scene.retention.hold, delete=403),
    *look("retention/restore", restore),
    *[
        row
        for name, found in {
            "purge": "waiting",
            "batch": "batch",
            "day": "day",
            "retentionjob": "job",
            "disposition": "disposition",
            "preview": "preview",
        }.items()
        for row in look(f"retention/{name}", attrgetter(f"retention.{found}"))
    ],
    *model("django_celery_beat/periodictask", periodic_task),
    *model("django_celery_beat/intervalschedule", interval),
    *model("django_celery_beat/clockedschedule", lambda scene: ClockedSchedule.objects.create(clocked_time=scene.job.created_at)),
    *model("django_celery_beat/solarschedule", lambda scene: SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1)),
    *model("django_celery_beat/crontabschedule", lambda scene: CrontabSchedule.objects.create(hour="3")),
]

# --- Authentication --------------------------------------------------------------------------------------------------
TOKENS = frozenset({"accounts.accesstoken"})
CALLBACK = "https://client.example/callback"


def authorize(scene: Scene) -> dict[str, str]:
    """An application that is for the owner's organization only: an outsider is asked to sign in as somebody else."""
    application = Application.objects.create(
        organization=scene.organization,
        name="Wallboard",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=CALLBACK,
    )
    return {"client_id": application.client_id, "redirect_uri": CALLBACK, "response_type": "code"}


def credentials(scene: Scene) -> dict[str, str]:
    machine = {
        "organization": scene.organization,
        "user": scene.owner,
        "client_secret": "of the client",
        "client_type": Application.CLIENT_CONFIDENTIAL,
        "authorization_grant_type": Application.GRANT_CLIENT_CREDENTIALS,
    }
    Application.objects.get_or_create(client_id="nightly", defaults=machine)
    return {"grant_type": "client_credentials", "client_id": "nightly", "client_secret": "of the client"}


def passwords(scene: Scene) -> dict[str, Any]:
    return {"data": {"oldPassword": PASSWORD, "newPassword": "a long way to Tipperary"}}


AUTH = [
    anybody("auth/v3/.well-known/jwks.json", "GET", 200),
    anybody("auth/v3/oauth/authorize", "GET", 200, query=authorize),
    anybody("auth/v3/oauth/authorize", "POST", 302, query=authorize, data=lambda scene: {"step": "deny"}),
    anybody("auth/v3/oauth/token", "POST", 200, data=credentials, own=TOKENS | {"accounts.application"}),
    api("auth/v3/userinfo", "GET", 200, 200, 200),
    api("auth/v3/openid/userinfo", "GET", 200, 200, 200),
    api("auth/v3/jwt-userinfo", "GET", 200, 200, 200),
    api("auth/v3/ping", "GET", 200, 200, 200, anonymous=403),
    api("auth/v3/sign-out", "GET", 200, 200, 200, own=TOKENS),
    api("auth/v3/sign-out", "POST", 200, 200, 200, query=lambda scene: {"global": "true"}, own=TOKENS),
    api("auth/v3/change-password", "POST", 200, 200, 200, anonymous=403, data=passwords, own=TOKENS | {"accounts.user"}),
]

TABLE: list[Row] = [*UDM, *AUTH, *OWN, *RULES, *RETENTION_JOBS, *OWN_RETENTION, *CONSOLE, *RETENTION_PAGES, *ACCOUNT, *OIDC, *ADMIN]
