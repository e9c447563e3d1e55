"""Running a module with weights from outside."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

__all__ = ["OutsideWeights"]


class OutsideWeights:
    """Runs a module with weights from outside instead of its own, as `torch.func.functional_call` does, but faster.

    torch looks up every weight by its name twice per call. For the thousands of weights of a supernet this costs as
    much as a cell. Here the places of the weights are found once.

    Args:
        module: the module; its submodules may not be replaced afterwards.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        names = {id(weight): name for name, weight in module.named_parameters()}
        self._places: dict[str, list[tuple[dict[str, Any], str]]] = {name: [] for name in names.values()}
        for part in module.modules():
            for own_name, weight in part._parameters.items():
                if weight is not None:
                    self._places[names[id(weight)]].append((part._parameters, own_name))

    def __call__(self, weights: Mapping[str, Tensor], /, *given: Any, **options: Any) -> Any:
        """Call the module with these weights, and return what it returns.

        Args:
            weights: weights by their names in `named_parameters`; the module uses its own weight for a missing name.
            given: positional arguments of the module.
            options: keyword arguments of the module.

        Raises:
            KeyError: the module has no weight of that name.
        """
        replaced = [
            (places, own_name, places[own_name], weight)
            for name, weight in weights.items()
            for places, own_name in self._places[name]
        ]
        try:
            for places, own_name, _, weight in replaced:
                places[own_name] = weight
            return self._module(*given, **options)
        finally:
            for places, own_name, own, _ in replaced:
                places[own_name] = own
