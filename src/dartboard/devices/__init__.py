"""Devices: find and name them, send numbers to them, know their memory, record their work."""

from dartboard.devices.finding import device_name, find_device
from dartboard.devices.graphs import GRAPHS, Graph, make_graph
from dartboard.devices.memory import PeakMemory, available_memory, equal_steps
from dartboard.devices.sending import send

__all__ = [
    "GRAPHS",
    "Graph",
    "PeakMemory",
    "available_memory",
    "device_name",
    "equal_steps",
    "find_device",
    "make_graph",
    "send",
]
