"""Drawings of architectures, as SVG."""
