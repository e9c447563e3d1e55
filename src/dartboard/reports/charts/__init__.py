"""Charts of a report, as SVG; matplotlib is loaded when the first one is drawn."""

__all__: list[str] = []
