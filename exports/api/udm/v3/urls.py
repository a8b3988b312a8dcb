from django.urls import URLPattern, path

from exports.api.udm import catalogue, files
from exports.api.udm.schema import serve
from exports.api.udm.v3.serializers import FileQuery
from exports.api.udm.version import Version

V3 = Version(prefix="udm_v3", tag="User Data Management, version 3", deprecated=True, file_query=FileQuery)


def patterns(version: Version) -> list[URLPattern]:
    return [
        path("cipher", serve(catalogue.Cipher, version)),
        path("cipher/<str:certificatefilename>", serve(catalogue.CipherUpload, version)),
        path("data/job-statuses", serve(catalogue.JobStatuses, version)),
        path("data/sources", serve(catalogue.Sources, version)),
        path("data/sub-types", serve(catalogue.SubTypes, version)),
        path("data/types", serve(catalogue.DataTypes, version)),
        path("file-metadatas", serve(files.FileMetadatas, version)),
        path("files", serve(files.Files, version)),
        path("files/<str:filename>", serve(files.FileDetail, version)),
        path("version", serve(catalogue.VersionDetail, version)),
    ]


urlpatterns = patterns(V3)
