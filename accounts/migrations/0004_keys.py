from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def end_the_endless(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """A key without an end names no scopes either, so it is good for nothing any more: it ends where it began."""
    apps.get_model("accounts", "ApiKey").objects.filter(expires_at__isnull=True).update(expires_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_audit")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="scopes",
            field=models.JSONField(
                default=list, editable=False, help_text="The permissions (accounts/roles.py) that it is good for; there is no word for all."
            ),
        ),
        migrations.RunPython(end_the_endless, migrations.RunPython.noop),
        migrations.AlterField(model_name="apikey", name="expires_at", field=models.DateTimeField()),
    ]
