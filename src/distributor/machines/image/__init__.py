"""The guest image: what is in a machine when it boots, built and found again."""

from distributor.machines.image.architecture import AMD64, ARCHITECTURES, Architecture
from distributor.machines.image.board import Board
from distributor.machines.image.build import (
    Image,
    build_image,
    find_image,
    other_images,
    require_image,
)
from distributor.machines.image.cache import cache_folder

__all__ = [
    "AMD64",
    "ARCHITECTURES",
    "Architecture",
    "Board",
    "Image",
    "build_image",
    "cache_folder",
    "find_image",
    "other_images",
    "require_image",
]
