"""A stand-in for an accelerator, for tests without one: a separate torch device that keeps tensors in host memory.

Code that tests `device.type` takes the stand-in for an accelerator. It refuses operations that mix its tensors with the
host's, as CUDA does. It counts the operations that CUDA would launch, and notes where the host would have to wait. Its
graphs work like CUDA graphs: they record a run without carrying it out, and repeat it without the Python code.

Autograd counts the devices at its first backward pass, so this module must be imported before that: at the top of a
test module, not within a test. A test that needs the stand-in is skipped if torch cannot have such a device, or already
has another one.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

from dartboard.devices import GRAPHS

__all__ = ["STAND_IN", "StandInGraph", "StandInMode", "StandInTensor", "stand_in"]

NAME = "standin"

try:
    from torch.utils.backend_registration import (
        _DummyBackendModule,
        _DummyPrivateUse1Hook,
        _setup_privateuseone_for_python_backend,
    )
except ImportError:  # not in the oldest torch that dartboard runs under
    _CAN_BE_MADE = False
    _DummyBackendModule = _DummyPrivateUse1Hook = object  # type: ignore[misc,assignment]
else:
    _CAN_BE_MADE = torch._C._get_privateuse1_backend_name() == "privateuseone"


class _Hook(_DummyPrivateUse1Hook):
    """Tells torch whether the stand-in exists: only within `stand_in`, so that no other test finds it."""

    exists = False

    def is_available(self) -> bool:
        return _Hook.exists


class _Module(_DummyBackendModule):
    """What torch calls in `torch.standin`; the stand-in has no random number generator of its own."""

    def is_available(self) -> bool:
        return _Hook.exists

    def device_count(self) -> int:
        return int(_Hook.exists)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def get_rng_state(self, device: object = None) -> Tensor:  # noqa: ARG002
        return torch.empty(0, dtype=torch.uint8)

    def set_rng_state(self, state: Tensor, device: object = None) -> None:
        pass


if _CAN_BE_MADE:
    _setup_privateuseone_for_python_backend(NAME, hook=_Hook(), backend_module=_Module())
STAND_IN = torch.device(NAME if _CAN_BE_MADE else "privateuseone", 0)
"""The device of the stand-in."""

_WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "unique2", "_unique2"}
"""Operations that give the host values of a tensor, or a result that depends on its values."""
_MIXES = {"copy_", "_to_copy", "_foreach_copy_"}
"""Operations that may read tensors of both host and stand-in."""


class StandInTensor(Tensor):
    """A tensor on the stand-in.

    Args:
        held: the tensor on the host that holds the numbers.
    """

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "StandInTensor":
        """A tensor on the stand-in with the numbers, shape, strides and type of `held`."""
        made: StandInTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            device=STAND_IN,
            dtype=held.dtype,
        )
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"StandInTensor({self.held!r})"

    def __reduce_ex__(self, protocol: int) -> Any:  # type: ignore[override]
        """Pickled as a host tensor, as dartboard loads the tensors of every device onto the host."""
        return self.held.detach().__reduce_ex__(protocol)  # type: ignore[no-untyped-call]

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, Tensor], *_: object) -> "StandInTensor":
        return StandInTensor(inner["held"])

    @classmethod
    def __torch_dispatch__(cls, func: OpOverload, *_: object, **__: object) -> Any:  # type: ignore[override]
        raise RuntimeError(f"{func} reads a tensor of the stand-in outside of `stand_in`.")


def _held(tensor: StandInTensor) -> Tensor:
    return tensor.held


class StandInMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs the operations of the stand-in.

    Attributes:
        launches: name of an operation -> how often it was launched; views launch nothing.
        waits: place in dartboard -> how often the host waited there.
        replays: how often graphs were repeated.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.launches: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.replays = 0
        self.recording: list[_Launch] | None = None

    def forget(self) -> None:
        """Set the counts of launches and waits to zero."""
        self.launches.clear()
        self.waits.clear()

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = _tensors((args, kwargs))
        reads_device = any(isinstance(tensor, StandInTensor) for tensor in tensors)
        target = kwargs.get("device")
        to_device = target is not None and torch.device(target).type == NAME
        if not reads_device and not to_device:
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        to_host = target is not None and not to_device
        self._check(name, tensors, args, kwargs, to_host=to_host)
        if target is not None:
            kwargs["device"] = torch.device("cpu")
        launch = _Launch(func, *_mapped(_held, StandInTensor, (args, kwargs)))
        if not launch.signature.is_view:
            self.launches[name] += 1
        if self.recording is None:
            launch.results = func(*launch.args, **launch.kwargs)
        else:
            launch.record()
            self.recording.append(launch)
        if to_host:
            return launch.results
        wrapped = _mapped(StandInTensor, Tensor, launch.results)
        if not launch.signature.aliases:
            return wrapped
        return return_and_correct_aliasing(func, args, kwargs, wrapped)  # type: ignore[no-untyped-call]

    def _check(
        self, name: str, tensors: Sequence[Tensor], args: Sequence[Any], kwargs: dict[str, Any], *, to_host: bool
    ) -> None:
        """Note a wait, and refuse operations that mix devices.

        While a graph is recorded, operations that wait or read the host's memory are refused too: the repeated graph
        would read the same host memory, which may hold other numbers by then.

        Raises:
            RuntimeError: the operation is refused.
        """
        on_host = [tensor for tensor in tensors if not isinstance(tensor, StandInTensor)]
        is_blocking = not kwargs.get("non_blocking", args[2] if name == "copy_" and len(args) > 2 else False)
        to_host = to_host or (name == "copy_" and not isinstance(args[0], StandInTensor))
        if name in _WAITS or to_host or (on_host and name in _MIXES and is_blocking):
            self.waits[f"{name} at {_place()}"] += 1
            if self.recording is not None:
                raise RuntimeError(f"{name} makes the host wait at {_place()} while a graph is recorded.")
        if self.recording is not None and on_host and name in _MIXES:
            raise RuntimeError(f"{name} reads the host's memory at {_place()} while a graph is recorded.")
        if name not in _MIXES and any(tensor.dim() for tensor in on_host):
            raise RuntimeError(f"{name} mixes tensors of the host and the stand-in at {_place()}.")


class _Signature(NamedTuple):
    """How an operation uses its arguments.

    Attributes:
        aliases: whether its results share memory with its arguments.
        written: names of the arguments that it writes to.
        arguments: names of all arguments.
    """

    aliases: bool
    written: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def is_view(self) -> bool:
        """Whether the operation only makes a view, and so launches nothing."""
        return self.aliases and not self.written


@cache
def _signature(func: OpOverload) -> _Signature:
    schema = func._schema
    written = tuple(each.name for each in schema.arguments if each.alias_info is not None and each.alias_info.is_write)
    aliases = any(each.alias_info is not None for each in schema.returns)
    return _Signature(aliases, written, tuple(each.name for each in schema.arguments))


class _Launch:
    """An operation on host tensors. It can be recorded instead of run, and run again later."""

    def __init__(self, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func, self.args, self.kwargs = func, args, kwargs
        self.signature = _signature(func)
        self.results: Any = None

    def record(self) -> None:
        """Make result tensors of the right shapes, without changing any existing tensor."""
        if self.signature.is_view:
            self.results = self.func(*self.args, **self.kwargs)
        else:
            found = self.func(*_mapped(torch.clone, Tensor, self.args), **_mapped(torch.clone, Tensor, self.kwargs))
            self.results = self._written() if self.signature.aliases else found

    def _written(self) -> Any:
        given = dict(zip(self.signature.arguments, self.args, strict=False)) | self.kwargs
        found = [given[name] for name in self.signature.written]
        return found[0] if len(found) == 1 else tuple(found)

    def again(self) -> None:
        """Run the operation on the current values of its arguments; the result tensors are overwritten."""
        if self.signature.is_view:
            return
        found = self.func(*self.args, **self.kwargs)
        if not self.signature.aliases:
            for old, new in zip(_tensors(self.results), _tensors(found), strict=True):
                old.copy_(new)


def _tensors(tree: Any) -> list[Tensor]:
    """The tensors in the arguments or results of an operation, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (list, tuple)):
        return []
    return [tensor for each in tree for tensor in _tensors(each)]


def _mapped(change: Callable[[Any], Any], kind: type[Tensor], tree: Any) -> Any:
    """The same tree with every tensor of a kind changed; torch's general function for trees takes far longer."""
    if isinstance(tree, kind):
        return change(tree)
    if isinstance(tree, dict):
        return {key: _mapped(change, kind, each) for key, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_mapped(change, kind, each) for each in tree])
    return tree


class StandInGraph:
    """Takes the place of `torch.cuda.CUDAGraph`: repeats the launches of a run, without the Python code around them."""

    def __init__(self, mode: StandInMode) -> None:
        self._mode = mode
        self._launches: list[_Launch] = []

    def warm_up(self, run: Callable[[], None]) -> None:
        """Run the function once before it is recorded."""
        run()

    def capture(self, run: Callable[[], None]) -> None:
        """Record a run without carrying it out."""
        self._mode.recording = self._launches
        try:
            run()
        finally:
            self._mode.recording = None

    def replay(self) -> None:
        """Run the recorded launches."""
        self._mode.replays += 1
        for launch in self._launches:
            launch.again()


class _Literals(TorchFunctionMode):
    """Handles what torch does outside of the dispatcher: it makes tensors from numbers, and numbers from tensors."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        device = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and device is not None and torch.device(device).type == NAME:
            del kwargs["device"]
            return func(*args, **kwargs).to(device)
        if func is Tensor.new_tensor and isinstance(args[0], StandInTensor):
            return func(args[0].held, *args[1:], **kwargs).to(STAND_IN)
        if func in (Tensor.tolist, Tensor.numpy) and isinstance(args[0], StandInTensor):
            return func(args[0].detach().cpu(), *args[1:], **kwargs)
        return func(*args, **kwargs)


class _Generator(torch.Generator):
    """Generators of the stand-in are generators of the host."""

    def __new__(cls, device: torch.device | str = "cpu") -> Self:
        place = "cpu" if torch.device(device).type == NAME else device
        return super().__new__(cls, place)  # type: ignore[call-arg]


@contextmanager
def stand_in() -> Iterator[StandInMode]:
    """A context in which the device `STAND_IN` exists; a test that enters it is skipped if torch cannot have one."""
    if not _CAN_BE_MADE:
        pytest.skip("this torch cannot have a device that is written in Python, or has another one")
    mode = StandInMode()
    with (
        patch.object(_Hook, "exists", True),
        patch.object(torch, "Generator", _Generator),
        patch.dict(GRAPHS, {NAME: lambda _: StandInGraph(mode)}),
        mode,
        _Literals(),
    ):
        yield mode


def _place() -> str:
    """The lines of dartboard from which the running operation was called, the innermost last."""
    frames = [frame for frame in traceback.extract_stack() if _is_searching(frame.filename)]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-3:]) or "elsewhere"


def _is_searching(path: str) -> bool:
    return "/dartboard/" in path and "/dartboard/testing/" not in path
