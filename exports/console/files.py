"""Files: the list, and the click that downloads one."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render

from accounts.console.access import MemberRequest, member_page
from exports.console.presentation import file_entries, files_of
from exports.services import files as file_services

PAGE = 50


@member_page()
def file_list(request: MemberRequest) -> HttpResponse:
    words = request.GET.get("q", "")[:200].replace("\x00", "").strip()
    files = files_of(request.access).filter(name__icontains=words)
    page = Paginator(files, PAGE).get_page(request.GET.get("page"))
    context = {
        "files": file_entries(page.object_list),
        "page": page,
        "q": words,
        "filter": urlencode({"q": words}) + "&",
    }
    return render(request, "console/files.html", context)


@member_page()
def file_download(request: MemberRequest, pk: int) -> HttpResponse:
    """A fresh signed link for each click: it outlives neither the file nor the moment."""
    file = get_object_or_404(files_of(request.access), pk=pk)
    [link] = file_services.give_links(request.access, [file], "")
    return HttpResponseRedirect(link)
