"""Charts of a report as SVG; matplotlib is imported when the first chart is drawn."""

__all__: list[str] = []
