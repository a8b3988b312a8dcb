"""/cipher, /data, /resources and /version"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import api_keys
from accounts.api.credentials import TOKENLESS
from accounts.api.dialect import read_query
from accounts.api.parsers import BoundedMultiPartParser
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, listed
from exports.api.udm.queries import AttributesQuery, NoQuery, SourceQuery, SubTypeQuery
from exports.api.udm.schema import CERTIFICATE_NAME, WARNING, operation
from exports.api.udm.shapes import CertificateInfo, CertificateUpload, DataType, Entity, KeyValueItem, SubType, VersionInfo
from exports.api.udm.shapes import Labels as LabelsShape
from exports.models import Certificate, Dataset
from exports.services import attributes, certificates, definitions, labels
from exports.services.errors import NotFound


def _items(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"label": label, "value": value} for value, label in texts.items()]


def _entity(dataset: Dataset, found: Iterable[attributes.Attribute]) -> dict[str, Any]:
    shown = [{"name": one.name, "type": one.type, "operators": one.operators} for one in found]
    return {"entity": dataset.name, "source": dataset.source.key, "attributes": shown}


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

    @operation(
        "upload_cipher",
        {201: OpenApiTypes.STR},
        body=CertificateUpload,
        media_type="multipart/form-data",
        parameters=(CERTIFICATE_NAME, WARNING),
        failures=(400,),
    )
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
        return Response(_items(labels.job_statuses(access_of(request))))


class Sources(UdmView):
    @operation("list_sources", {200: KeyValueItem(many=True), 204: None}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of sources."""
        read_query(request, NoQuery)
        return listed(_items({source.key: source.name for source in definitions.sources(access_of(request))}))


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
            {
                "name": name,
                "displayName": labels.sub_type_label(name),
                "source": dataset.source.key,
                "dataType": dataset.name,
                "enabled": True,
            }
            for dataset, name in found
        ]
        return listed(items)


class Attributes(UdmView):
    @operation("list_attributes", {200: Entity(many=True)}, query=AttributesQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get what a job may filter on: the attributes of all types, or of some."""
        entities = read_query(request, AttributesQuery).get("entities", "").split(",")
        found = attributes.attributes(access_of(request), [name.strip() for name in entities if name.strip()])
        return Response([_entity(*one) for one in found])


class Labels(UdmView):
    @operation("get_labels", {200: LabelsShape}, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get labels and their values: what to show for each value that this API speaks in, by vocabulary."""
        read_query(request, NoQuery)
        return Response({vocabulary: _items(texts) for vocabulary, texts in labels.labels(access_of(request)).items()})


class VersionDetail(UdmView):
    authentication_classes = []
    permission_classes = [AllowAny]

    @operation("get_version", {200: VersionInfo}, failures=(400, 403), tokenless=True, security=TOKENLESS)
    def get(self, request: Request) -> Response:
        """Get service info. Needs no token, and no API key either."""
        if api_keys.HEADER in request.headers:
            api_keys.check(request)
        read_query(request, NoQuery)
        build = {"version": settings.VERSION, "buildNumber": settings.BUILD_NUMBER, "changeset": settings.CHANGESET}
        return Response({**build, "name": "Strongroom"})
