"""Videos of a person."""

from tests.unit.videos import astronaut, person_video

__all__ = ["astronaut", "person_video"]
