"""Log, blobs, evidence and snapshots: plain files, for whoever has no better server in front."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from api.problems import answers, problem
from priorconsent import timestamps
from transparency.files import public_folder

# What has its place in the log never changes.
FOR_EVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
TIME_STAMP = timestamps.REPLY_TYPE
SQLITE = "application/vnd.sqlite3"
JSON = "application/json"


@answers("GET", "HEAD")
def public_file(request: HttpRequest, path: str, media_type: str, caching: str) -> HttpResponseBase:
    """A file below the public folder.

    Args:
        path: as the address pattern let it through: no dots but those written there, so no way upwards.
    """
    del request
    try:
        file = (public_folder() / path).open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return problem("not_found")
    response = FileResponse(file, content_type=media_type)
    response.headers["Cache-Control"] = caching
    return response
