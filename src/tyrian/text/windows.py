"""Windows with overlap over a long text."""


def windows(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open windows of at most `size` that cover 0..`length`, neighbours sharing `overlap`.

    The last window is moved back rather than cut short, so that it sees a full `size` of context.
    An empty text has one empty window. ValueError unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap {overlap} must be at least 0 and less than size {size}")
    if length <= size:
        return [(0, max(length, 0))]
    step = size - overlap
    starts = list(range(0, length - size, step))
    return [(s, s + size) for s in (*starts, length - size)]
