"""`manage.py documents`: write each face's OpenAPI document, and fail on any warning or error in one."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema
from jsonschema import ValidationError

from accounts.api.documents import Generator


class Command(BaseCommand):
    help = "Write the OpenAPI document of each face into a folder; fail if one has warnings or is not valid."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for face in settings.FACES:
            document = Generator(face).get_schema(public=True)
            if GENERATOR_STATS:
                GENERATOR_STATS.emit_summary()
                raise CommandError(f"The document of {face.title} has warnings.")
            try:
                validate_schema(document)
            except ValidationError as error:
                raise CommandError(f"The document of {face.title} is not valid: {error.message}") from error
            (folder / f"{face.key}.yaml").write_bytes(OpenApiYamlRenderer().render(document, renderer_context={}))
            self.stdout.write(f"{face.key}: {len(document['paths'])} paths")
