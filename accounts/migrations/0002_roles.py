from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.roles import PERMISSIONS
from accounts.services.people import make_roles


def make(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    make_roles(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(name="membership", options={"permissions": tuple(PERMISSIONS.items())}),
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
