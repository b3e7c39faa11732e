import pytest

from framesift.errors import NotFoundError
from framesift.models import shipped_card


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(NotFoundError, match="resnet50"):
        shipped_card("resnet51")
