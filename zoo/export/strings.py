"""Raw items and labels as bytes for a graph and as text for a file."""


def as_bytes(values):
    """Return `values` as a list of UTF-8 `bytes`; what is bytes already stays as it is, valid or not."""
    return [
        bytes(value) if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass") for value in values
    ]


def as_text(values):
    """Return `values` as a list of `str`; bytes that are no UTF-8 become the replacement character."""
    return [value.decode("utf-8", "replace") for value in as_bytes(values)]
