"""The routes of the HTTP API.

Lists are public and cacheable. The rest is behind the gateway's JWT authorizer, and asks for a scope here again, so
that a route that is wired without the authorizer answers 401 and not a record.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from framesift.api import views
from framesift.api.messages import (
    CLIP_ID_PATTERN,
    REVIEW_ID_PATTERN,
    ClipHistory,
    ListDiff,
    Problem,
    ReviewList,
    RunList,
    RunReport,
    ServedList,
    Source,
    Takedown,
    TakedownRequest,
    VerdictRequest,
)
from framesift.api.middlewares import READ, WRITE, cacheable, requires, to_json
from framesift.api.problems import CONTENT_TYPE, Problems
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records, Review, Verdict

app = APIGatewayHttpResolver(
    enable_validation=True,
    serializer=to_json,
    cors=CORSConfig(allow_origin="*", expose_headers=["ETag"], max_age=600),
)
app.configure_openapi(
    title="Framesift",
    version="1",
    description="The day's top clips, and what is known of their runs. Problems are answered by RFC 9457.",
    security_schemes={"token": HTTPBearer(bearerFormat="JWT", description="An access token of the user pool.")},
)
Problems(app)

Category = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")]
Edition = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d{1,4})?$", description="None: the newest.")]
Subject = Annotated[str | None, Query(max_length=200, description="Of `upload`: the collection, or the upload.")]
ThumbnailName = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}\d{2}\.jpg$")]


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {CONTENT_TYPE: {"model": Problem}}}


# What routes of a kind share, by the names of the resolver's arguments.
_EVERY: dict[str, Any] = {"custom_response_validation_http_code": 500}
_OK = {200: {"description": "As asked."}}
_FAILED = {500: _problem("Something failed here; `request_id` finds it in the logs.")}
_WRONG = {404: _problem("There is none."), 422: _problem("A parameter has the wrong form; `errors` names it.")}
_REFUSED = {401: _problem("No valid access token."), 403: _problem("The token lacks the scope.")}
_PUBLIC: dict[str, Any] = _EVERY | {"tags": ["lists"], "responses": _OK | _WRONG | _FAILED}
_READERS: dict[str, Any] = _EVERY | {
    "tags": ["runs"],
    "security": [{"token": [READ]}],
    "middlewares": [requires(READ)],
    "responses": _OK | _REFUSED | _WRONG | _FAILED,
}
_WRITERS: dict[str, Any] = _READERS | {
    "security": [{"token": [WRITE]}],
    "middlewares": [requires(WRITE)],
    "cors": False,
}
_PICTURES: dict[str, Any] = _PUBLIC | {
    "status_code": 302,
    "responses": {302: {"description": "The picture is there.", "content": {}}} | _WRONG | _FAILED,
}


def _store() -> S3Store:
    return S3Store(load_settings().platform.bucket)


def _records() -> Records:
    return Records(load_settings().platform.table)


def _categories() -> list[str]:
    return load_settings().run.categories


def _list_max_age_s() -> int:
    return load_settings().api.list_max_age_s


_cached = [cacheable(_list_max_age_s)]


@app.get("/v1/top10/<category>", summary="A category's list", middlewares=_cached, **_PUBLIC)
def get_top_list(
    category: Category, date: Annotated[Date | None, Query(description="None: the newest.")] = None
) -> ServedList:
    """The newest list of a category, or a day's."""
    return views.top_list(category, date, store=_store(), records=_records(), categories=_categories())


@app.get("/v1/top10/<category>/thumbnails/<name>", summary="A thumbnail", **_PICTURES)
def get_thumbnail(category: Category, name: ThumbnailName, edition: Edition = None) -> Response[str]:
    """Leads to a picture by a link that works for a while."""
    edition = edition or views.newest_edition(category, records=_records(), categories=_categories())
    link_s = load_settings().api.media_url_s
    link = views.thumbnail_link(category, name, edition, store=_store(), records=_records(), link_s=link_s)
    # Kept for half of the link's life at most, so that nobody is led to a dead one.
    headers = {"Location": link, "Cache-Control": f"public, max-age={link_s // 2}", "Vary": "Origin"}
    return Response(302, content_type=None, body="", headers=headers)


@app.get("/v1/top10/<category>/diff", summary="What changed", middlewares=_cached, **_PUBLIC)
def get_list_diff(category: Category) -> ListDiff:
    """What the newest list of a category changed from the one before."""
    return views.list_diff(category, store=_store(), records=_records(), categories=_categories())


@app.get("/v1/openapi.json", include_in_schema=False, middlewares=_cached)
def get_openapi() -> Response[str]:
    """This API, as OpenAPI 3.1."""
    return Response(200, content_type="application/json", body=app.get_openapi_json_schema())


@app.get("/v1/runs", summary="The newest runs of a source", **_READERS)
def get_runs(source: Annotated[Source, Query()] = "tiktok", limit: Annotated[int, Query(ge=1, le=100)] = 30) -> RunList:
    """The newest runs of a source, newest first."""
    return views.runs(source, limit, records=_records())


@app.get("/v1/runs/<source>/<date>", summary="A run", **_READERS)
def get_run(source: Annotated[Source, Path()], date: Annotated[Date, Path()], subject: Subject = None) -> RunReport:
    """A run's record and its stages that are done; of uploads, a day has a run for each subject."""
    return views.run_report(source, date, subject, records=_records())


@app.get("/v1/clips/<source>/<clip_id>", summary="A clip's history", **_READERS)
def get_clip(source: Annotated[Source, Path()], clip_id: Annotated[str, Path(pattern=CLIP_ID_PATTERN)]) -> ClipHistory:
    """What became of a clip on each day that it was seen."""
    return views.clip_history(source, clip_id, records=_records())


@app.get("/v1/reviews", summary="Predictions to review", **_READERS)
def get_reviews(verdict: Annotated[Verdict, Query()] = "pending") -> ReviewList:
    """Predictions that wait for a person, or that one has decided."""
    return ReviewList(reviews=_records().reviews.all(verdict))


@app.post("/v1/reviews/<review_id>", summary="Decide about a prediction", **_WRITERS)
def post_review(
    review_id: Annotated[str, Path(pattern=REVIEW_ID_PATTERN)], request: Annotated[VerdictRequest, Body()]
) -> Review:
    """Accept a prediction, which teaches from the next run on, or reject it; a later verdict wins."""
    authorizer = app.current_event.request_context.authorizer
    claims = authorizer.jwt_claim if authorizer else {}
    return _records().reviews.decide(review_id, request.verdict, by=str(claims.get("sub", "api")))


@app.post("/v1/takedowns", summary="Take a clip down", **_WRITERS)
def post_takedown(request: Annotated[TakedownRequest, Body()]) -> Takedown:
    """Note that a clip must not be listed: lists that are published from now on leave it out."""
    return views.take_down(request, store=_store(), records=_records())
