"""The APIs that Strongroom speaks. From this list follow their addresses, their OpenAPI documents and the pages of those."""

from accounts.faces import Face

_TOKENS = "Every request carries a bearer token (see [Authentication](/api/docs/auth-v3))."

FACES = (
    Face(
        key="udm-v10",
        title="User Data Management, version 10",
        path="udm/v10/",
        urlconfs=("exports.api.udm.v10.urls",),
        sentence="Jobs that export your data on a schedule, their history, and the sealed files that they make.",
        about=f"""Jobs export rows of your databases, sealed for your certificate.

{_TOKENS} The way of a first export:

1. `POST /udm/v10/cipher/{{certificatefilename}}`: the certificate that files are sealed for.
2. `GET /udm/v10/data/sources`, `/data/types`, `/data/sub-types`: what there is to export.
3. `POST /udm/v10/export/jobs`: what, when, and in which shape.
4. `GET /udm/v10/export/history`: the runs, until yours is `Completed`.
5. `GET /udm/v10/file-metadatas` and `GET /udm/v10/files/{{filename}}`: its files, and links to download them.

Unknown query parameters and body fields are refused with 400: nothing is accepted and ignored.""",
    ),
    *[
        Face(
            key=f"{product}-{version}",
            title=f"{name}, version {version[1:]}",
            path=f"{address}/{version}/",
            urlconfs=(f"exports.api.{module}.{version}.urls",),
            sentence=f"Deprecated: {what} for existing clients. New ones take User Data Management, version 10.",
            about=f"Deprecated: {what} for existing clients. New ones take [version 10](/api/docs/udm-v10), which works on the same data.\n\n{_TOKENS}",
            deprecated=True,
        )
        for product, address, module, name in (
            ("udm", "udm", "udm", "User Data Management"),
            ("data-download", "data-download", "data_download", "Cloud Data Download"),
        )
        for version, what in (("v4", "jobs and their history"), ("v3", "files, the certificate and what there is to export"))
    ],
    Face(
        key="retention-rules",
        title="Retention rules",
        path="retention/",
        urlconfs=("retention.api.cumulocity.urls",),
        sentence="Rules that remove data once it is older than so many days, as Cumulocity has them.",
        about="""A rule names what it removes (`dataType`, `fragmentType`, `type`, `source`: all that it names must match) and how many days old that must be.
Rules run once a day, one after another. A rule that is made here is in force; rows that a legal hold covers stay all the same.

Requests carry HTTP Basic, as `tenant/user` and password, or a bearer token. Answers are of the product's own media types, in the version
(`;ver=`) that was asked for; plain JSON is spoken too.""",
    ),
    Face(
        key="retention-jobs",
        title="Retention jobs",
        path="orgs/",
        urlconfs=("retention.api.medchat.urls",),
        sentence="Extract what criteria choose, or extract and purge it, in the organization's job window.",
        about=f"""A job extracts the rows that its criteria choose into sealed files, and with ExtractPurge deletes them afterwards.

{_TOKENS} The way of a first job:

1. `POST /orgs/{{uuid}}/retention/jobs`: which rows of which datasets. `Location` is the job.
2. `GET` that address until `status` is `Completed`, or have the webhook event `RetentionJobCompleted` sent to you.
3. `GET …/files`: the files of the extract, with links to download them.

`application/json` may be asked for with every combination of `odata.metadata`, `odata.streaming` and `IEEE754Compatible`. Answers hold no
OData annotations but those of pages; with `IEEE754Compatible=true` whole numbers are texts.""",
    ),
    Face(
        key="auth-v3",
        title="Authentication, version 3",
        path="auth/v3/",
        urlconfs=("accounts.api.auth_v3.urls",),
        sentence="Bearer tokens by OAuth 2, who a token speaks for, sign-out and passwords.",
        about="Clients are registered by an administrator and get bearer tokens at `POST /auth/v3/oauth/token`.",
    ),
    Face(
        key="api-v1",
        title="Strongroom's own resources, version 1",
        path="api/v1/",
        urlconfs=("accounts.api.urls", "exports.api.own.urls", "retention.api.own.urls"),
        sentence="What no other product's API has a word for: certificates beside the first, webhooks, watermarks, holds, previews, purges, dispositions, restores and the audit trail.",
        about="Every request carries a bearer token (see [Authentication](/api/docs/auth-v3)) or an API key alone.",
    ),
)
