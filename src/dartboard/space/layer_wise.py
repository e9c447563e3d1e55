"""What the skeletons of layer-wise spaces share: the number of their blocks is fixed."""

from dartboard.errors import RecipeError, SettingsError

__all__ = ["LayerWise"]


class LayerWise:
    """Base of a skeleton in which every block is a kind of cell of its own, with its own alpha."""

    @property
    def fewest_layers(self) -> int:
        """The number of blocks, which is also the largest `layers` of a network."""
        raise NotImplementedError

    def deepen(self, layers: int, cells: int) -> int:
        """The `layers` of a network with so many more cells in every stage, which can only be 0 here.

        Raises:
            RecipeError: `cells` is not 0.
        """
        if cells:
            raise RecipeError(
                "the method makes supernets deeper, and every block of this space has an alpha of its own, so their "
                "number is fixed; choose another method, or a space of repeated cells."
            )
        return layers

    def check_layers(self, layers: int) -> None:
        """Refuse another number of blocks.

        Raises:
            SettingsError: `layers` is not the number of blocks.
        """
        if layers != self.fewest_layers:
            raise SettingsError(
                f"this space has {self.fewest_layers} layers, each with an alpha of its own, not {layers}; "
                f"set layers to {self.fewest_layers}."
            )
