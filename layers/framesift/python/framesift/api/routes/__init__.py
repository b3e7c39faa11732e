"""The API's routes: one module per resource, each with a `router`."""

from framesift.api.routes import clips, description, lists, login, publications, reviews, runs, takedowns

ROUTERS = tuple(each.router for each in (lists, description, login, runs, clips, reviews, takedowns, publications))

__all__ = ["ROUTERS"]
