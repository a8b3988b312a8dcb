"""What only version 3 has."""

from rest_framework import serializers

from exports.api.udm import queries


class FileQuery(queries.FileQuery):
    field = serializers.CharField(required=False, help_text="As orderField.")
