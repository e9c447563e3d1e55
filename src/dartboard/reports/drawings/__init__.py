"""Drawings of architectures, as SVG."""

__all__: list[str] = []
