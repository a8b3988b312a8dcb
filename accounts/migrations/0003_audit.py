import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.models.audit_guard import guard, unguard


def put_guard(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    guard(editor.connection)


def take_guard(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    unguard(editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditChain',
            fields=[
                ('id', models.UUIDField(editable=False, help_text="The organization's id; only zeros for what belongs to none.", primary_key=True, serialize=False)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('hash', models.CharField(default='0000000000000000000000000000000000000000000000000000000000000000', max_length=64)),
                ('organization', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='audit_chain', to='accounts.organization')),
            ],
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveBigIntegerField(help_text='1, 2, 3, … within its chain.')),
                ('at', models.DateTimeField()),
                ('actor_id', models.BigIntegerField(help_text='Id of the user; none for the system.', null=True)),
                ('actor', models.CharField(blank=True, help_text='Name of the user, or what else acted.', max_length=200)),
                ('action', models.CharField(max_length=60)),
                ('target_kind', models.CharField(blank=True, max_length=60)),
                ('target_id', models.CharField(blank=True, max_length=64)),
                ('target_label', models.CharField(blank=True, max_length=250)),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
                ('address', models.CharField(blank=True, help_text='IP address that the request came from.', max_length=64)),
                ('correlation_id', models.CharField(blank=True, max_length=200)),
                ('previous', models.CharField(help_text='Hash of the entry before this one.', max_length=64)),
                ('hash', models.CharField(help_text='SHA-256 of the canonical form, in hex.', max_length=64, unique=True)),
                ('chain', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='accounts.auditchain')),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'indexes': [models.Index(fields=['chain', 'at'], name='audit_by_time')],
                'constraints': [models.UniqueConstraint(fields=('chain', 'number'), name='one_audit_entry_per_number')],
            },
        ),
        migrations.RunPython(put_guard, take_guard),
    ]
