"""/files and /file-metadatas"""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField

from accounts.api.dialect import read_query
from accounts.api.permissions import access_of
from exports.api.udm.dialect import UdmView, page, paged, undone
from exports.api.udm.queries import NamesQuery, NoQuery
from exports.api.udm.schema import FILE_NAME, LINK, operation
from exports.api.udm.shapes import FileMetadata, FilePage, PreSignedUri
from exports.services import files


class FileMetadatas(UdmView):
    @property
    def key_in_query(self) -> bool:
        """Asked for by accounts/api/api_keys.py."""
        return self.version.key_in_query

    @operation("list_file_metadatas", {200: FilePage}, query=lambda version: version.file_query, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get a list of files data."""
        query = read_query(request, self.version.file_query)
        found = files.listing(
            access_of(request),
            name=query.get("name", ""),
            job_title=query.get("jobTitle", ""),
            data_type=query.get("type", ""),
            source=query.get("source", ""),
            run_id=query.get("historyId"),
            since=query.get("startDate"),
            until=query.get("endDate"),
        )
        count, rows = page(found, query, self.version.file_query.ORDERS)
        return paged(count, FileMetadata(rows, many=True).data, query)


class Files(UdmView):
    @operation("get_links", {200: PreSignedUri(many=True), 404: PreSignedUri(many=True)}, query=NamesQuery, failures=(400,))
    def get(self, request: Request) -> Response:
        """Get links to download files, in the order of their names; 404 with the names that do not exist if there are any."""
        names = read_query(request, NamesQuery)["filename"].split(",")
        found, missing = files.find_all(access_of(request), names)
        if missing:
            return Response([{"path": name} for name in missing], status=404)
        return Response([{"path": link} for link in files.give_links(access_of(request), found, request.build_absolute_uri("/"))])

    @operation("delete_files", lambda version: version.bulk(CharField()), query=NamesQuery, failures=(400, 404))
    def delete(self, request: Request) -> Response:
        """Delete a bunch of files."""
        names = read_query(request, NamesQuery)["filename"].split(",")
        delete = files.delete_each if self.version.deletes_each else files.delete_files
        return undone(delete(access_of(request), names))


class FileDetail(UdmView):
    @operation("download_file", {303: None}, parameters=(FILE_NAME, LINK), failures=(400, 404))
    def get(self, request: Request, filename: str) -> Response:
        """Download a file: answers 303 with the link."""
        read_query(request, NoQuery)
        file = files.find(access_of(request), filename)
        [link] = files.give_links(access_of(request), [file], request.build_absolute_uri("/"))
        return Response(status=303, headers={"Location": link})

    @operation("delete_file", {204: None}, parameters=(FILE_NAME,), failures=(400, 404))
    def delete(self, request: Request, filename: str) -> Response:
        """Delete a file."""
        read_query(request, NoQuery)
        files.delete_file(access_of(request), filename)
        return Response(status=204)
