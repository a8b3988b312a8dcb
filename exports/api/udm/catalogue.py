"""/cipher, /data and /version"""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.dialect import read_query
from accounts.api.parsers import BoundedMultiPartParser
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, listed
from exports.api.udm.queries import NoQuery, SourceQuery, SubTypeQuery
from exports.api.udm.schema import operation
from exports.api.udm.shapes import CertificateInfo, CertificateUpload, DataType, KeyValueItem, SubType, VersionInfo
from exports.models import Certificate
from exports.services import certificates, definitions, visible
from exports.services.errors import NotFound
from exports.services.runs import Status


class Cipher(UdmView):
    @operation("get_cipher", {200: CertificateInfo}, failures=(400, 404))
    def get(self, request: Request) -> Response:
        """Get the certificate that was uploaded."""
        read_query(request, NoQuery)
        certificate = certificates.primary(access_of(request))
        if certificate is None:
            raise NotFound("No certificate has been uploaded yet.")
        return Response(CertificateInfo(certificate).data)


class CipherUpload(UdmView):
    parser_classes = [BoundedMultiPartParser]

    @operation("upload_cipher", {201: OpenApiTypes.STR}, body=CertificateUpload, media_type="multipart/form-data", failures=(400,))
    def post(self, request: Request, certificatefilename: str) -> Response:
        """Upload a certificate. It replaces the one that was uploaded before, for the runs that start from now on."""
        read_query(request, NoQuery)
        sent = CertificateUpload(data=dict(cast("Mapping[str, Any]", request.data).items()))
        sent.is_valid(raise_exception=True)
        data = sent.validated_data["file"].read(certificates.HIGHEST_BYTES + 1)
        profile = sent.validated_data.get("profile", Certificate.Profile.STANDARD)
        certificate = certificates.upload(access_of(request), certificatefilename, data, profile=profile)
        warning = certificates.warning(certificate)
        return Response(certificate.name, status=201, headers={"Warning": f'299 strongroom "{warning}"'} if warning else None)


class JobStatuses(UdmView):
    @operation("list_job_statuses", {200: KeyValueItem(many=True)}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of job statuses."""
        read_query(request, NoQuery)
        visible.check(access_of(request))
        return Response([{"label": "In progress" if status == Status.IN_PROGRESS else status, "value": status} for status in Status])


class Sources(UdmView):
    @operation("list_sources", {200: KeyValueItem(many=True), 204: None}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of sources."""
        read_query(request, NoQuery)
        items = [{"label": source.name, "value": source.key} for source in definitions.sources(access_of(request))]
        return listed(items)


class DataTypes(UdmView):
    @operation("list_data_types", {200: DataType(many=True), 204: None}, query=SourceQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of types, of all sources or of one."""
        found = definitions.data_types(access_of(request), read_query(request, SourceQuery).get("source", ""))
        items = [{"name": dataset.name, "source": dataset.source.key} for dataset in found]
        return listed(items)


class SubTypes(UdmView):
    @operation("list_sub_types", {200: SubType(many=True), 204: None}, query=SubTypeQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of the sub-types (media) of a type and source."""
        query = read_query(request, SubTypeQuery)
        found = definitions.sub_types(access_of(request), query.get("source", ""), query.get("dataType", ""))
        items = [
            {"name": name, "displayName": name.capitalize(), "source": dataset.source.key, "dataType": dataset.name, "enabled": True}
            for dataset, name in found
        ]
        return listed(items)


class VersionDetail(UdmView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("get_version", {200: VersionInfo}, failures=(400,), tokenless=True)
    def get(self, request: Request) -> Response:
        """Get service info. Needs no token."""
        read_query(request, NoQuery)
        build = {"version": settings.VERSION, "buildNumber": settings.BUILD_NUMBER, "changeset": settings.CHANGESET}
        return Response({**build, "name": "Strongroom"})
