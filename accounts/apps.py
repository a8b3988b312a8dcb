from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401 the import registers the system checks
        from accounts.oidc import checks as oidc_checks  # noqa: F401 registers the checks
