"""Videos of a person, and a way to follow whatever a video shows."""

from tests.unit.videos import astronaut, follow_anybody, person_video

__all__ = ["astronaut", "follow_anybody", "person_video"]
