"""The API's routes: one module per resource, each with a `router`."""

from framesift.api.routes import clips, description, lists, reviews, runs, takedowns

ROUTERS = (lists.router, description.router, runs.router, clips.router, reviews.router, takedowns.router)

__all__ = ["ROUTERS"]
