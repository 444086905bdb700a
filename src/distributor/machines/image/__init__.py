"""The guest image: what is in a machine when it boots, built and found again."""

from distributor.machines.image.build import (
    Image,
    build_image,
    find_image,
    other_images,
    require_image,
)
from distributor.machines.image.cache import cache_folder

__all__ = ["Image", "build_image", "cache_folder", "find_image", "other_images", "require_image"]
