"""The messages of searches for similar images."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Base64Bytes, Field, model_validator

from framesift.api.collection_messages import MAX_QUERY_LENGTH, Request, ServedImage
from framesift.contracts import Box, Contract
from framesift.contracts.catalog import ItemId

MAX_PARTS = 16
_MAX_TEXT = 2_000
_ModelName = Annotated[str, Field(max_length=200, pattern=r"^([\w.-]+@[\w.-]+)?$")]


class SearchPart(Request):
    """Something to be similar to: a text, an image or an item."""

    text: str | None = Field(None, min_length=1, max_length=_MAX_TEXT, description="What images show.")
    image: Base64Bytes | None = Field(None, description="An image's file, in Base64.")
    item: ItemId | None = Field(None, description="An item of the collection.")
    box: Box | None = Field(None, description="Only this part of the image or item.")
    weight: float = Field(1.0, ge=-10, le=10, description="How much it counts; negative: to be unlike it.")

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if sum(each is not None for each in (self.text, self.image, self.item)) != 1:
            raise ValueError("say one of text, image and item")
        if self.box is not None and self.text is not None:
            raise ValueError("a text has no box")
        return self


class SearchQuery(Request):
    """What is to be found."""

    parts: list[SearchPart] = Field(min_length=1, max_length=MAX_PARTS, description="Their vectors are added.")
    query: str = Field("", max_length=MAX_QUERY_LENGTH, description="Only items that it finds; empty: all.")
    limit: int = Field(20, ge=1, le=1_000, description="Results at most.")
    model: _ModelName = Field("", description="Whose vectors are compared, `name@version`; empty: the first that fits.")
    objects: bool = Field(False, description="Find objects in images, not whole images.")
    min_score: float = Field(-1.0, ge=-1, le=1, description="The least cosine.")
    fold_from: float | None = Field(
        None, ge=-1, le=1, description="Results whose cosine to a better one is this or more are counted with it."
    )


class SearchHit(Contract):
    """A result."""

    score: float = Field(description="The cosine, -1 to 1.")
    box: Box | None = Field(None, description="Where the object is; null: it is the whole image.")
    label: str = Field("", description="What the object is.")
    folded: int = Field(0, description="Results that are nearly identical to this one, and left out for it.")
    item: ServedImage


class SearchResults(Contract):
    """What a search found."""

    hits: list[SearchHit] = Field(description="The best first.")
    matching: int = Field(description="How many vectors the query left over.")
    model: str = Field(description="Whose vectors were compared.")
