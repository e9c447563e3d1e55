"""An LSTM that emits tokens one after the other."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor
from torch.nn import functional

from dartboard.devices.sending import send

__all__ = ["TokenWalk"]


class TokenWalk:
    """Many independent sequences of tokens ("walks") from one LSTM; each token is drawn given the tokens before it.

    Noise is drawn on the CPU and choices are made on the device of the weights, so that no token waits for the device.

    Args:
        weights: by name: `start`, `lstm.LAYER.input`, `.state` and `.bias`, `operations.weight` and `.bias`,
            `embedding`, and for predecessors `attention.keys`, `.queries` and `.scores`.
        layers: number of LSTM layers.
        count: number of walks.
        temperature: divides the outputs of the layers.
        squash: largest absolute logit.
        generator: on the CPU.

    Attributes:
        count: number of walks.
        start: the first input of the LSTM, (walks, units).
        log_likelihood: log likelihood of the tokens emitted so far, summed, (walks,).
        entropy: entropy of the distributions they were drawn from, in nats, summed, (walks,).
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        layers: int,
        count: int,
        temperature: float,
        squash: float,
        generator: Generator,
    ) -> None:
        self.count = count
        self.start = weights["start"].expand(count, -1)
        self.log_likelihood = self.entropy = self.start.new_zeros(count)
        self._weights, self._temperature, self._squash, self._generator = weights, temperature, squash, generator
        still = torch.zeros_like(self.start)
        self._states = [(still, still)] * layers

    def advance(self, heard: Tensor) -> Tensor:
        """One step of the LSTM: input -> output of its last layer, both (walks, units)."""
        for layer, state in enumerate(self._states):
            own = [self._weights[f"lstm.{layer}.{part}"] for part in ("input", "state", "bias")]
            self._states[layer] = _lstm_cell(heard, state, *own)
            heard = self._states[layer][0]
        return heard

    def say_operation(self, heard: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """Draw an operation.

        Args:
            heard: input of the LSTM, (walks, units).
            allowed: which operations may be drawn, (operations,) or (walks, operations), bool.

        Returns:
            1 for the operation drawn, else 0, (walks, operations); and the operation's embedding, (walks, units).
        """
        logits = functional.linear(
            self.advance(heard), self._weights["operations.weight"], self._weights["operations.bias"]
        )
        chosen = self._draw(logits, allowed)
        return chosen, chosen @ self._weights["embedding"]

    def key(self, output: Tensor) -> Tensor:
        """The attention key of a node, from the LSTM's output for the node, both (walks, units)."""
        return output @ self._weights["attention.keys"]

    def say_predecessor(self, heard: Tensor, keys: Tensor, allowed: Tensor) -> Tensor:
        """Draw one of the earlier nodes; the logit of a node is v . tanh(key + query) (ENAS, the authors' code).

        Args:
            heard: input of the LSTM, (walks, units).
            keys: attention keys of the earlier nodes, (walks, nodes, units).
            allowed: which nodes may be drawn, (walks, nodes), bool.

        Returns:
            1 for the node drawn, else 0, (walks, nodes).
        """
        query = self.advance(heard) @ self._weights["attention.queries"]
        return self._draw((keys + query[:, None]).tanh() @ self._weights["attention.scores"], allowed)

    def _draw(self, logits: Tensor, allowed: Tensor) -> Tensor:
        squashed = self._squash * (logits / self._temperature).tanh()
        logs = squashed.masked_fill(~allowed, torch.finfo(squashed.dtype).min).log_softmax(dim=-1)
        waiting = torch.empty(logs.shape).exponential_(generator=self._generator)
        noise = -waiting.clamp_min(torch.finfo(waiting.dtype).tiny).log()
        shaken = logs.detach() + send(noise, logs.device, logs.dtype)
        chosen = torch.zeros_like(logs).scatter_(-1, shaken.argmax(-1, keepdim=True), 1.0)
        self.log_likelihood = self.log_likelihood + (chosen * logs).sum(dim=-1)
        self.entropy = self.entropy - (logs.exp() * logs).sum(dim=-1)
        return chosen


def _lstm_cell(
    heard: Tensor, state: tuple[Tensor, Tensor], at_input: Tensor, at_state: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Output and memory of one LSTM cell (Hochreiter and Schmidhuber 1997, with a forget gate)."""
    output, memory = state
    mixed = functional.linear(heard, at_input, bias) + functional.linear(output, at_state)
    enter, forget, candidate, leave = mixed.chunk(4, dim=-1)
    memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * memory.tanh(), memory
