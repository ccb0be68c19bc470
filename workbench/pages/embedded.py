"""A picture inside a page: its bytes stand in the page itself, its words beside them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from workbench.pages.picture import Picture


def embedded(picture: Picture) -> Markup:
    """Put a picture into a page; on a phone it may be moved sideways rather than shrunk until nothing can be read."""
    data = base64.b64encode(picture.png).decode()
    return Markup(
        '<div class="wb-scroll wb-picture" tabindex="0" role="group" aria-label="Picture">'
        '<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}"></div>'
    ).format(data, picture.width, picture.height, picture.alt)
