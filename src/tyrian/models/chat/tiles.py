"""How Llama 4 sees an image: square tiles, a small copy of the whole, and tokens for both.

The model's own preparation needs torchvision; this one gives the same tiles without it
(Llama 4 model card and `preprocessor_config.json`: square tiles of 336 pixels, at most
`max_patches`, bilinear with anti-aliasing, mean and deviation one half).
"""

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

PLACEHOLDER = "<|image|>"
_START, _END, _PATCH = "<|image_start|>", "<|image_end|>", "<|patch|>"
_SIDE, _MAX_TILES, _PATCH_SIDE = 336, 16, 14
_NEXT_IN_ROW, _NEXT_ROW = "<|tile_x_separator|>", "<|tile_y_separator|>"


@dataclass(frozen=True, slots=True)
class Tiling:
    """Sizes that the model's configuration gives."""

    side: int = _SIDE
    """Pixels of a tile's side."""
    max_tiles: int = _MAX_TILES
    tokens_per_tile: int = 144

    @classmethod
    def of(cls, vision: Any, preparation: dict[str, Any]) -> "Tiling":
        """From the vision configuration and the content of `preprocessor_config.json`."""
        side = _side(preparation.get("size"), _side(vision.image_size, _SIDE))
        patches = (side // _side(vision.patch_size, _PATCH_SIDE)) ** 2
        tokens = int(patches * vision.pixel_shuffle_ratio**2)
        return cls(side, int(preparation.get("max_patches", _MAX_TILES)), tokens)

    @property
    def most_tokens(self) -> int:
        """Tokens that one image takes at most: every tile, the small copy, and the marks."""
        return (self.max_tiles + 1) * (self.tokens_per_tile + 1) + self.max_tiles + 4

    def canvas(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tiles that lose the least of an image, with the least padding."""
        most = self.max_tiles
        grids = [(r, c) for r in range(1, most + 1) for c in range(1, most // r + 1)]

        def scale(grid: tuple[int, int]) -> float:
            return min(grid[0] * self.side / height, grid[1] * self.side / width)

        enlarging = [scale(grid) for grid in grids if scale(grid) >= 1]
        wanted = min(enlarging) if enlarging else max(map(scale, grids))
        return min(
            (grid for grid in grids if scale(grid) == wanted), key=lambda grid: grid[0] * grid[1]
        )

    def tokens(self, grid: tuple[int, int]) -> str:
        """The text that stands for an image of that many rows and columns of tiles."""
        rows, columns = grid
        tile = _PATCH * self.tokens_per_tile
        row = _NEXT_IN_ROW.join([tile] * columns) + _NEXT_ROW
        parts = row * rows if rows * columns > 1 else ""
        return f"{_START}{parts}{PLACEHOLDER}{tile}{_END}"

    def pixels(self, image: "Image") -> tuple["Tensor", tuple[int, int]]:
        """The tiles of an image, shape (tiles, 3, side, side), and their rows and columns."""
        import numpy as np
        import torch

        whole = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)[None]
        height, width = whole.shape[-2:]
        rows, columns = grid = self.canvas(height, width)
        bounds = (
            min(max(height, self.side), rows * self.side),
            min(max(width, self.side), columns * self.side),
        )
        fitted = _resized(whole, _within(height, width, bounds))
        room = (0, columns * self.side - fitted.shape[-1], 0, rows * self.side - fitted.shape[-2])
        padded = _normalised(torch.nn.functional.pad(fitted, room))
        tiles = padded.reshape(3, rows, self.side, columns, self.side)
        tiles = tiles.permute(1, 3, 0, 2, 4).reshape(rows * columns, 3, self.side, self.side)
        if rows * columns == 1:
            return tiles, grid
        small = _normalised(_resized(whole, (self.side, self.side)))
        return torch.cat([tiles, small]), grid


def _side(value: Any, default: int) -> int:
    if isinstance(value, dict):
        return int(value.get("height", default))
    if isinstance(value, list | tuple):
        return int(value[0])
    return default if value is None else int(value)


def _within(height: int, width: int, bounds: tuple[int, int]) -> tuple[int, int]:
    down, across = bounds[0] / height, bounds[1] / width
    if across < down:
        return max(min(floor(height * across), bounds[0]), 1), bounds[1]
    return bounds[0], max(min(floor(width * down), bounds[1]), 1)


def _resized(image: "Tensor", size: tuple[int, int]) -> "Tensor":
    import torch

    if tuple(image.shape[-2:]) == size:
        return image
    return torch.nn.functional.interpolate(image, size=size, mode="bilinear", antialias=True)


def _normalised(image: "Tensor") -> "Tensor":
    import torch

    return (image.to(torch.bfloat16) * (1 / 255) - 0.5) / 0.5
