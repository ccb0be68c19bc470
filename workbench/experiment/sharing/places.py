"""Which kind of place a URL stands for."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.dataset.addresses import had_credentials
from workbench.documents.redaction import without_credentials
from workbench.errors import BadAddress
from workbench.experiment.sharing.folder import folder_at
from workbench.experiment.sharing.remote import Remote

IMAGES = re.compile(r"(?P<kind>oci|oci-layout):(?P<place>.*?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?")


def remote_at(url: str) -> Remote:
    """Open what a URL stands for: a repository of images, an image layout, or a folder. Nothing is made there.

    Raises
    ------
    BadAddress
        If there is no such kind of URL, a package is missing, or its server cannot be reached.
    """
    if had_credentials(url):
        told = without_credentials(url)
        raise BadAddress(told, "had its user and password taken out", "Give them again in place of ***.")
    if not url.strip():
        raise BadAddress(url, "is empty", "Name a folder, or a URL such as s3://bucket/experiments.")
    if (images := IMAGES.fullmatch(url)) is None:
        return folder_at(url)
    from workbench.experiment.sharing.image import Image
    from workbench.experiment.sharing.layout import Layout
    from workbench.experiment.sharing.registry import Registry

    place, tag = images["place"], images["tag"]
    if images["kind"] == "oci":
        return Image(Registry(f"oci:{place}"), tag)
    if not place:
        raise BadAddress(url, "names no folder", "Give it like this: oci-layout:/path/to/folder.")
    return Image(Layout(Path(place.removeprefix("//")).expanduser().absolute()), tag)
